"""Points of the mixture in the units of the table, by change of variables with SciPy."""

import numpy as np
import pytest
from points import random_point
from scipy.stats import lognorm, multivariate_normal

import gmm_core as gmm
from gmm_core.data.transformed import log_slopes, parameter_columns
from gmm_core.mixture.in_table import medians_in_table, parameters_in_table

RNG = np.random.default_rng(8)
TABLE = gmm.Dataset.from_values(np.exp(RNG.normal(1, 0.5, (40, 3))), ["a", "b", "c"])
POINT = random_point(gmm.Mixture(n_components=3, covariance="full", tied=False), 3, 1)


def test_a_standardised_mixture_is_one_in_the_table():
    data = gmm.transformed(TABLE, dict.fromkeys(TABLE.columns, "standardise"))
    point = parameters_in_table(data, POINT)
    density = sum(
        w * multivariate_normal.pdf(TABLE.values, m, S)
        for w, m, S in zip(point.weights, point.locs, point.covariances, strict=True)
    )
    expected = gmm.log_density(POINT, data.values) + log_slopes(data)
    np.testing.assert_allclose(np.log(density), expected, rtol=1e-9)
    assert parameter_columns(data) == TABLE.columns
    assert medians_in_table(data, point.locs) == {}


def test_what_is_of_a_logarithm_stays_and_its_median_comes_back():
    data = gmm.transformed(TABLE, {"a": "standardise", "c": "log"})
    point = parameters_in_table(data, POINT)
    assert parameter_columns(data) == ("a", "b", "log c")
    np.testing.assert_array_equal(point.locs[:, 1:], POINT.locs[:, 1:])
    sd = TABLE.values[:, 0].std()
    np.testing.assert_allclose(point.covariances[:, 0, 2], sd * POINT.covariances[:, 0, 2])
    np.testing.assert_allclose(point.correlations, POINT.correlations)
    medians = medians_in_table(data, point.locs)
    expected = lognorm.median(POINT.scales[:, 2], scale=np.exp(POINT.locs[:, 2]))
    assert list(medians) == ["c"]
    np.testing.assert_allclose(medians["c"], expected)


def test_draws_and_the_box_of_the_noise_go_along():
    data = gmm.transformed(TABLE, {"b": "standardise"})
    noisy = gmm.Parameters(0.9 * POINT.weights, POINT.locs, POINT.scale_tril, 0.1, [1.0, 2.0, 3.0])
    draws = gmm.Parameters.of({n: np.stack([a] * 2) for n, a in noisy.arrays().items()})
    found = parameters_in_table(data, draws)
    sd = TABLE.values[:, 1].std()
    np.testing.assert_allclose(found.box, [[1.0, 2.0 * sd, 3.0]] * 2)
    # A density of the noise is one over a volume of the table.
    expected = gmm.log_density(noisy, data.values) + log_slopes(data)
    np.testing.assert_allclose(gmm.log_density(found[1], TABLE.values), expected, rtol=1e-9)


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="2 columns, but the result has D = 3"):
        parameters_in_table(TABLE.select(["a", "b"]), POINT)
