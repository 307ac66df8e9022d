"""What Pyro does not document and gmm_core/engines/pyro_internals.py builds on."""

from __future__ import annotations

import inspect

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.mcmc import MCMC, NUTS
from torch.distributions import constraints

from gmm_core.engines import pyro_internals

from .promises import files_that_match, takes

VERSION = f"pyro-ppl {pyro.__version__}"


def test_one_file_uses_what_pyro_does_not_document():
    inside = (
        r"store\(\)\._|_constraints\[|self\._divergences|_mean_accept_prob|_fetch_from_cache|"
        r"_kinetic_energy|_build_tree|_warmup_steps"
    )
    assert files_that_match(inside, ("pages", "gmm_core")) == {"gmm_core/engines/pyro_internals.py"}


def test_the_parameter_store_knows_where_a_parameter_may_lie():
    with pyro.get_param_store().scope():
        pyro.param("share", torch.tensor([0.25, 0.75]), constraint=constraints.simplex)
        try:
            mapped = pyro_internals.constrained("share", torch.zeros(3, 1))
        except (AttributeError, KeyError) as error:
            pytest.fail(
                f"{VERSION}: the parameter store has no _constraints by name ({error!r}), and what "
                "was trained could not be brought back to where it may lie."
            )
    assert mapped.tolist() == [[0.5, 0.5]] * 3 or mapped.shape == (3, 1)


@pytest.mark.parametrize("inner", ["_fetch_from_cache", "_kinetic_energy", "_build_tree"])
def test_nuts_has_the_inner_methods_that_are_watched(inner):
    assert hasattr(NUTS, inner), (
        f"{VERSION}: NUTS has no {inner} any more. WatchedNUTS reads the energy, the depth of the "
        "tree and divergences of each draw there."
    )


def test_the_depth_of_the_tree_is_an_argument_of_what_builds_it():
    takes("pyro-ppl", NUTS._build_tree, "self", "z", "r", "z_grads", "log_slice", "direction",
          "tree_depth")  # fmt: skip
    source = inspect.getsource(NUTS.sample)
    for inner in ("_t", "_mean_accept_prob", "_divergences"):
        assert f"self.{inner}" in source or f"self.{inner}" in inspect.getsource(
            inspect.getmodule(NUTS)
        ), f"{VERSION}: a transition no longer keeps {inner}."


def test_what_is_watched_is_what_pyro_sums_up():
    def model():
        pyro.sample("x", dist.Normal(torch.tensor(0.0), torch.tensor(1.0)))

    seen, means = [], []

    def watch(kernel, params, stage, i):
        seen.append((stage, kernel.acceptance, kernel.tree_depth, kernel.energy, kernel.potential))
        means.append(kernel._mean_accept_prob)

    with pyro.get_param_store().scope(), torch.random.fork_rng(devices=[]):
        pyro.set_rng_seed(3)
        kernel = pyro_internals.WatchedNUTS(model)
        mcmc = MCMC(kernel, num_samples=40, warmup_steps=40, hook_fn=watch, disable_progbar=True)
        mcmc.run()
    accepted = [acceptance for stage, acceptance, *_ in seen if stage.lower().startswith("sample")]
    assert np.mean(accepted) == pytest.approx(means[-1], abs=1e-9), (
        f"{VERSION}: the acceptance of single draws no longer has Pyro's own mean."
    )
    assert all(depth >= 1 for *_, depth, _, _ in seen), f"{VERSION}: no tree was seen to grow."
    # The energy of a transition is its potential where it began, and a momentum's square.
    before = [seen[i][4] for i in range(len(seen) - 1)]
    energies = [seen[i + 1][3] for i in range(len(seen) - 1)]
    assert all(e >= float(u) - 1e-9 for e, u in zip(energies, before, strict=True)), (
        f"{VERSION}: the energy at the start of a transition is below its potential."
    )
