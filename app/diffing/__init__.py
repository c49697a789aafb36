"""``citypatrol diff``: what a change of rules does to the tickets."""
