"""What others have measured before us, as samples: CSV, line protocol, InfluxQL."""
