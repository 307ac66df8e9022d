"""The sections of the Posterior page, each drawn only when it is chosen."""
