"""The data of a run: read, typed, checked, frozen."""
