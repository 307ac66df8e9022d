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
from typing import NoReturn

from gmm_core.data.dataset import Missing, clean_name
from gmm_core.data.pieces import Piece, pieces


@dataclass(frozen=True, eq=False)
class PartitionedDataset:
    """N points in D named columns, in partitions that are read where they are worked on.

    Attributes
    ----------
    pieces : the row groups.
    columns : D names of what is fitted.
    weights, classes : names of the columns that say how often each row counts, and what it is
        known to be; or None.
    missing : what becomes of rows without all their numbers.
    source : the address that it was listed at.
    name : what people call this data.
    """

    pieces: tuple[Piece, ...] = field(repr=False)
    columns: tuple[str, ...]
    weights: str | None = None
    name: str = "data"
    classes: str | None = None
    missing: Missing = "drop"
    source: str = ""

    @classmethod
    def of(
        cls,
        source: str | Sequence[str],
        columns: str | Sequence[str] | None = None,
        name: str | None = None,
        weights: str | None = None,
        classes: str | None = None,
        missing: Missing = "drop",
    ) -> PartitionedDataset:
        """List what lies at an address; see `pieces.pieces` for the arguments and the errors."""
        parts = pieces(source, columns, weights, classes, missing)
        first = source if isinstance(source, str) else source[0]
        if not parts:
            raise ValueError(f"The Parquet files at {first} have no rows. Name files that have.")
        folder = first.rstrip("/").rpartition("/")
        called = name or (folder[2] if "*" not in folder[2] else folder[0].rpartition("/")[2])
        return cls(
            tuple(parts),
            parts[0].columns,
            weights,
            clean_name(called or "data", "The name of the data"),
            classes,
            missing,
            first,
        )

    @property
    def rows(self) -> int:
        """How many rows the files have, those without all their numbers included."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """What the numbers take in memory, as float64."""
        return self.rows * self._bytes_of_a_row

    @property
    def largest(self) -> int:
        """What the largest partition takes of that."""
        return max(piece.rows for piece in self.pieces) * self._bytes_of_a_row

    @property
    def _bytes_of_a_row(self) -> int:
        extra_columns = (self.weights, self.classes)
        return 8 * (len(self.columns) + sum(name is not None for name in extra_columns))

    @property
    def values(self) -> NoReturn:
        """Refuse: what asks for all the numbers at once is for data that is here."""
        raise ValueError(
            f"The {self.rows:,} rows of this data stay in partitions. Draw some of them by "
            "gmm.sample_rows(data, size=20_000, seed=0), weighted so that they stand for all."
        )

    @cached_property
    def fingerprint(self) -> str:
        """64 hex characters of the content; every piece is read once, one after the other."""
        return fingerprint(self, (piece.read().digest for piece in self.pieces))


def fingerprint(data: PartitionedDataset, digests: Iterable[str]) -> str:
    """Return the fingerprint of data whose partitions have these digests."""
    head: dict[str, object] = {"columns": data.columns, "weights": data.weights is not None}
    if data.classes is not None:
        head["classes"] = True
    body = {**head, "partitions": sorted(digests)}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
