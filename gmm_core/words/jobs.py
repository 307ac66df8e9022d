"""What is said of a run that waits."""

from __future__ import annotations

from gmm_core.formatting import ordinal

_ORDINALS = (
    "Next",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
)


def in_line(position: int) -> str:
    """Say where a run stands that `position` others start before: "Third in line" for two."""
    if position < len(_ORDINALS):
        return f"{_ORDINALS[position]} in line"
    return f"{ordinal(position + 1)} in line"
