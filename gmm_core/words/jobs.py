"""What is said of a run that waits."""

from __future__ import annotations

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
    n = position + 1
    end = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{end} in line"
