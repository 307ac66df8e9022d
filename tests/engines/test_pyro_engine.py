"""The reference engine is the tutorial's computation, and leaves nothing behind in the process."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from points import COVARIANCES, random_dataset, random_point
from pyro import poutine
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta
from scipy.stats import binomtest

import gmm_core as gmm
from gmm_core.engines import pyro_model

DATA = gmm.example("tutorial")
TUTORIAL = gmm.Mixture()


@config_enumerate
def tutorial_model(data, K=2):
    one = torch.ones((), dtype=torch.float64)
    weights = pyro.sample("weights", dist.Dirichlet(0.5 * one.expand(K)))
    scale = pyro.sample("scale", dist.LogNormal(0 * one, 2 * one))
    with pyro.plate("components", K):
        locs = pyro.sample("locs", dist.Normal(0 * one, 10 * one))
    with pyro.plate("data", len(data)):
        assignment = pyro.sample("assignment", dist.Categorical(weights))
        pyro.sample("obs", dist.Normal(locs[assignment], scale), obs=data)


def bare_tutorial_loop(seed, steps):
    """Losses and gradient norms as the tutorial's own loop gives them."""
    data = torch.tensor(DATA.values[:, 0])
    start = {"weights": torch.ones(2).double() / 2, "scale": (data.var() / 2).sqrt()}
    torch.manual_seed(seed)
    start["locs"] = data[torch.multinomial(torch.ones(5) / 5, 2)]
    guide = AutoDelta(
        poutine.block(tutorial_model, expose=["weights", "locs", "scale"]),
        init_loc_fn=lambda site: start[site["name"]].clone(),
    )
    adam = pyro.optim.Adam({"lr": 0.1, "betas": [0.8, 0.99]})
    elbo = TraceEnum_ELBO(max_plate_nesting=1)
    svi = SVI(tutorial_model, guide, adam, loss=elbo)
    elbo.loss(tutorial_model, guide, data)
    norms = defaultdict(list)
    for name, value in pyro.get_param_store().named_parameters():
        value.register_hook(
            lambda g, name=name: norms[name.removeprefix("AutoDelta.")].append(g.norm().item())
        )
    return [svi.step(data) for _ in range(steps)], norms


@pytest.mark.parametrize("seed", [13, 7])  # the one that wins, and one that collapses
def test_the_curves_are_those_of_the_tutorials_loop(seed):
    with pyro.get_param_store().scope(), torch.random.fork_rng(devices=[]):
        loss, norms = bare_tutorial_loop(seed, 200)
    fit = gmm.fit_map(DATA, TUTORIAL, gmm.MapOptions(restarts=1, first_seed=seed), engine="pyro")
    np.testing.assert_allclose(fit.loss[0], loss, rtol=0, atol=1e-10)
    assert set(fit.gradient_norm) == {"weights", "locs", "scale"}
    for name, norm in fit.gradient_norm.items():
        np.testing.assert_allclose(norm[0], norms[name], rtol=1e-9, atol=1e-10)


def test_the_full_guide_is_a_bound_that_closes():
    fit = gmm.fit_map(
        DATA, TUTORIAL, gmm.MapOptions(restarts=1, first_seed=13, polish=True), engine="pyro"
    )
    options = gmm.GuideOptions(steps=500, learning_rate=0.5)
    guide = gmm.fit_guide(DATA, TUTORIAL, fit.parameters, options)
    assert guide.loss[0] == pytest.approx(338.634, abs=0.01)
    bound = -gmm.log_joint(DATA, TUTORIAL, fit.parameters)
    assert np.all(guide.loss >= bound - 1e-9)
    assert guide.loss[-1] == pytest.approx(bound, abs=0.02)
    np.testing.assert_allclose(guide.assignment_probs.sum(axis=1), 1)
    closed = gmm.responsibilities(fit.parameters, DATA.values)
    np.testing.assert_allclose(guide.assignment_probs, closed, atol=1e-3)
    assert guide.gradient_norm["assignment_probs"].shape == guide.loss.shape
    assert np.all(np.isfinite(guide.gradient_norm["assignment_probs"]))


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_infer_discrete_at_zero_is_the_closed_form(covariance, tied):
    mixture = gmm.Mixture(n_components=3, covariance=covariance, tied=tied)
    point, x = random_point(mixture, 2), random_dataset(60, 2).values
    np.testing.assert_array_equal(pyro_model.assign(mixture, point, x), gmm.assign(point, x))


def test_infer_discrete_on_the_tutorials_grid_changes_at_the_boundary():
    fit = gmm.fit_map(DATA, TUTORIAL, gmm.MapOptions(restarts=1, first_seed=13), engine="pyro")
    grid = np.arange(5.5, 6.0, 0.005)
    assignments = pyro_model.assign(TUTORIAL, fit.parameters, grid)
    np.testing.assert_array_equal(assignments, gmm.assign(fit.parameters, grid))
    (edge,) = grid[np.flatnonzero(np.diff(assignments))]
    assert edge < gmm.boundaries(fit.parameters)[0] < edge + 0.005


def test_infer_discrete_at_one_draws_from_the_responsibilities():
    mixture = gmm.Mixture(n_components=2, tied=False)
    point, draws = random_point(mixture, 1), 4000
    for x in (1.0, 3.0, 5.0):
        assignments = pyro_model.assign(mixture, point, np.full(draws, x), temperature=1, seed=5)
        p = gmm.responsibilities(point, [x])[0, 1]
        assert binomtest(int(assignments.sum()), draws, p).pvalue > 0.001


def test_a_fit_leaves_store_and_random_state_as_they_were():
    pyro.get_param_store().clear()
    pyro.param("mine", torch.tensor(3.0))
    before = torch.get_rng_state()
    gmm.fit_map(DATA, TUTORIAL, gmm.MapOptions(restarts=3, steps=5, choose="final"), engine="pyro")
    fit = gmm.fit_map(DATA, TUTORIAL, gmm.MapOptions(restarts=1, steps=5), engine="pyro")
    gmm.fit_guide(DATA, TUTORIAL, fit.parameters, gmm.GuideOptions(steps=5))
    pyro_model.assign(TUTORIAL, fit.parameters, DATA.values, temperature=1)
    assert list(pyro.get_param_store().keys()) == ["mine"]
    assert pyro.param("mine").item() == 3.0
    assert torch.equal(torch.get_rng_state(), before)
    pyro.get_param_store().clear()


def test_fits_in_two_threads_both_get_the_right_answer():
    options = [gmm.MapOptions(restarts=1, first_seed=seed, steps=60) for seed in (13, 7, 13, 7)]
    alone = [gmm.fit_map(DATA, TUTORIAL, option, engine="pyro").loss for option in options[:2]]
    with ThreadPoolExecutor(2) as pool:
        together = list(
            pool.map(
                lambda option: gmm.fit_map(DATA, TUTORIAL, option, engine="pyro").loss, options
            )
        )
    for loss, expected in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(loss, expected)
