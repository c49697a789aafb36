"""``citypatrol test``: rule tests from their files to what failed."""
