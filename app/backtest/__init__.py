"""``citypatrol backtest``: what rules would have filed."""
