"""The compiled objective is Pyro's, in Pyro's coordinates, and stays a number far out."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from points import FOURTEEN, random_dataset, random_point
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from torch.distributions import biject_to, transform_to

import gmm_core as gmm
from gmm_core.engines.problem import Problem
from gmm_core.engines.pyro_model import isolated, make_model
from gmm_core.mixture import from_sites, log_joint, sites

SHAPES = list(product((1, 2, 3, 6), (1, 2, 5, 12)))
PRIORS = {
    "tutorial": gmm.Priors(),
    "informed": gmm.Priors(
        concentration=2.5, loc_mean=3.0, scale_log_mean=0.5, scale_log_sd=0.7, correlation=3.0
    ),
    "flat": gmm.Priors.flat(),
    "some": gmm.Priors(concentration=None, scale_log_sd=None, correlation=0.7),
}


def pyro_value_and_gradient(dataset, mixture, free, sticks, jacobian):
    """Log joint of the Pyro model by autograd, at coordinates given as one array for each site."""
    data = torch.tensor(dataset.values)
    coordinates = {n: torch.tensor(v, requires_grad=True) for n, v in free.items()}
    with isolated():
        model = make_model(mixture, data.shape[1], sampled=jacobian)
        names = list(coordinates)
        prior = poutine.trace(poutine.block(model, expose=names)).get_trace(data)
        values, volume = {}, 0.0
        for name, u in coordinates.items():
            transform = (biject_to if sticks else transform_to)(prior.nodes[name]["fn"].support)
            values[name] = transform(u)
            if jacobian:
                volume = volume + transform.log_abs_det_jacobian(u, values[name]).sum()
        conditioned = poutine.condition(model, data=values)
        elbo = TraceEnum_ELBO(max_plate_nesting=1)
        value = volume - elbo.differentiable_loss(conditioned, lambda data: None, data)
        gradient = torch.autograd.grad(value, list(coordinates.values()))
    return value.item(), np.concatenate([g.numpy().ravel() for g in gradient])


def assert_close(problem, q, dataset, jacobian):
    value, gradient = problem.value_and_gradient(q)
    theirs, their_gradient = pyro_value_and_gradient(
        dataset, problem.mixture, problem.split(q), problem.sticks, jacobian
    )
    assert value == pytest.approx(theirs, rel=1e-9)
    # A gradient is as exact as its largest entry: sums of points cancel in the others.
    np.testing.assert_allclose(
        gradient, their_gradient, rtol=1e-7, atol=1e-7 * np.abs(their_gradient).max()
    )


@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
@pytest.mark.parametrize(("D", "K"), SHAPES)
def test_value_and_gradient_are_pyros(covariance, tied, D, K):
    dataset = random_dataset(30, D, seed=K)
    names = list(PRIORS)
    # Each shape meets two of the priors, all four meet each covariance.
    for name in (names[K % 4], names[(K + D) % 4]):
        mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=PRIORS[name])
        point = sites(mixture, random_point(mixture, D, seed=D))
        for coordinates, jacobian in (("store", False), ("bijection", True)):
            problem = Problem.of(dataset, mixture, coordinates, jacobian)
            assert_close(problem, problem.unconstrain(point), dataset, jacobian)


@settings(deadline=None, max_examples=25)
@given(
    form=st.sampled_from(FOURTEEN),
    D=st.integers(1, 4),
    K=st.integers(1, 6),
    priors=st.sampled_from(list(PRIORS.values())),
    seed=st.integers(0, 10_000),
    jacobian=st.booleans(),
)
def test_anywhere_in_the_coordinates_it_is_pyros(form, D, K, priors, seed, jacobian):
    dataset = random_dataset(20, D, seed)
    mixture = gmm.Mixture(n_components=K, covariance=form[0], tied=form[1], priors=priors)
    problem = Problem.of(dataset, mixture, "bijection", jacobian)
    q = np.random.default_rng(seed).normal(0, 1.5, problem.size)
    assert_close(problem, q, dataset, jacobian)


@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
@pytest.mark.parametrize("coordinates", ["store", "bijection"])
def test_gradient_is_that_of_the_value(covariance, tied, coordinates):
    dataset = random_dataset(700, 3)  # more than one block
    mixture = gmm.Mixture(n_components=3, covariance=covariance, tied=tied)
    problem = Problem.of(dataset, mixture, coordinates, coordinates == "bijection")
    q = problem.unconstrain(sites(mixture, random_point(mixture, 3)))
    _, gradient = problem.value_and_gradient(q)
    steps = 1e-5 * np.eye(len(q))
    ahead, behind = ([problem.value_and_gradient(q + s * e)[0] for e in steps] for s in (1, -1))
    slope = (np.array(ahead) - behind) / 2e-5
    np.testing.assert_allclose(gradient, slope, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
@pytest.mark.parametrize("coordinates", ["store", "bijection"])
def test_coordinates_and_sites_are_inverse(covariance, tied, coordinates):
    mixture = gmm.Mixture(n_components=4, covariance=covariance, tied=tied)
    problem = Problem.of(random_dataset(9, 3), mixture, coordinates)
    point = sites(mixture, random_point(mixture, 3))
    again = problem.constrain(np.stack([problem.unconstrain(point)] * 2))
    for name, value in point.items():
        np.testing.assert_allclose(again[name][1], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
def test_it_is_the_closed_form_on_many_points(covariance, tied):
    dataset = random_dataset(5_000, 2)
    mixture = gmm.Mixture(n_components=9, covariance=covariance, tied=tied)
    point = random_point(mixture, 2)
    problem = Problem.of(dataset, mixture)
    value, _ = problem.value_and_gradient(problem.unconstrain(sites(mixture, point)))
    assert value == pytest.approx(log_joint(dataset, mixture, point), rel=1e-12)


@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
@pytest.mark.parametrize(
    ("shift", "stretch", "outlier"),
    [(1e8, 1.0, 0.0), (0.0, 1e6, 0.0), (0.0, 1e-6, 0.0), (0.0, 1.0, 1e6), (0.0, (1e-6, 1e6), 0.0)],
)
def test_far_out_it_is_the_closed_form_and_finite(covariance, tied, shift, stretch, outlier):
    values = random_dataset(40, 2).values * np.asarray(stretch) + shift
    values[7] += outlier
    dataset = gmm.Dataset.from_values(values)
    mixture = gmm.Mixture(
        n_components=2, covariance=covariance, tied=tied, priors=gmm.Priors.for_data(dataset)
    )
    spread = values.std(axis=0)
    scale = spread if mixture.family.per_column else spread.mean()
    start = {
        "weights": np.array([1e-300, 1.0]),
        "locs": values[[7, 1]],
        "scale": np.broadcast_to(scale, mixture.scale_shape(2)),
    }
    if covariance == "full":
        factor = np.array([[1.0, 0.0], [0.6, 0.8]])
        start["correlation"] = factor if tied else np.stack([factor] * 2)
    for site in mixture.sites(2):
        if site.name == "shape":
            start["shape"] = np.full(site.shape, 0.1)
        elif site.name == "direction":
            start["direction"] = np.broadcast_to([[0.8, -0.6], [0.6, 0.8]], site.shape)
    expected = log_joint(dataset, mixture, from_sites(mixture, start))
    for coordinates in ("store", "bijection"):
        problem = Problem.of(dataset, mixture, coordinates)
        value, gradient = problem.value_and_gradient(problem.unconstrain(start))
        assert value == pytest.approx(expected, rel=1e-9)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 800.0, -800.0])
def test_a_scale_out_of_range_gives_nan_not_a_number_that_looks_right(bad):
    problem = Problem.of(gmm.example("tutorial"), gmm.Mixture())
    q = np.array([0.0, 0.0, 1.0, 11.0, bad])
    value, gradient = problem.value_and_gradient(q)
    assert np.isnan(value)
    assert np.isnan(gradient).all()


def test_a_jacobian_of_the_softmax_is_refused():
    with pytest.raises(ValueError, match="has no Jacobian"):
        Problem.of(gmm.example("tutorial"), gmm.Mixture(), "store", jacobian=True)
