"""Data by reference: what a folder of Parquet files holds, without its numbers.

Its fingerprint is made of the content of the row groups, in an order that the content fixes: equal
data in equal row groups is equal whatever its files are called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gmm_core.data.dataset import clean_name
from gmm_core.data.pieces import Piece, digest, pieces


@dataclass(frozen=True, eq=False)
class PartitionedDataset:
    """N points in D named columns, in partitions that are read where they are worked on.

    Attributes
    ----------
    pieces : the row groups.
    columns : D names of what is fitted.
    weights : name of the column that says how often each row counts, or None.
    name : what people call this data.
    """

    pieces: tuple[Piece, ...] = field(repr=False)
    columns: tuple[str, ...]
    weights: str | None = None
    name: str = "data"

    @classmethod
    def of(
        cls,
        source: str,
        columns: str | Sequence[str] | None = None,
        name: str | None = None,
        weights: str | None = None,
        refuse: bool = False,
    ) -> PartitionedDataset:
        """List what lies at an address; see `pieces.pieces` for the arguments and the errors."""
        found = pieces(source, columns, weights, refuse)
        if not found:
            raise ValueError(f"The Parquet files at {source} have no rows. Name files that have.")
        every = found[0].columns
        folder = source.rstrip("/").rpartition("/")
        called = name or (folder[2] if "*" not in folder[2] else folder[0].rpartition("/")[2])
        return cls(
            tuple(found),
            every[:-1] if weights else every,
            weights,
            clean_name(called or "data", "The name of the data"),
        )

    @property
    def rows(self) -> int:
        """How many rows the files have, those without all their numbers included."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """What the numbers take in memory, as float64."""
        return 8 * self.rows * (len(self.columns) + (self.weights is not None))

    @cached_property
    def fingerprint(self) -> str:
        """64 hex characters of the content; every piece is read once, one after the other."""
        return fingerprint(self, (digest(piece.read()) for piece in self.pieces))


def fingerprint(data: PartitionedDataset, digests: Iterable[str]) -> str:
    """Return the fingerprint of data whose partitions have these digests."""
    head = {"columns": data.columns, "weights": data.weights is not None}
    body = {**head, "partitions": sorted(digests)}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
