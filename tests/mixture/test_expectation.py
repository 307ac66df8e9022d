"""What is expected of a column where another is known."""

import numpy as np
import pytest
from scipy import stats

import gmm_core as gmm
from gmm_core.mixture import Parameters
from gmm_core.mixture.expectation import expectation


def test_waiting_after_eruptions_is_what_the_best_fit_says():
    """Conditional moments of the maximum of likelihood, by an implementation of its own."""
    data = gmm.example("faithful")
    mixture = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=gmm.Priors.flat())
    options = gmm.MapOptions(restarts=10, choose="final", method="em", polish=True)
    point = gmm.fit_map(data, mixture, options).parameters
    expected = expectation(point, 0, [2, 3, 4], 1)
    np.testing.assert_allclose(expected.mean, [54.249582, 71.318091, 78.365119], atol=1e-4)
    np.testing.assert_allclose(expected.sd, [5.564123, 6.867397, 5.553455], atol=1e-4)


def test_the_band_holds_its_share():
    point = Parameters(
        np.array([0.3, 0.7]),
        np.array([[0.0, 0.0], [0.5, 6.0]]),
        np.array([[[1.0, 0], [0.5, 1.0]], [[1.0, 0], [-0.3, 2.0]]]),
    )
    band = expectation(point, 0, [0.2], 1, share=0.8)
    rest = gmm.conditional(point, {"x1": 0.2}, ("x1", "x2"))
    normal = stats.norm(rest.locs[:, 0], rest.scale_tril[:, 0, 0])
    assert rest.weights @ normal.cdf(band.low[0]) == pytest.approx(0.1, abs=1e-12)
    assert rest.weights @ normal.cdf(band.high[0]) == pytest.approx(0.9, abs=1e-12)


def test_of_a_logarithm_it_expects_the_mean_of_a_mixture_of_lognormals():
    """By integration over the joint density of the table, with SciPy."""
    table = gmm.Dataset.from_values(np.exp(np.arange(12.0).reshape(6, 2) / 4), ["a", "b"])
    data = gmm.transformed(table, {"a": "standardise", "b": "log"})
    point = Parameters(
        [0.3, 0.7], [[-0.5, 0.5], [0.6, 1.6]], [[[1.0, 0], [0.2, 0.3]], [[0.8, 0], [-0.1, 0.4]]]
    )
    mean, sd = data.transforms[0].center, data.transforms[0].scale
    at = mean + 0.3 * sd
    x = np.linspace(0, 80, 400_001)[1:]
    z = np.column_stack([np.full(len(x), 0.3), np.log(x)])
    density = sum(
        w * stats.multivariate_normal.pdf(z, m, L @ L.T)
        for w, m, L in zip(point.weights, point.locs, point.scale_tril, strict=True)
    )
    share = density / x / (density / x).sum()
    prediction = expectation(point, 0, [at], 1, dataset=data)
    assert prediction.mean[0] == pytest.approx(share @ x, rel=1e-6)
    assert prediction.sd[0] == pytest.approx(np.sqrt(share @ (x - share @ x) ** 2), rel=1e-5)
    assert share[x < prediction.low[0]].sum() == pytest.approx(0.05, abs=1e-4)
    assert share[x > prediction.high[0]].sum() == pytest.approx(0.05, abs=1e-4)
    with pytest.raises(ValueError, match='logarithm of "b" takes values above zero'):
        expectation(point, 1, [-1.0], 0, dataset=data)
