"""Patches that continue each other, sent as one."""

import numpy as np

from gmm_core.runs.progress import Patch


class Batch:
    """Patches of one array that make one rectangle: the same again, or each beside the last."""

    def __init__(self, patch: Patch) -> None:
        self.shape = patch.shape
        self.offset = patch.offset
        # Copies: an engine may reuse its arrays before the report is sent.
        self.values = [np.array(patch.values)]
        self.axis: int | None = None
        self.length = 0

    def extend(self, patch: Patch) -> bool:
        """Take the patch in; False when it does not continue the rectangle."""
        values = np.array(patch.values)
        first = self.values[0]
        if patch.shape != self.shape or values.ndim != first.ndim:
            return False
        if patch.offset == self.offset and len(self.values) == 1 and values.shape == first.shape:
            self.values = [values]
            return True
        moved = [a for a in range(values.ndim) if patch.offset[a] != self.offset[a]]
        if len(moved) != 1 or (self.axis is not None and moved[0] != self.axis):
            return False
        axis = moved[0]
        length = self.length or first.shape[axis]
        across = [a for a in range(values.ndim) if a != axis]
        if patch.offset[axis] != self.offset[axis] + length or any(
            values.shape[a] != first.shape[a] for a in across
        ):
            return False
        self.values.append(values)
        self.axis, self.length = axis, length + values.shape[axis]
        return True

    def patch(self) -> Patch:
        """Return the rectangle."""
        if self.axis is None:
            return Patch(self.shape, self.offset, self.values[0])
        return Patch(self.shape, self.offset, np.concatenate(self.values, axis=self.axis))
