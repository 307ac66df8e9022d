"""A base sees others in its own units: factors multiply, and gradients follow the chain rule."""

import numpy as np
import pytest
from points import random_dataset
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer

import gmm_core as gmm
from gmm_core.engines.problem import Problem
from gmm_core.engines.relative import inward, look_from, outward

K, D = 3, 4
RNG = np.random.default_rng(5)
# Ten columns whose correlations have a condition number beyond 10,000: radius, perimeter, area ...
CELLS = gmm.Dataset.from_values(load_breast_cancer().data[:, :10], name="cells")


def mixture_of(data, tied, n_components=K, noise=False):
    return gmm.Mixture(
        n_components=n_components,
        covariance="full",
        tied=tied,
        priors=gmm.Priors.for_data(data),
        noise=noise,
    )


def seen(tied, noise):
    """Return a problem, a base, and a function from what is seen to coordinates and factors."""
    data = random_dataset(50, D)
    problem = Problem.of(data, mixture_of(data, tied, noise=noise))
    W, G = K + noise, 1 if tied else K
    q, base, centre = RNG.normal(size=problem.size), np.zeros((G, D, D)), np.empty((K, D))
    point, unit = np.empty(problem.size), np.empty(problem.size)
    assert look_from(q, W, base, centre, point, unit)

    def go(at):
        coordinates, factors = np.empty(problem.size), np.zeros((G, D, D))
        outward(at, W, base, centre, factors, coordinates)
        return coordinates, factors

    return problem, W, q, base, centre, point, go


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_a_base_sees_itself_as_nothing_and_others_by_products_of_factors(tied, noise):
    problem, _, q, base, centre, point, go = seen(tied, noise)
    itself, factors = go(point)
    np.testing.assert_allclose(itself, q, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(factors, base)
    at = RNG.normal(size=problem.size)
    moved = problem.points(go(at)[0])
    free = problem.split(at)
    for k in range(K):
        g = 0 if tied else k
        triangle = np.diag(np.exp(np.reshape(free["scale"], (-1, D))[g]))
        triangle[np.tril_indices(D, -1)] = np.reshape(free["correlation"], (len(base), -1))[g]
        np.testing.assert_allclose(moved.scale_tril[k], base[g] @ triangle, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(moved.locs[k], centre[k] + base[g] @ free["locs"][k])


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_its_gradient_is_that_of_differences(tied, noise):
    problem, W, _, base, centre, _, go = seen(tied, noise)
    at = 0.5 * RNG.normal(size=problem.size)
    q, factors = go(at)
    slope = RNG.normal(size=problem.size)
    gradient = slope.copy()
    inward(at, W, base, centre, factors, gradient, np.empty(D), np.empty((D, D)))
    h = 1e-6
    differences = [
        (slope @ (go(at + h * e)[0] - go(at - h * e)[0])) / (2 * h) for e in np.eye(len(q))
    ]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", ["adam", "em"])
@pytest.mark.parametrize("n_components", [2, 3])
@pytest.mark.parametrize("tied", [False, True])
def test_nearly_collinear_columns_are_polished_to_an_optimum(tied, n_components, method):
    options = gmm.MapOptions(restarts=12, choose="final", polish=True, method=method)
    fit = gmm.fit_map(CELLS, mixture_of(CELLS, tied, n_components), options)
    assert fit.count("converged") + fit.count("collapsed") == 12
    assert fit.verdict[fit.chosen] == "converged"


@pytest.mark.parametrize("tied", [False, True])
def test_the_optimum_is_that_of_another_search_on_sphered_data(tied):
    groups = np.r_[RNG.normal(size=(60, 3)), RNG.normal([4.0, 0.0, 1.0], size=(60, 3))]
    # The third column is the sum of the others but for a hundredth.
    mixed = np.array([[1.0, 0.0, 0.0], [0.3, 1.0, 0.0], [1.3, 1.0, 0.01]])
    data = gmm.Dataset.from_values(groups @ mixed.T)
    mixture = mixture_of(data, tied, 2)
    start = gmm.Parameters(
        np.full(2, 0.5),
        np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 1.0]]) @ mixed.T,
        np.stack([mixed] * 2),
    )
    # Adam's one step moves nothing, so that both searches begin at the same point.
    options = gmm.MapOptions(
        restarts=1, steps=1, learning_rate=1e-9, start="given", choose="final", polish=True
    )
    fit = gmm.fit_map(data, mixture, options, start=start)
    assert fit.verdict[0] == "converged"

    lower = np.tril_indices(3)

    def loss(x):
        logit, locs, rest = x[0], x[1:7].reshape(2, 3), x[7:].reshape(-1, 6)
        triangles = np.zeros((len(rest), 3, 3))
        triangles[:, *lower] = rest
        triangles[:, range(3), range(3)] = np.exp(triangles[:, range(3), range(3)])
        first = 1 / (1 + np.exp(-logit))
        tril = np.broadcast_to(mixed @ triangles, (2, 3, 3))
        point = gmm.Parameters(np.array([first, 1 - first]), locs @ mixed.T, tril)
        return -gmm.log_joint(data, mixture, point)

    begin = np.r_[0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 1.0, np.zeros(6 if tied else 12)]
    reference = minimize(loss, begin, method="BFGS", options={"gtol": 1e-4})
    assert fit.final_loss[0] == pytest.approx(reference.fun, rel=1e-8)
    assert fit.final_loss[0] <= reference.fun + 1e-9 * abs(reference.fun)
