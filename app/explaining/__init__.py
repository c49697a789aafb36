"""``citypatrol explain``: why a rule says what it says."""
