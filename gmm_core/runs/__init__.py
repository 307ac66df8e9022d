"""A run as a value: what was asked for, how, and what was found."""
