"""Columns of numbers that measure nothing: a row's number, an identifier, a code.

A mixture of identifiers is nonsense that looks like a result. Such columns are left out when nobody
chooses, and each is named with its reason, so that a person can take it in after all.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_COUNTING_NAMES = frozenset(
    {"id", "index", "row", "row id", "rownames", "row names", "no", "nr", "#", "unnamed: 0"}
    | {"column 1", "index level 0"}
)
"""Names that pandas, R and people give to a column that counts the rows."""

_IDENTIFYING = re.compile(r"(?i:(^|[^a-z])(id|identifier)$)|[a-z](Id|ID)$")
"""Names such as ID, patient_id, "Sample ID": of numbers that say who, however they repeat."""

_BY_NAME = "identifiers, by the name"

FEWEST_ROWS = 8
"""Of fewer rows, whole numbers in steps of one may well be measurements: 1, 2, 3."""

CODE_VALUES = 10
"""Most values of a code, such as an answer on a scale or a group; months and ages have more."""

CODE_ROWS = 30
"""Of fewer rows, few different values are no surprise."""

MISSING_CODES = (9.0, 99.0, 999.0, 9999.0, 99999.0, -1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0)
"""Numbers that questionnaires and instruments write where there is no value."""


def reason_to_leave_out(name: str, values: Array) -> str:
    """Say why a column of numbers is not fitted unless it is chosen; "" when there is no reason.

    Parameters
    ----------
    values : [N], NaN where a number is missing.

    Returns
    -------
    "row numbers", "identifiers, by the name", "mostly missing", "a code with 3 values", or "".
    """
    if counts_rows(name, values):
        return "row numbers"
    if is_identifier(name, values):
        return "identifiers: a whole number of its own for each row"
    if _identifies(name) and _whole(values):
        return _BY_NAME
    if 2 * np.isnan(values).sum() > len(values):
        return "mostly missing"
    if n := code_values(values):
        return f"{n} different whole numbers, like a code"
    return ""


def counts_rows(name: str, values: Array) -> bool:
    """Whether a column only counts the rows, from 0 or 1, perhaps anew within groups.

    Of few rows such numbers may be measurements, unless the name says what they are.
    """
    if len(values) < (2 if _counts(name) else FEWEST_ROWS) or values[0] not in (0, 1):
        return False
    steps = np.diff(values)
    return bool((steps == 1).mean() >= 0.9 and np.isin(values[1:][steps != 1], (0, 1)).all())


def is_identifier(name: str, values: Array) -> bool:
    """Whether every row has a whole number of its own and together they leave no gap.

    Rows that were taken from a larger table keep their ascending numbers, which then have gaps, and
    two such tables may stand one under the other: a name has to say so.
    """
    N = len(values)
    if N < FEWEST_ROWS or not _whole(values):
        return False
    if len(np.unique(values)) < N:
        return False
    if _counts(name) and (np.diff(values) > 0).mean() >= 0.9:
        return True
    return bool(np.ptp(values) == N - 1)


def _identifies(name: str) -> bool:
    return bool(_IDENTIFYING.search(name.strip()))


def _counts(name: str) -> bool:
    return " ".join(name.lower().replace("_", " ").split()) in _COUNTING_NAMES


def code_values(values: Array) -> int:
    """Count the values of a column that looks like a code; 0 when it does not."""
    finite = values[np.isfinite(values)]
    if len(finite) < CODE_ROWS or not _whole(finite):
        return 0
    distinct = np.unique(finite)
    return len(distinct) if 1 < len(distinct) <= CODE_VALUES else 0


def missing_code(values: Array) -> float | None:
    """Return the number that seems to stand for a missing value, or None.

    It is one of the usual ones, lies outside of all other values, and farther from them than they
    spread themselves: 99 among answers from 1 to 5, not among ages up to 98.
    """
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if len(finite) < FEWEST_ROWS or len(distinct) < 3:
        return None
    for code, rest, gap in (
        (distinct[-1], distinct[:-1], distinct[-1] - distinct[-2]),
        (distinct[0], distinct[1:], distinct[1] - distinct[0]),
    ):
        is_minority = 2 * (finite == code).sum() < len(finite)
        if code in MISSING_CODES and is_minority and gap > np.ptp(rest):
            return float(code)
    return None


def _whole(values: Array) -> bool:
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())
