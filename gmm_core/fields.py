"""Field types that the specifications share."""

from __future__ import annotations

from numbers import Integral
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _plain(value: Any) -> Any:
    # NumPy's whole numbers are as good as Python's; a boolean is neither.
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


Whole = Annotated[int, Field(strict=True), BeforeValidator(_plain)]
"""A whole number, of Python or NumPy; 2.0, "2" and True are refused."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
