"""``citypatrol doctor``: each named service is connected to once, and what is wrong is said."""
