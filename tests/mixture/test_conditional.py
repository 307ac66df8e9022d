"""The conditional of a mixture is the joint density over that of what is given."""

from dataclasses import replace

import numpy as np
import pytest
from points import random_point
from scipy.integrate import quad

import gmm_core as gmm

FAITHFUL = gmm.example("faithful")


def test_density_is_the_joint_over_the_marginal():
    names = ("a", "b", "c", "d")
    point = random_point(gmm.Mixture(n_components=3, covariance="full", tied=False), 4)
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(5, 4)):
        conditional = gmm.conditional(point, {"c": x[2], "a": x[0]}, names)
        assert conditional.locs.shape == (3, 2)
        joint = gmm.log_density(point, x[None])[0]
        marginal = gmm.log_density(point.marginal([0, 2]), x[None, [0, 2]])[0]
        assert gmm.log_density(conditional, x[None, [1, 3]])[0] == pytest.approx(
            joint - marginal, rel=1e-10
        )


def test_waiting_times_of_faithful_given_the_eruption():
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())
    options = gmm.MapOptions(restarts=5, steps=50, start="kmeans++", choose="final", polish=True)
    point = gmm.fit_map(FAITHFUL, mixture, options).parameters
    # Mean and sd by the conditional formula at mclust's optimum of VVV, 2.
    published = {2: (54.249582, 5.564123), 3: (71.318091, 6.867397), 4: (78.365119, 5.553455)}
    for eruption, (mean, sd) in published.items():
        conditional = gmm.conditional(point, {"eruptions": eruption}, FAITHFUL.columns)
        w, m, s = conditional.weights, conditional.locs[:, 0], conditional.scale_tril[:, 0, 0]
        assert w @ m == pytest.approx(mean, abs=2e-5)
        assert np.sqrt(w @ (s**2 + m**2) - (w @ m) ** 2) == pytest.approx(sd, abs=2e-5)
        # The same by integrating the joint density.
        area, moment = (
            quad(
                lambda y, power=power, x=eruption: (
                    y**power * np.exp(gmm.log_density(point, [[x, y]])[0])
                ),
                20,
                140,
                points=[50, 80],
            )[0]
            for power in (0, 1)
        )
        assert w @ m == pytest.approx(moment / area, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "0 of 2 columns are given"),
        ({"eruptions": 2, "waiting": 60}, "2 of 2 columns are given"),
        ({"depth": 1}, 'no column "depth". Give values of "eruptions", "waiting"'),
        ({"eruptions": 1e200}, "too far out"),
        ({"eruptions": float("nan")}, '"eruptions" is nan, but a finite number'),
    ],
)
def test_what_cannot_be_given_is_said(values, words):
    point = random_point(gmm.Mixture(covariance="full", tied=False), 2)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=words):
        gmm.conditional(point, values, FAITHFUL.columns)


def test_noise_is_left_out_of_a_conditional():
    locs, factors = np.array([[0.0, 0.0], [4.0, 4.0]]), np.stack([np.eye(2)] * 2)
    noisy = gmm.Parameters(np.array([0.4, 0.5]), locs, factors, np.array(0.1), np.array([8.0, 8.0]))
    plain = gmm.Parameters(np.array([4 / 9, 5 / 9]), locs, factors)
    other = gmm.conditional(plain, {"a": 1.0}, ("a", "b"))
    for noisy_or_boxless in (noisy, replace(noisy, box=None)):
        one = gmm.conditional(noisy_or_boxless, {"a": 1.0}, ("a", "b"))
        np.testing.assert_allclose(one.weights, other.weights)
        np.testing.assert_allclose(one.locs, other.locs)
    with pytest.raises(ValueError, match="noise of these parameters has no box"):
        gmm.log_density(replace(noisy, box=None), [[1.0, 1.0]])
