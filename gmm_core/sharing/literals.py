"""Numbers as they stand in a program: every digit, long ones over several lines."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import ArrayLike

_WIDTH = 96


def tensor(array: ArrayLike | None) -> str:
    """Write an array as a tensor that has exactly its numbers; long ones go over several lines."""
    values = np.asarray(array, dtype=np.float64)
    if values.ndim == 0:
        return repr(float(values))
    text = json.dumps(values.tolist())
    if len(text) <= _WIDTH or values.ndim == 1:
        return f"torch.tensor({text})"
    rows = "".join(f"        {json.dumps(row)},\n" for row in values.tolist())
    return f"torch.tensor(\n    [\n{rows}    ]\n)"


def literal(array: np.ndarray) -> str:
    """Write an array, or a number as a tensor without axes."""
    return tensor(array) if array.ndim else f"torch.tensor({float(array)!r})"


def dictionary(name: str, values: dict[str, np.ndarray]) -> str:
    """Write arrays by name as an assignment."""
    lines = "\n".join(f'    "{site}": {literal(value)},' for site, value in values.items())
    return f"{name} = {{\n{lines}\n}}"
