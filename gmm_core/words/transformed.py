"""What transformed columns are, and what that means for a log likelihood, in sentences.

Column names stand in the sentences as they are: show them as text, not as markup.
"""

from __future__ import annotations

from math import isfinite

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import log_jacobian
from gmm_core.formatting import number

_NAMED = 6
"""Columns that are spelled out; of more, how many there are."""


def units(dataset: Dataset) -> str:
    """Say what each transformed column is; "" where none is."""
    pairs = zip(dataset.columns, dataset.transforms or (), strict=False)
    sentences = [f'"{name}" is {how.words}' for name, how in pairs if how is not None]
    if not sentences:
        return ""
    more = (
        f"; {len(sentences) - _NAMED} more columns are transformed"
        if len(sentences) > _NAMED
        else ""
    )
    return f"{'; '.join(sentences[:_NAMED])}{more}."


def comparable(dataset: Dataset) -> str:
    """Say how a criterion compares with that of other transforms; "" where none is."""
    if dataset.transforms is None:
        return ""
    jacobian = log_jacobian(dataset)
    if not isfinite(jacobian):
        return (
            "The likelihood is that of the transformed columns. It does not compare with that of "
            "other transforms: at zero, a value here, the square root is infinitely steep."
        )
    return (
        "Log likelihoods, criteria and the evidence are those of the table as it came, and compare "
        f"with fits of other transforms. The log Jacobian {number(jacobian, 6)} is in them; losses "
        "are without it."
    )
