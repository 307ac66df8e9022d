"""Figures of predictive checks: the data over what the model would make."""

from __future__ import annotations

import numpy as np

import gmm_core as gmm
from gmm_core.figures import predictive as figures
from gmm_core.mixture import Parameters
from gmm_core.posterior.predictive import check_predictive, prior_draws

DATA = gmm.example("tutorial")


def draws(M=60):
    rng = np.random.default_rng(0)
    return Parameters(
        np.full((M, 2), 0.5),
        np.array([[0.0], [11.0]]) + rng.standard_normal((M, 2, 1)),
        np.ones((M, 2, 1, 1)),
    )


def test_data_is_drawn_over_replicated_data():
    check = check_predictive(DATA, draws())
    fig = figures.replicated_densities(DATA, check)
    assert np.isnan(np.array(fig.data[0].y, dtype=float)).sum() == 40
    assert np.array_equal(fig.data[1].y, check.density)
    band = figures.ecdf_band(DATA, check)
    assert len(band.data) == 3
    assert band.data[2].y[-1] == 1
    assert "60 replicated" in band.layout.meta["alt"]


def test_prior_draws_are_curves_over_the_data():
    draws = prior_draws(DATA, gmm.Mixture(), 100)
    fig = figures.prior_draws(DATA, draws)
    assert "40 mixtures" in fig.layout.meta["alt"]
    assert len(fig.data[1].x) == 5
    assert fig.layout.xaxis.range[0] < 0 < 12 < fig.layout.xaxis.range[1]
