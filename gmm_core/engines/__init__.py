"""The engines: each computes the same mixture, in its own way and at its own speed."""
