"""The content hash of a dataset, by which runs and links name it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.transforms import Applied


def fingerprint(
    values: NDArray[np.float64],
    columns: tuple[str, ...],
    weights: NDArray[np.float64] | None,
    classes: tuple[str | None, ...] | None,
    whole: str | None,
    transforms: tuple[Applied | None, ...] | None,
) -> str:
    """Hash shape, names, numbers and what else is given; little-endian, so all machines agree."""
    # JSON as the header: unlike joined names, it cannot be made equal by a clever column name.
    head: dict[str, Any] = {"shape": values.shape, "columns": columns}
    # What is not given leaves no trace: data without it had this fingerprint before it could be.
    if weights is not None:
        head["weights"] = True
    if classes is not None:
        head["classes"] = classes
    if whole is not None:
        head["whole"] = whole
    if transforms is not None:
        head["transforms"] = [None if how is None else astuple(how) for how in transforms]
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(b"\0")
    digest.update(np.ascontiguousarray(values, dtype="<f8").data)
    if weights is not None:
        digest.update(np.ascontiguousarray(weights, dtype="<f8").data)
    return digest.hexdigest()
