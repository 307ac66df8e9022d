"""The posterior: NUTS chains, each a part that can have a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture, Parameters
from gmm_core.posterior import relabelling
from gmm_core.posterior.draws import Posterior
from gmm_core.runs import kinds
from gmm_core.runs.options import NutsOptions, SmcOptions
from gmm_core.runs.progress import OnProgress, thinned
from gmm_core.runs.recorded import shown_draws
from gmm_core.runs.specification import Specification

_GRADIENTS = 8
"""About how many gradients a draw takes; a tree of depth j has at most 2^j - 1."""


def sample_posterior(
    dataset: Dataset,
    mixture: Mixture,
    options: NutsOptions | SmcOptions | None = None,
    *,
    engine: str = "nutpie",
    start: Parameters | None = None,
    on_progress: OnProgress | None = None,
) -> Posterior:
    """Draw from the posterior, assignments summed out.

    Parameters
    ----------
    options : for NUTS draws, warm-up, chains, seed and adaptation; for "smc" its `SmcOptions`.
    engine : NUTS by "nutpie" on the compiled kernel, or by "pyro", the reference; or "smc", which
        begins at every mode that a search finds, gives each its weight, and tells the evidence.
    start : with "smc" and `start="given"` in its options, a point or a sequence of them [M] whose
        modes are weighed beside those that the search finds, such as the highest draw of each chain
        (`posterior.mode_weights.highest`).
    on_progress : as in `fit_map`. `Cancelled` leaves with the draws so far as its `partial`.

    Raises
    ------
    ValueError
        When a prior is flat, or the mixture does not fit the data.
    """
    kind = kinds.by_engine(KIND.name, engine)
    spec = Specification(
        dataset=dataset,
        mixture=mixture,
        options=checked_options(kind.options, options),
        engine=engine,
        parameters=start,
    )
    return run_here(spec, on_progress)


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> Posterior:
    engine = kinds.engine_of(spec).load()
    chain: Posterior = engine.sample_chain(
        spec.dataset, spec.mixture, spec.options, part, shown_now(spec, on_progress)
    )
    return chain


def shown_now(spec: Specification, on_progress: OnProgress | None) -> OnProgress | None:
    """Return what reports as many draws as a page can hold; see `recorded.shown_draws`."""
    D = spec.dataset.values.shape[1]
    every = shown_draws(spec.mixture.n_components, D, spec.options)
    return thinned(on_progress, every, "draws.", "warmup.")


def _combine(spec: Specification, parts: Sequence[Posterior | None]) -> Posterior:
    """Put chains side by side, cut to the shortest when cancelled."""
    chains = [chain for chain in parts if chain is not None and chain.n_draws > 0]
    if not chains:
        raise ValueError("No chain has a draw yet: every one was stopped during its warm-up.")
    return stacked(chains)


def stacked(chains: Sequence[Posterior]) -> Posterior:
    """Put draws of chains side by side, cut to the shortest."""
    shortest = min(chain.n_draws for chain in chains)

    def joined(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        # Per-chain numbers such as the step size are [1]; draws are [1, S, ...].
        return np.concatenate([a if a.ndim == 1 else a[:, :shortest] for a in arrays])

    first = chains[0]
    return Posterior(
        {name: joined([chain.draws[name] for chain in chains]) for name in first.draws},
        {name: joined([chain.stats[name] for chain in chains]) for name in first.stats},
    )


def refuse_flat(spec: Specification) -> None:
    """Refuse priors without which there is no posterior."""
    if not spec.mixture.priors.proper:
        raise ValueError(
            "With a flat prior there is no posterior to draw from. Give every prior: "
            "those from the data suit most data."
        )


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: NutsOptions = spec.options
    gradients = min(_GRADIENTS, 2**options.max_tree_depth - 1)
    count = options.chains * (options.warmup + options.draws) * gradients
    return [kinds.Evaluations(spec.mixture, count)]


def _stored(spec: Specification) -> float:
    options: NutsOptions = spec.options
    D = spec.dataset.values.shape[1]
    return float(options.chains * options.draws * Parameters.size(spec.mixture.n_components, D))


def named_alike(
    spec: Specification, posterior: Posterior, going: Callable[[], object]
) -> Posterior:
    """Find the labels that mean the same in all draws, which takes longer than a page may."""
    return relabelling.with_order(posterior, spec.dataset, going)


def soon_named(spec: Specification, posterior: Posterior) -> Posterior:
    """Return as many of the draws as `named_alike` takes a second for."""
    return relabelling.soon(posterior, spec.dataset)


def ordering(spec: Specification) -> float:
    """Estimate the seconds of `named_alike`."""
    draws, K = spec.options.chains * spec.options.draws, spec.mixture.n_components
    return relabelling.seconds_to_order(draws, K, len(spec.dataset.values))


def _headline(posterior: Posterior) -> str:
    diverging = np.asarray(posterior.stats["diverging"])
    return f"{diverging.size:,} draws, {int(np.nansum(diverging)):,} divergent"


KIND = kinds.Kind(
    name="posterior",
    label="Posterior",
    options=NutsOptions,
    results={"Posterior": "gmm_core.posterior.draws"},
    engine="nutpie",
    run=_run,
    parts=lambda spec: spec.options.chains,
    combine=_combine,
    evaluations=_evaluations,
    completed=named_alike,
    shown=soon_named,
    overhead=ordering,
    stored=_stored,
    counts="chains × draws",
    fewer="fewer points, components, chains or draws",
    headline=_headline,
    spare_components=True,
    rule=refuse_flat,
    verb="sample",
    files=("script.py", "notebook.ipynb", "data.csv", "draws.nc", "report.html"),
)
