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
