"""Data that stays on the workers: partitions, the pass over them, and the climb on it."""
