"""The parts of the Data page: its four ways to points, and what they share."""
