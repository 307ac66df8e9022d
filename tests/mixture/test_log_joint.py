"""The log joint in NumPy is the Pyro model's, and both are what the tutorial writes down."""

from itertools import product

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from points import COVARIANCES, random_dataset, random_point
from pyro import poutine
from scipy.special import logsumexp

import gmm_core as gmm
from gmm_core.engines import pyro_model
from gmm_core.mixture import log_joint_terms, sites


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("D", [1, 2, 4])
@pytest.mark.parametrize("K", [1, 2, 5])
def test_log_joint_is_that_of_the_pyro_engine(covariance, tied, D, K):
    dataset = random_dataset(6, D)
    for priors in (gmm.Priors.tutorial(), gmm.Priors.for_data(dataset), gmm.Priors.flat()):
        mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=priors)
        for seed in range(2):
            point = random_point(mixture, D, seed)
            ours = gmm.log_joint(dataset, mixture, point)
            theirs = pyro_model.log_joint(dataset, mixture, point)
            assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-9)


def _spherical_tied(x, K):
    weights = pyro.sample("weights", dist.Dirichlet(torch.full((K,), 0.5).double()))
    scale = pyro.sample("scale", dist.LogNormal(torch.tensor(0.0).double(), 2.0))
    locs = [
        pyro.sample(f"locs_{k}", dist.Normal(torch.zeros(x.shape[1]).double(), 10.0).to_event(1))
        for k in range(K)
    ]
    for n in range(len(x)):
        z = pyro.sample(f"z_{n}", dist.Categorical(weights))
        pyro.sample(f"x_{n}", dist.Normal(locs[z], scale).to_event(1), obs=x[n])


def _full_untied(x, K):
    D = x.shape[1]
    zero = torch.zeros(D).double()
    weights = pyro.sample("weights", dist.Dirichlet(torch.full((K,), 0.5).double()))
    locs, covariances = [], []
    for k in range(K):
        locs.append(pyro.sample(f"locs_{k}", dist.Normal(zero, 10.0).to_event(1)))
        scale = pyro.sample(f"scale_{k}", dist.LogNormal(zero, 2.0).to_event(1))
        L = pyro.sample(f"correlation_{k}", dist.LKJCholesky(D, torch.tensor(1.0).double()))
        covariances.append(scale.diag() @ L @ L.T @ scale.diag())
    for n in range(len(x)):
        z = pyro.sample(f"z_{n}", dist.Categorical(weights))
        pyro.sample(f"x_{n}", dist.MultivariateNormal(locs[z], covariances[z]), obs=x[n])


@pytest.mark.parametrize(
    ("model", "mixture"),
    [
        (_spherical_tied, gmm.Mixture(n_components=2)),
        (_full_untied, gmm.Mixture(n_components=2, covariance="full", tied=False)),
    ],
)
def test_log_joint_is_that_of_a_plain_trace_over_every_assignment(model, mixture):
    N, D, K = 4, 3, mixture.n_components
    dataset = random_dataset(N, D)
    point = random_point(mixture, D)
    values = {}
    for name, array in sites(mixture, point).items():
        if name == "weights" or array.ndim == 0:
            values[name] = torch.tensor(array)
        else:
            values |= {f"{name}_{k}": torch.tensor(array[k]) for k in range(K)}
    traces = []
    for z in product(range(K), repeat=N):
        chosen = {f"z_{n}": torch.tensor(k) for n, k in enumerate(z)}
        conditioned = poutine.condition(model, data=values | chosen)
        trace = poutine.trace(conditioned).get_trace(torch.tensor(dataset.values), K)
        traces.append(trace.log_prob_sum().item())
    assert gmm.log_joint(dataset, mixture, point) == pytest.approx(logsumexp(traces), abs=1e-9)


def test_log_joint_at_the_tutorials_optimum():
    point = gmm.Parameters(
        np.array([0.625, 0.375]),
        np.array([[10.98446190], [0.49894133]]),
        np.full((2, 1, 1), 0.65143370),
    )
    computed = gmm.log_joint(gmm.example("tutorial"), gmm.Mixture(), point)
    assert computed == pytest.approx(-17.44325488, abs=1e-8)


def test_a_flat_prior_leaves_the_likelihood():
    dataset = random_dataset(6, 2)
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())
    point = random_point(mixture, 2)
    assert set(log_joint_terms(dataset, mixture, point)) == {"likelihood"}
    expected = gmm.log_density(point, dataset.values).sum()
    assert gmm.log_joint(dataset, mixture, point) == pytest.approx(expected)


def test_an_empty_component_has_infinite_density_under_the_tutorials_prior():
    point = gmm.Parameters(np.array([1.0, 0.0]), np.array([[5.0], [0.0]]), np.ones((2, 1, 1)))
    assert gmm.log_joint(gmm.example("tutorial"), gmm.Mixture(), point) == np.inf
