"""What follows from draws of the posterior: labels, summaries, diagnostics, checks."""
