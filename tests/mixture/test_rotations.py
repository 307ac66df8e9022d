"""Rotations: their angles, and the uniform distribution, against SciPy and differences."""

import numpy as np
import pytest
import torch
from scipy.integrate import tplquad
from scipy.stats import kstest, special_ortho_group
from torch.distributions import biject_to

from gmm_core.engines.uniform_rotation import UniformRotation
from gmm_core.mixture import rotations


@pytest.mark.parametrize("D", [2, 3, 6])
def test_angles_and_rotations_are_inverse(D):
    axes = special_ortho_group.rvs(D, size=20, random_state=1)
    rebuilt = rotations.rotation(np, rotations.angles(axes))
    np.testing.assert_allclose(rebuilt, axes, atol=1e-13)
    np.testing.assert_allclose(
        rotations.rotation(torch, torch.tensor(rotations.angles(axes))), axes
    )


def test_the_cosines_are_the_volume_that_angles_sweep():
    # The rows of Q' dQ above the diagonal are the rotation's own coordinates: their determinant.
    D, rng, step = 4, np.random.default_rng(2), 1e-6
    upper = np.triu_indices(D, 1)
    for _ in range(5):
        angles = rng.uniform(-1, 1, D * (D - 1) // 2)
        axes = rotations.rotation(np, angles)
        ahead = [rotations.rotation(np, angles + step * e) for e in np.eye(len(angles))]
        behind = [rotations.rotation(np, angles - step * e) for e in np.eye(len(angles))]
        slopes = (np.array(ahead) - behind) / (2 * step)
        volume = abs(np.linalg.det([(axes.T @ s)[upper] for s in slopes]))
        expected = np.prod(np.cos(angles) ** rotations.powers(D))
        assert volume == pytest.approx(expected, rel=1e-6)


def test_the_density_by_angles_sums_to_one():
    def density(a, b, c):
        power = rotations.powers(3)
        return np.prod(np.cos([c, b, a]) ** power) / np.exp(rotations.log_volume(3))

    half = np.pi / 2
    total, _ = tplquad(density, -np.pi, np.pi, -half, half, -np.pi, np.pi)
    assert total == pytest.approx(1, rel=1e-6)


def test_draws_are_even():
    samples = rotations.uniform(np.random.default_rng(3), 3, (4000,))
    np.testing.assert_allclose(np.linalg.det(samples), 1)
    # A coordinate of a point on the sphere is even between -1 and 1 (Archimedes).
    assert kstest((samples[:, 2, 0] + 1) / 2, "uniform").pvalue > 0.01
    assert kstest((samples[:, 1, 2] + 1) / 2, "uniform").pvalue > 0.01


def test_pyros_distribution_has_a_support_and_a_volume():
    prior = UniformRotation(3).expand((5,))
    torch.manual_seed(0)
    samples = prior.sample()
    assert samples.shape == (5, 3, 3)
    assert prior.support.check(samples).all()
    assert (prior.log_prob(samples) == 0).all()
    transform = biject_to(prior.support)
    angles = transform.inv(samples)
    assert transform.inverse_shape(samples.shape) == angles.shape
    assert transform.forward_shape(angles.shape) == samples.shape
    expected = rotations.powers(3) @ np.log(np.abs(np.cos(angles.numpy()))).T
    log_jacobian = transform.log_abs_det_jacobian(angles, samples)
    np.testing.assert_allclose(log_jacobian, expected - rotations.log_volume(3))
