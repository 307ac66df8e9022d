"""A wider family of covariances holds every mixture of a narrower one: no fit of it is worse.

An oracle that needs no other program, and the same for every data set.
"""

from __future__ import annotations

from collections.abc import Sequence

import gmm_core as gmm
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.family import Family

LIMIT = 0.01
"""So much lower in log likelihood a wider family may end: what is left of a climb that settled."""


def inclusions() -> list[tuple[Family, Family]]:
    """List the pairs of a family and the next wider ones, with none in between."""
    every = list(FAMILIES.values())
    wider = {a.code: [b for b in every if b is not a and a.within(b)] for a in every}
    return [
        (a, b)
        for a in every
        for b in wider[a.code]
        if not any(c is not b and c.within(b) for c in wider[a.code])
    ]


def broken(
    dataset: gmm.Dataset, n_components: Sequence[int], restarts: int = 20
) -> tuple[dict[str, float], int]:
    """Compare log likelihoods of all fourteen families by the search.

    Returns
    -------
    By how much the wider family of each pair is lower, where it is by more than `LIMIT`, and how
    many pairs were looked at: those in which neither optimum gave way to one of more points each.
    """
    families = [(family.covariance, family.tied) for family in FAMILIES.values()]
    rows = gmm.compare(
        dataset, n_components, families, priors=gmm.Priors.flat(), restarts=restarts, start="search"
    )
    by_cell = {row.cell: row for row in rows}
    lower, looked_at = {}, 0
    for K in n_components:
        for narrow, wide in inclusions():
            inner, outer = (
                by_cell[K, of_pair.covariance, of_pair.tied] for of_pair in (narrow, wide)
            )
            if inner.sound and outer.sound and not inner.higher and not outer.higher:
                looked_at += 1
                gap = inner.log_likelihood - outer.log_likelihood
                if gap > LIMIT:
                    lower[f"{narrow.code} in {wide.code}, K = {K}"] = gap
    return lower, looked_at
