"""What a run costs is counted once: its size and its seconds rise with the same evaluations."""

import numpy as np
import pytest
from points import random_point

import gmm_core as gmm
from gmm_core.comparison import suggestion
from gmm_core.inference import estimate_seconds
from gmm_core.inference.cost import size
from gmm_core.runs.methods import METHODS

DATA = gmm.example("faithful")
N, D = DATA.values.shape
FLAT = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())


def spec(options, mixture=FLAT, parameters=None):
    return gmm.Specification(dataset=DATA, mixture=mixture, options=options, parameters=parameters)


def em(**options):
    return spec(gmm.EmOptions(**options), parameters=random_point(FLAT, D))


def test_em_is_as_long_as_its_iterations_or_as_its_tolerance_takes():
    assert size(em(iterations=7)) == N * D * 2 * D * 7
    assert size(em(iterations=20_000, tolerance=0)) == N * D * 2 * D * 20_000
    assert size(em(tolerance=1e-4)) < size(em(tolerance=1e-8)) < size(em(tolerance=0))
    assert estimate_seconds(em(tolerance=1e-4)) < estimate_seconds(em(tolerance=1e-8))


def test_the_columns_of_a_full_covariance_count_twice_in_size_and_seconds():
    wide = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(2_000, 8)))
    diagonal = gmm.Mixture(covariance="diag", tied=False, priors=gmm.Priors.flat())
    full, axes = (
        gmm.Specification(dataset=wide, mixture=m, options=gmm.MapOptions(restarts=1, steps=1000))
        for m in (FLAT, diagonal)
    )
    assert size(full) == 8 * size(axes)
    # Beside the numbers there is an exponential for each density.
    assert 3 * estimate_seconds(axes) < estimate_seconds(full) < 8 * estimate_seconds(axes)


def test_a_comparison_costs_what_its_fits_cost_polishing_included():
    options = gmm.CompareOptions(n_components=(2,), covariances=[("full", False)], restarts=4)
    one_fit = spec(options.map_options)
    assert (
        size(spec(options))
        == size(one_fit)
        == N * D * 2 * D * 4 * (1 + 50 + METHODS["adam"].polishing)
    )
    assert estimate_seconds(spec(options)) == pytest.approx(estimate_seconds(one_fit), abs=0.02)


def test_curves_of_starts_that_are_not_trained_take_time_too():
    one, many, beyond = (
        estimate_seconds(spec(gmm.MapOptions(restarts=r, steps=20_000))) for r in (1, 50, 1000)
    )
    # So many are laid out in some hundredths of a second, and a thousand starts keep no more.
    assert 0.03 < many - one < 0.2
    assert beyond < many + 0.05


def test_a_fit_that_settles_by_itself_is_not_polished_besides():
    em = {"method": "em", "start": "kmeans++", "restarts": 3}
    polished, plain = (size(spec(gmm.MapOptions(**em, polish=p))) for p in (True, False))
    assert polished == plain


def test_the_first_sweep_of_a_table_of_common_size_is_affordable():
    values = np.random.default_rng(0).normal(size=(506, 12))
    sweep = suggestion.specification(gmm.Dataset.from_values(values))
    assert estimate_seconds(sweep) < 15
