"""Figures that stream, and the run that they show."""
