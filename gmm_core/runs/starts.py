"""The registry of where restarts begin: the names of `MapOptions.start`, and what each implies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Start:
    """Where restarts begin.

    Attributes
    ----------
    label : what people read.
    implies : options that it has no choice of, whatever is given.
    suggests : options that take these values where none is given.
    search : whether its restarts hang on one another: starts of all kinds, then moves from the
        best; see `engines.search`.
    from_point : whether it begins at a point that is given to `fit_map`.
    repeats : whether restarts may begin on the same points, of which one is trained.
    swept : whether a comparison offers it.
    """

    label: str
    implies: Mapping[str, Any] = field(default_factory=dict)
    suggests: Mapping[str, Any] = field(default_factory=dict)
    search: bool = False
    from_point: bool = False
    repeats: bool = False
    swept: bool = True


STARTS = {
    "subsample": Start("Random points", repeats=True),
    "kmeans++": Start("Far-apart points"),
    "quantile": Start("Quantile points"),
    "tree": Start("Groups of a tree"),
    # A search ranks its ends.
    "search": Start(
        "A search of all",
        suggests={"method": "em"},
        implies={"choose": "final"},
        search=True,
    ),
    # One given point is one start.
    "given": Start("A given point", implies={"restarts": 1}, from_point=True, swept=False),
}
"""All starts by name, the tutorial's first."""
