"""The comparison: every number of components with every covariance, each mixture a part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from gmm_core.comparison import sweep
from gmm_core.comparison.odds import mean_density
from gmm_core.comparison.sweep import Comparison, ComparisonRow
from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.formatting import count
from gmm_core.inference import map_fit, smc_sampling
from gmm_core.inference.course import Optima, fit_from_optima, groups, swept
from gmm_core.inference.run import run_here
from gmm_core.mixture import COVARIANCES, Mixture, Priors, fewest_components
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.evidence import pooled
from gmm_core.posterior.summary import thinned
from gmm_core.runs import kinds
from gmm_core.runs.options import CompareOptions, SmcOptions
from gmm_core.runs.progress import Cancelled, OnProgress, Progress
from gmm_core.runs.specification import Specification

_EVIDENCE = SmcOptions(populations=6)
"""How the evidence of a cell is estimated: in less time than its own run would take."""


def compare(
    dataset: Dataset | PartitionedDataset,
    n_components: int | Iterable[int] = range(1, 7),
    covariances: str | Iterable[str | tuple[str, bool | None]] | None = None,
    priors: Priors | None = None,
    *,
    noise: bool = False,
    labels: str = "ignore",
    restarts: int = 32,
    first_seed: int = 0,
    start: str = "search",
    evidence: bool = False,
    on_progress: OnProgress | None = None,
) -> list[ComparisonRow]:
    """Fit every K with every covariance, each from many starts, and judge them by BIC and others.

    Parameters
    ----------
    dataset : in partitions, every mixture is compared at full size, where workers hold the data;
        the evidence is not taken then. See `partitioned_sweep.compare`.
    n_components : the K to try.
    covariances : names ("spherical", "diag", "full": tied and untied), codes such as "VEV", or
        pairs (name, tied); the usual six for None.
    priors : None for none at all, which is maximum likelihood.
    noise, labels : as in `Mixture`.
    restarts, first_seed, start : as in `MapOptions`. "search" tries starts of several kinds, the
        best of K - 1 with a component split and the optima of nested families among them, moves
        components to other places, and lets an optimum win only where every component holds
        2 (D + 1) points. Of others every start is trained and polished, and the best sound optimum
        is taken.
    evidence : also estimate the log evidence of each cell, with or without an optimum; it needs
        proper priors. `comparison.odds.probability_of_k` makes p(K | data) of it.
    on_progress : as in `fit_map`. `Cancelled` leaves with the finished rows as its `partial`.

    Returns
    -------
    A row for each cell, by K and then in the order of the registry of families. A cell without an
    optimum says why, has NaN as its criteria, and is never `sweep.best`.

    Raises
    ------
    ValueError
        When an option is out of range, or the data cannot be fitted by any mixture.
    """
    single = not isinstance(n_components, Iterable)
    named = isinstance(covariances, str)
    options = CompareOptions(
        n_components=(n_components,) if single else tuple(n_components),  # type: ignore[arg-type]
        covariances=(covariances,) if named else tuple(covariances or COVARIANCES),  # type: ignore[arg-type]
        restarts=restarts,
        first_seed=first_seed,
        start=start,  # type: ignore[arg-type]  # checked by the options
        evidence=evidence,
    )
    if isinstance(dataset, PartitionedDataset):
        from gmm_core.inference import partitioned_sweep  # clusters are heavy to load

        if evidence:
            raise ValueError(
                "Data in partitions is compared without the evidence. Leave it out, or read the "
                "data whole."
            )
        comparing: Callable[..., Comparison] = partial(
            partitioned_sweep.compare, dataset, options, priors, labels, noise=noise
        )
    else:
        mixture = Mixture(
            n_components=fewest_components(dataset, labels),
            priors=Priors.flat() if priors is None else priors,
            noise=noise,
            labels=labels,  # type: ignore[arg-type]  # checked by the mixture
        )
        spec = Specification(dataset=dataset, mixture=mixture, options=options)
        comparing = partial(run_here, spec)
    try:
        comparison: Comparison = comparing(on_progress=on_progress)
    except Cancelled as cancelled:
        rows = [] if cancelled.partial is None else list(cancelled.partial.rows)
        raise Cancelled(str(cancelled), rows) from None
    return list(comparison.rows)


def _counting(mixture: Mixture) -> Mixture:
    """Keep of a mixture what all cells have; with known classes, that there is room for them."""
    K = mixture.n_components if mixture.classes_fixed else 1
    cells_have = {
        name: getattr(mixture, name) for name in ("priors", "noise", "noise_box", "labels")
    }
    return Mixture(n_components=K, **cells_have)


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> Comparison:
    """Fit the mixtures of a part, and report a row for every cell that is one of them."""

    def fitted(mixture: Mixture, optima: Optima, report: OnProgress) -> ComparisonRow:
        return _weighed(spec, mixture, _cell(spec, mixture, optima, report), report)

    return swept(spec, groups(spec)[part], fitted, on_progress, spec.options.restarts)


def _cell(
    spec: Specification,
    mixture: Mixture,
    optima: Optima,
    report: OnProgress,
) -> ComparisonRow:
    """Fit one mixture, and return its row."""
    data, options = spec.dataset, spec.options
    began = time.perf_counter()
    try:
        fit = fit_from_optima(data, mixture, options, optima, report)
        return sweep.fitted_row(data, mixture, fit, time.perf_counter() - began)
    except (ValueError, ArithmeticError) as error:
        return sweep.unfitted_row(data, mixture, "failed", str(error), options.restarts)


def _weighed(
    spec: Specification,
    mixture: Mixture,
    row: ComparisonRow,
    report: OnProgress,
) -> ComparisonRow:
    """Return the row with the mixture's log evidence where it is asked for."""
    if not spec.options.evidence:
        return row
    began = time.perf_counter()
    options = _EVIDENCE.model_copy(update={"seed": spec.options.first_seed})

    def still(progress: Progress) -> None:
        # The second half of a cell's share, of which its fit has had the first.
        report(Progress(progress.total + progress.done, progress.total))

    try:
        of_cell = Specification(dataset=spec.dataset, mixture=mixture, options=options)
        posterior: Posterior = run_here(of_cell, still)
    except (ValueError, ArithmeticError):  # the row says why the mixture cannot be fitted
        return row
    value, error = pooled(posterior.stats["log_evidence"])
    return row._replace(
        log_evidence=value,
        evidence_error=error,
        density=mean_density(spec.dataset, thinned(posterior)),
        seconds=row.seconds + time.perf_counter() - began,
    )


def _rule(spec: Specification) -> None:
    if spec.options.evidence and kinds.engine_of(spec).passes:
        raise ValueError(
            f"The evidence of all {spec.dataset.n:,} rows is not computed where they are. Leave it "
            "out, or choose the engine 'compiled', which goes by the sample."
        )
    if spec.options.evidence and not spec.mixture.priors.proper:
        raise ValueError(
            "The evidence averages the likelihood over the priors, and flat ones are nothing to "
            "average over. Give every prior: those from the data suit most data."
        )


def _combine(spec: Specification, parts: Sequence[Comparison | None]) -> Comparison:
    return sweep.merged(spec.options, [part for part in parts if part is not None])


def _fits(spec: Specification) -> list[Specification]:
    """List the MAP fits that a comparison is made of: its distinct mixtures, each once."""
    every = sweep.cells(spec.options)
    groups = sweep.models(spec.options, spec.dataset.values.shape[1])
    options = spec.options.map_options
    return [
        # Not validated: what cannot be fitted to the data is a cell that says so.
        spec.model_copy(
            update={"mixture": sweep.mixture_of(every[group[0]], spec.mixture), "options": options}
        )
        for group in groups
    ]


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    evaluations = [one for fit in _fits(spec) for one in map_fit.KIND.evaluations(fit)]
    if spec.options.evidence:
        for fit in _fits(spec):
            of_evidence = fit.model_copy(update={"options": _EVIDENCE})
            evaluations += smc_sampling.KIND.evaluations(of_evidence)
    return evaluations


def _overhead(spec: Specification) -> float:
    # With what it takes to hand a part over and keep its row.
    return sum(10e-3 + map_fit.KIND.overhead(fit) for fit in _fits(spec))


def _headline(comparison: Comparison) -> str:
    winner = sweep.best(comparison.rows)
    if winner is None:
        return "no optimum"
    row = comparison.rows[winner]
    covariance = FAMILIES[row.covariance, row.tied].label
    return f"best by BIC: K = {row.n_components}, {covariance}, {row.bic:.6g}"


def _mixtures(options: Mapping[str, Any]) -> str:
    """Name a sweep from its options as the store has them: "K = 1 to 6, 6 covariances"."""
    ks, pairs = options.get("n_components"), options.get("covariances")
    if not (isinstance(ks, list) and ks and isinstance(pairs, list)):
        return "a sweep of another version"
    span = f"K = {ks[0]}" if len(ks) == 1 else f"K = {ks[0]} to {ks[-1]}"
    return f"{span}, {count(len(pairs), 'covariance')}"


KIND = kinds.Kind(
    name="compare",
    label="Comparison",
    options=CompareOptions,
    results={"Comparison": "gmm_core.comparison.sweep"},
    engine="compiled",
    run=_run,
    # K and covariance stand in the options: equal sweeps are equal runs.
    mixture=_counting,
    parts=lambda spec: len(groups(spec)),
    combine=_combine,
    evaluations=_evaluations,
    overhead=_overhead,
    counts="starts × steps of every mixture",
    fewer="fewer points, mixtures, starts or steps",
    headline=_headline,
    rule=_rule,
    likelihood=True,
    files=("data.csv", "report.html"),
    mixtures=_mixtures,
    # It goes by EM from a search, which other kinds need not compile.
    smallest=CompareOptions(n_components=(2,), restarts=1, start="search"),
)
