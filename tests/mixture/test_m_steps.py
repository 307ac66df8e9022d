"""The M-step of every family: nothing in the family is more likely."""

import itertools

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import minimize

from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.m_steps import M_STEPS

CODES = list(M_STEPS)


def expected_log_likelihood(scatter, counts, covariances):
    """What the M-step maximises, up to a constant: -1/2 sum_k (n_k log |S_k| + tr(S_k^-1 W_k))."""
    log_det = np.linalg.slogdet(covariances)[1]
    traces = np.trace(np.linalg.solve(covariances, scatter), axis1=-2, axis2=-1)
    return -0.5 * (counts * log_det + traces).sum(axis=-1)


def scatter_of(rng, lead=(), K=3, D=3):
    counts = rng.uniform(5, 40, size=(*lead, K))
    root = rng.normal(size=(*lead, K, D, D)) * rng.uniform(0.3, 3, size=(*lead, K, 1, D))
    return root @ np.swapaxes(root, -1, -2) * counts[..., None, None], counts


def n_free(code, K, D):
    sizes = (1, D - 1, D * (D - 1) // 2)
    return [{"E": 1, "V": K, "I": 0}[c] * n for c, n in zip(code, sizes, strict=True)]


def member(code, free, K, D):
    """lambda_k Q_k A_k Q_k' of unconstrained numbers: logs, and the exponential of a rotation."""
    size, shape, direction = np.split(free, np.cumsum(n_free(code, K, D))[:2])
    log_shape = np.zeros((K, D))
    if shape.size:
        log_shape[:, :-1] = shape.reshape(-1, D - 1)
        log_shape[:, -1] = -log_shape[:, :-1].sum(axis=1)
    axes = np.broadcast_to(np.eye(D), (K, D, D))
    if direction.size:
        skew = np.zeros((direction.size // (D * (D - 1) // 2), D, D))
        skew[:, *np.triu_indices(D, 1)] = direction.reshape(len(skew), -1)
        axes = np.broadcast_to([expm(s - s.T) for s in skew], (K, D, D))
    variances = np.exp(np.broadcast_to(size, K)[:, None] + log_shape)
    return np.einsum("kij,kj,klj->kil", axes, variances, axes)


def inside(one, other):
    """Whether each covariance of one family is in the other, which is one step more general."""
    steps = {("E", "V"), ("I", "E")}
    different = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(different) == 1 and different[0] in steps


INCLUSIONS = [pair for pair in itertools.permutations(CODES, 2) if inside(*pair)]


@pytest.mark.parametrize("code", CODES)
def test_scaling_the_covariances_of_the_m_step_lowers_the_likelihood(code):
    scatter, counts = scatter_of(np.random.default_rng(1))
    covariances = M_STEPS[code](scatter, counts, None)
    best = expected_log_likelihood(scatter, counts, covariances)
    for factor in (0.98, 1.02):
        assert expected_log_likelihood(scatter, counts, covariances * factor) < best


@pytest.mark.parametrize(("K", "D"), [(3, 2), (2, 3), (2, 1)])
@pytest.mark.parametrize("code", CODES)
def test_a_general_optimiser_finds_nothing_better(code, K, D):
    rng = np.random.default_rng(2)
    scatter, counts = scatter_of(rng, K=K, D=D)
    covariances = None
    for _ in range(10):  # as EM goes on from where the last step ended
        covariances = M_STEPS[code](scatter, counts, covariances)

    def loss(free):
        value = expected_log_likelihood(scatter, counts, member(code, free, K, D))
        return -value / counts.sum()

    # The likelihood of common axes can have several optima, so from several places.
    tries = [minimize(loss, rng.normal(size=sum(n_free(code, K, D)))) for _ in range(4)]
    value = expected_log_likelihood(scatter, counts, covariances) / counts.sum()
    assert value == pytest.approx(-min(optimum.fun for optimum in tries), abs=1e-7)


@pytest.mark.parametrize("code", CODES)
def test_going_on_from_a_member_never_lowers_the_likelihood(code):
    K, D = 3, 4
    rng = np.random.default_rng(3)
    for _ in range(20):
        scatter, counts = scatter_of(rng, K=K, D=D)
        before = member(code, rng.normal(size=sum(n_free(code, K, D))), K, D)
        value = expected_log_likelihood(scatter, counts, before)
        for _ in range(3):
            before = M_STEPS[code](scatter, counts, before)
            value, last = expected_log_likelihood(scatter, counts, before), value
            assert value >= last - 1e-9 * abs(last)


@pytest.mark.parametrize("code", CODES)
def test_going_on_from_the_optimum_stays_there(code):
    scatter, counts = scatter_of(np.random.default_rng(4))
    covariances = M_STEPS[code](scatter, counts, None)
    for _ in range(30):
        covariances = M_STEPS[code](scatter, counts, covariances)
    np.testing.assert_allclose(M_STEPS[code](scatter, counts, covariances), covariances, rtol=1e-6)


def test_there_are_23_inclusions_and_none_is_broken():
    assert len(INCLUSIONS) == 23
    scatter, counts = scatter_of(np.random.default_rng(5), lead=(20,))
    value = {
        code: expected_log_likelihood(scatter, counts, M_STEPS[code](scatter, counts, None))
        for code in CODES
    }
    for narrow, wide in INCLUSIONS:
        assert (value[wide] >= value[narrow] - 1e-9 * np.abs(value[narrow])).all(), (narrow, wide)


@pytest.mark.parametrize("code", CODES)
def test_leading_axes_are_worked_on_each_by_itself(code):
    scatter, counts = scatter_of(np.random.default_rng(6), lead=(4,))
    together = M_STEPS[code](scatter, counts, None)
    alone = [M_STEPS[code](s, n, None) for s, n in zip(scatter, counts, strict=True)]
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-8)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.code)
def test_a_component_without_points_is_seen_in_the_result_and_the_others_go_on(family):
    scatter, counts = scatter_of(np.random.default_rng(7), lead=(2,))
    scatter[0, 1], counts[0, 1] = 0, 0
    covariances = family.m_step(scatter, counts)
    np.testing.assert_array_equal(covariances[1], family.m_step(scatter[1:], counts[1:])[0])


def test_untied_full_is_the_scatter_of_each_component():
    scatter, counts = scatter_of(np.random.default_rng(3))
    covariances = FAMILIES["full", False].m_step(scatter, counts)
    np.testing.assert_allclose(covariances, scatter / counts[:, None, None])


def test_a_family_that_shares_all_gives_all_components_one_covariance():
    scatter, counts = scatter_of(np.random.default_rng(4))
    for code, m_step in M_STEPS.items():
        assert (np.ptp(m_step(scatter, counts, None), axis=0).max() == 0) == ("V" not in code)
