"""Which point belongs where, and how surely."""
