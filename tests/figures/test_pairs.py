"""The pair plot: a panel for each pair, with the divergences where they were."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.figures.pairs import pairs
from gmm_core.posterior.summary import Named


def named(P, S=200):
    rng = np.random.default_rng(0)
    return [Named(f"loc {k}", rng.standard_normal((2, S))) for k in range(P)]


@pytest.mark.parametrize(("P", "panels"), [(2, 1), (3, 3), (4, 6), (7, 6)])
def test_every_pair_has_a_panel(P, panels):
    fig = pairs(named(P), np.zeros((2, 200)))
    assert sum(trace.type == "contour" for trace in fig.data) == panels
    assert "no draw diverged" in fig.layout.annotations[0].text


def test_divergences_are_located():
    quantities = named(2)
    diverging = np.zeros((2, 200))
    diverging[1, 3] = 1
    fig = pairs(quantities, diverging)
    assert list(fig.data[-1].x) == [quantities[0].draws[1, 3]]
    assert list(fig.data[-1].y) == [quantities[1].draws[1, 3]]
    assert "1 divergent" in fig.layout.annotations[0].text
    assert "1 divergent draw is marked" in fig.layout.meta["alt"]
