"""The reference sampler: one chain of Pyro's NUTS on the model with its assignments summed out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyro.infer.autoguide.initialization import init_to_value
from pyro.infer.mcmc import MCMC, NUTS

from gmm_core.dataset import Dataset
from gmm_core.engines.pyro_engine import isolated, make_model
from gmm_core.engines.starts import chain_seed, start_locs, start_sites
from gmm_core.mixture import Mixture, from_sites
from gmm_core.options import MapOptions, NutsOptions
from gmm_core.progress import Cancelled, OnProgress, Patch, Reporter
from gmm_core.results import Posterior

Array = NDArray[np.float64]
Tensor = torch.Tensor


class _WatchedNUTS(NUTS):
    """NUTS that remembers of its last transition what Pyro computes and throws away."""

    # Not NaN: only `sample` asks for the energy, while setting up measures none.
    energy = 0.0

    def sample(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        self.energy, self.tree_depth = np.nan, 0
        divergences, mean, t = len(self._divergences), self._mean_accept_prob, self._t
        drawn = super().sample(params)
        self.potential = self._fetch_from_cache()[1]
        self.diverging = len(self._divergences) > divergences
        # Pyro keeps a running mean over the phase; its last step gives back the last value.
        warmup = self._warmup_steps or 0
        n = t + 1 if t < warmup else t + 1 - warmup
        self.acceptance = (
            self._mean_accept_prob if n == 1 else (mean + n * (self._mean_accept_prob - mean))
        )
        return drawn

    def _kinetic_energy(self, r_unscaled: dict[str, Tensor]) -> Tensor:
        kinetic = super()._kinetic_energy(r_unscaled)
        if np.isnan(self.energy):
            # The first call of a transition is at its start: the energy of the new momentum.
            self.energy = float(kinetic + self._fetch_from_cache()[1])
        return kinetic

    def _build_tree(self, *args: Any) -> Any:
        self.tree_depth = max(self.tree_depth, args[5] + 1)
        return super()._build_tree(*args)


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
    locs = start_locs(dataset, mixture.n_components, MapOptions(restarts=1, first_seed=seed))[0]
    start = {n: torch.tensor(v) for n, v in start_sites(dataset, mixture, locs).items()}
    drawn: list[dict[str, Tensor]] = []
    stats: dict[str, list[float]] = {
        name: [] for name in ("diverging", "tree_depth", "energy", "acceptance", "potential")
    }
    sent = 0

    with isolated(seed), warnings.catch_warnings():
        # torch.jit is deprecated and warns of constants it traces; the test against the exact
        # posterior is what holds the traced density to the model.
        warnings.simplefilter("ignore")
        kernel = _WatchedNUTS(
            make_model(mixture, data.shape[1]),
            target_accept_prob=options.target_accept,
            max_tree_depth=options.max_tree_depth,
            jit_compile=True,
            ignore_jit_warnings=True,
            init_strategy=init_to_value(values=start),
        )

        def constrained(first: int, last: int) -> dict[str, Array]:
            values = {
                name: kernel.transforms[name].inv(torch.stack([z[name] for z in drawn[first:last]]))
                for name in start
            }
            point = from_sites(mixture, {n: v.detach().numpy() for n, v in values.items()})
            names = ("weights", "locs", "scale_tril")
            return {name: getattr(point, name)[None] for name in names}

        def log_jacobian(first: int, last: int) -> Array:
            # The potential is of the density in unconstrained space: this leads back from it. With
            # correlations the sum is off by a constant of about 1e-8 of itself, since the traced
            # normal keeps its normalisation in float32; a constant is nothing to a sampler.
            total = torch.zeros(last - first, dtype=data.dtype)
            for name in start:
                z = torch.stack([draw[name] for draw in drawn[first:last]])
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

            if sent < min(len(drawn), W):
                last = min(len(drawn), W)
                add("warmup.locs", W, sent, constrained(sent, last)["locs"])
                sent = last
            if sent < len(drawn):
                for name, values in constrained(sent, len(drawn)).items():
                    add(f"draws.{name}", S, sent - W, values)
                for name in ("diverging", "acceptance"):
                    add(f"stats.{name}", S, sent - W, np.array([stats[name][sent:]]))
                sent = len(drawn)
            size = np.array([float(kernel.step_size)])
            patches["stats.step_size"] = Patch((C,), (chain,), size)
            return patches

        def hook(kernel: _WatchedNUTS, params: dict[str, Tensor], stage: str, i: int) -> None:
            drawn.append({name: params[name].detach().clone() for name in start})
            for name, values in stats.items():
                values.append(float(getattr(kernel, name)))
            report(len(drawn), W + S, news)

        def result() -> Posterior | None:
            n = len(drawn)
            if n <= W:
                return None
            draws = constrained(W, n)
            found = {name: np.array([values[W:n]]) for name, values in stats.items()}
            found["diverging"] = found["diverging"].astype(bool)
            found["tree_depth"] = found["tree_depth"].astype(np.int64)
            found["log_joint"] = log_jacobian(W, n)[None] - found.pop("potential")
            found["step_size"] = np.array([float(kernel.step_size)])
            found["start"] = np.array(["data points"])
            return Posterior(draws, found)

        mcmc = MCMC(kernel, num_samples=S, warmup_steps=W, hook_fn=hook, disable_progbar=True)
        try:
            mcmc.run(data)
            report.flush()
        except Cancelled as cancelled:
            raise Cancelled(str(cancelled), result()) from None
        posterior = result()
    assert posterior is not None
    return posterior
