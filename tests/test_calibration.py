"""The fast sampler is calibrated, and a wrong kernel fails the same check.

The short form of tests/calibration, which `make calibrate` runs in full: three points, where
priors and Jacobian count the most, and fewer simulated sets.
"""

from functools import partial

import numpy as np
import pytest
from calibration.picture import picture
from calibration.simulation import (
    LIMIT,
    ONE_COLUMN,
    PRIORS,
    Plan,
    p_values,
    prior_sites,
    ranks,
    weighed,
)
from scipy.stats import kstest

import gmm_core as gmm
from gmm_core.engines import compiled_nuts, smc
from gmm_core.mixture import from_sites

WIDE = PRIORS.model_copy(update={"scale_log_sd": 1.0})
PLAN = Plan(1, ONE_COLUMN.model_copy(update={"priors": WIDE}), 3, warmup=100, kept=39, thin=5)
BINS = 5


def test_ranks_of_the_fast_sampler_are_uniform():
    by_quantity = ranks(80, PLAN)
    assert min(p_values(by_quantity, PLAN.kept, BINS).values()) > LIMIT


def test_a_kernel_that_forgets_the_jacobian_fails(monkeypatch):
    right = compiled_nuts.Problem.of

    def wrong(*args, **options):
        return right(*args, **(options | {"jacobian": False}))

    monkeypatch.setattr(compiled_nuts.Problem, "of", wrong)
    by_quantity = ranks(60, PLAN)
    assert min(p_values(by_quantity, PLAN.kept, BINS).values()) < LIMIT


WEIGHED = Plan(1, PLAN.mixture, 3, warmup=0, kept=39, thin=5)


def test_ranks_of_the_sampler_that_weighs_modes_are_uniform():
    by_quantity = ranks(80, WEIGHED, "smc")
    assert min(p_values(by_quantity, WEIGHED.kept, BINS).values()) > LIMIT


def test_a_sampler_that_forgets_its_weights_fails(monkeypatch):
    right = smc._Population._step

    def wrong(population, log_ratio, temperature):
        right(population, np.where(np.isfinite(log_ratio), 0.0, log_ratio), temperature)

    monkeypatch.setattr(smc._Population, "_step", wrong)
    # Of three points a reference of optima is close to the posterior by itself; the prior is not.
    by_quantity = ranks(80, WEIGHED, partial(weighed, prior_share=0.7))
    assert min(p_values(by_quantity, WEIGHED.kept, BINS).values()) < LIMIT


def test_the_prior_is_drawn_as_it_is_documented():
    rng = np.random.default_rng(1)
    mixture = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=PRIORS)
    points = [from_sites(mixture, prior_sites(mixture, 2, rng)) for _ in range(4000)]
    r = np.array([p.covariances[:, 0, 1] / p.scales.prod(axis=1) for p in points]).ravel()
    scales = np.log([p.scales for p in points]).ravel()
    locs = np.array([p.locs for p in points]).ravel()
    weights = np.array([p.weights[0] for p in points])
    tests = [
        kstest(r, "beta", args=(2, 2, -1, 2)),
        kstest(scales, "norm", args=(0, 0.5)),
        kstest(locs, "norm", args=(0, 5)),
        kstest(weights, "beta", args=(2, 2)),
    ]
    assert min(test.pvalue for test in tests) > LIMIT


def test_ranks_have_to_fill_the_bins_alike():
    with pytest.raises(ValueError, match="40 ranks do not fall into 7 bins"):
        p_values({"scale": np.arange(40)}, 39, 7)


def test_the_picture_has_a_bar_for_each_bin():
    rows = {"nutpie, D = 1": {"scale": np.arange(40), "log joint": np.zeros(40, dtype=int)}}
    svg = picture(rows, {"nutpie, D = 1": 39})
    assert svg.count('fill="#0072B2"') == 20
    assert "Rank of the truth" in svg
