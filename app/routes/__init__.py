"""The routes of ``app.http``, a file a door."""
