"""The reference sampler: one chain of Pyro's NUTS on the model with its assignments summed out."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from pyro.infer.autoguide.initialization import init_to_value
from pyro.infer.mcmc import MCMC

from gmm_core.data.dataset import Dataset
from gmm_core.engines.pyro_internals import WatchedNUTS
from gmm_core.engines.pyro_model import isolated, make_model
from gmm_core.engines.starts import chain_seed, known_locs, start_locs, start_sites
from gmm_core.mixture import Mixture, from_sites
from gmm_core.mixture.observation import observed
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.options import MapOptions, NutsOptions
from gmm_core.runs.progress import Cancelled, OnProgress, Patch, Reporter

ENGINES = [
    {
        "kind": "posterior",
        "name": "pyro",
        "packages": ("pyro-ppl", "torch"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "begin": 10.0,
        "per_evaluation": 0.003,
        "per_number": 3e-08,
        "warm": False,
    },
]

Array = NDArray[np.float64]
Tensor = torch.Tensor


def sample_chain(
    dataset: Dataset,
    mixture: Mixture,
    options: NutsOptions,
    chain: int,
    on_progress: OnProgress | None = None,
) -> Posterior:
    """Draw one chain, [1, S, ...]; chain 0 uses the seed itself. See `inference.sample_posterior`.

    The chain begins at a tutorial start of its own seed, so that chains begin far apart in the
    data's own range; Pyro's default, uniform in (-2, 2), is far from data in other units.

    Raises
    ------
    Cancelled
        With the draws so far as its `partial`, or None during warm-up.
    """
    report = Reporter(on_progress)
    S, W, C = options.draws, options.warmup, options.chains
    data = torch.tensor(dataset.values)
    seed = chain_seed(options.seed, chain)
    one = MapOptions(restarts=1, first_seed=seed)
    seen = observed(dataset, mixture)
    locs = known_locs(dataset, mixture, start_locs(dataset, mixture.n_components, one))[0]
    start = {n: torch.tensor(v) for n, v in start_sites(dataset, mixture, locs).items()}
    states: list[dict[str, Tensor]] = []
    stats: dict[str, list[float]] = {
        name: [] for name in ("diverging", "tree_depth", "energy", "acceptance", "potential")
    }
    sent = 0

    with isolated(seed), warnings.catch_warnings():
        # torch.jit is deprecated and warns of constants it traces; the test against the exact
        # posterior is what holds the traced density to the model.
        warnings.simplefilter("ignore")
        kernel = WatchedNUTS(
            make_model(mixture, data.shape[1], seen, sampled=True),
            target_accept_prob=options.target_accept,
            max_tree_depth=options.max_tree_depth,
            jit_compile=True,
            ignore_jit_warnings=True,
            init_strategy=init_to_value(values=start),
        )

        def constrained(first: int, last: int) -> dict[str, Array]:
            values = {
                name: kernel.transforms[name].inv(
                    torch.stack([z[name] for z in states[first:last]])
                )
                for name in start
            }
            arrays = {n: v.detach().numpy() for n, v in values.items()}
            point = from_sites(mixture, arrays, seen.box)
            return {name: array[None] for name, array in point.arrays().items()}

        def log_jacobian(first: int, last: int) -> Array:
            # The potential is of the density in unconstrained space: this leads back from it. With
            # correlations the sum is off by a constant of about 1e-8 of itself, since the traced
            # normal keeps its normalisation in float32; a constant is nothing to a sampler.
            total = torch.zeros(last - first, dtype=data.dtype)
            for name in start:
                z = torch.stack([draw[name] for draw in states[first:last]])
                transform = kernel.transforms[name]
                jacobian = transform.log_abs_det_jacobian(transform.inv(z), z)
                total += jacobian.reshape(last - first, -1).sum(-1)
            return total.detach().numpy()

        def news() -> dict[str, Patch]:
            nonlocal sent
            patches: dict[str, Patch] = {}

            def add(name: str, length: int, at: int, values: Array) -> None:
                shape = (C, length, *values.shape[2:])
                patches[name] = Patch(shape, (chain, at) + (0,) * (values.ndim - 2), values)

            if sent < min(len(states), W):
                last = min(len(states), W)
                add("warmup.locs", W, sent, constrained(sent, last)["locs"])
                sent = last
            if sent < len(states):
                for name, values in constrained(sent, len(states)).items():
                    add(f"draws.{name}", S, sent - W, values)
                for name in ("diverging", "acceptance"):
                    add(f"stats.{name}", S, sent - W, np.array([stats[name][sent:]]))
                sent = len(states)
            size = np.array([float(kernel.step_size)])
            patches["stats.step_size"] = Patch((C,), (chain,), size)
            return patches

        def hook(kernel: WatchedNUTS, params: dict[str, Tensor], stage: str, i: int) -> None:
            states.append({name: params[name].detach().clone() for name in start})
            for name, values in stats.items():
                values.append(float(getattr(kernel, name)))
            report(len(states), W + S, news)

        def result() -> Posterior | None:
            n = len(states)
            if n <= W:
                return None
            draws = constrained(W, n)
            kept_stats = {name: np.array([values[W:n]]) for name, values in stats.items()}
            kept_stats["diverging"] = kept_stats["diverging"].astype(bool)
            kept_stats["tree_depth"] = kept_stats["tree_depth"].astype(np.int64)
            kept_stats["log_joint"] = log_jacobian(W, n)[None] - kept_stats.pop("potential")
            kept_stats["step_size"] = np.array([float(kernel.step_size)])
            kept_stats["start"] = np.array(["data points"])
            return Posterior(draws, kept_stats)

        mcmc = MCMC(kernel, num_samples=S, warmup_steps=W, hook_fn=hook, disable_progbar=True)
        try:
            mcmc.run(data)
            report.flush()
        except Cancelled as cancelled:
            raise Cancelled(str(cancelled), result()) from None
        posterior = result()
    assert posterior is not None
    return posterior
