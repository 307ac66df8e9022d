"""The answer of a run of any kind: in words, as a table, as numbers for JSON, and as a figure.

What a page draws, a script prints and a program fetches is one thing. A type of result has its
entry in `_BY_TYPE`; one without goes by its kind's headline and its own arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
from gmm_core.comparison.sweep import Comparison, best
from gmm_core.data.dataset import Dataset
from gmm_core.data.transforms import dumped
from gmm_core.mixture import Parameters
from gmm_core.mixture.fields import canonical
from gmm_core.partitions.memberships import Memberships
from gmm_core.posterior.bootstrap import Bootstrap
from gmm_core.posterior.calibration import Calibration
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import finite_draws, summary
from gmm_core.runs import kinds
from gmm_core.runs.results import EmFit, GuideFit, MapFit
from gmm_core.runs.specification import Specification
from gmm_core.words import sampled, transformed
from gmm_core.words.calibration import CALIBRATION_HEAD, calibration_rows, calibration_words
from gmm_core.words.comparison import TABLE_HEAD, comparison_answer, table_rows
from gmm_core.words.fit import fit_answer, point_answer
from gmm_core.words.posterior import posterior_answer
from gmm_core.words.resampled import BOOTSTRAP_HEAD, bootstrap_rows, bootstrap_words, ratio_words
from gmm_core.words.segments import Segment
from gmm_core.words.tables import component_table
from gmm_core.words.written import WRITTEN_HEAD, written_rows, written_words

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Answer:
    """What a run found.

    Attributes
    ----------
    words : a sentence or more, as its page begins.
    head, rows : its table; both empty where it has none.
    numbers : the same and more for JSON, by name: plain values, lists, NumPy arrays, parameters.
    """

    words: str
    head: tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: dict[str, Any] | None = None


class _Told(NamedTuple):
    """How a type of results is told.

    answer, figure : of (specification, result).
    about : what else is to be said of its numbers on this data.
    """

    answer: Callable[[Specification, Any], Answer]
    figure: Callable[[Specification, Any], go.Figure] | None = None
    about: Callable[[Dataset], str] = lambda dataset: ""


def answer(spec: Specification, result: Any) -> Answer:
    """Say what a run found."""
    entry = _BY_TYPE.get(type(result), _Told(_any))
    basis = entry.answer(spec, result)
    # What was computed is said first, then in which units.
    about = [basis.words, transformed.units(spec.dataset), entry.about(spec.dataset)]
    return replace(basis, words=sampled.lead(spec) + " ".join(filter(None, about)))


def check_figure(kind: kinds.Kind) -> None:
    """Raise ValueError when runs of a kind have no figure."""
    with_figure = {result_type.__name__ for result_type, entry in _BY_TYPE.items() if entry.figure}
    if not with_figure & kind.results.keys():
        raise ValueError(
            f"A run of {kind.label!r} has no figure. Leave it out: its numbers say all."
        )


def figure(spec: Specification, result: Any) -> go.Figure:
    """Draw the figure that answers a run.

    Raises
    ------
    ValueError
        When runs of its kind have none.
    """
    check_figure(kinds.named(spec.kind))
    draw = _BY_TYPE[type(result)].figure
    assert draw is not None  # its kind has one
    return draw(spec, result)


def as_json(spec: Specification, result: Any) -> dict[str, Any]:
    """Return a run and its answer as plain values, which `json.dumps` takes.

    Components are in the order of their weights, largest first, in words, tables and parameters; a
    number that is not known or not finite is None.
    """
    kind, data = kinds.named(spec.kind), spec.dataset
    shown = answer(spec, result)
    return {
        "run": spec.id,
        "kind": kind.name,
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "points": data.n,
            "total": data.total if data.whole is None else data.whole.total,
            **({"sample": sampled.of(data)} if data.whole is not None else {}),
            "columns": list(data.columns),
            **({"transforms": dumped(data.transforms)} if data.transforms else {}),
        },
        "mixture": _plain(canonical(spec.mixture)),
        "options": _plain(canonical(spec.options)),
        "engine": spec.engine,
        "headline": kind.headline(result),
        "answer": shown.words,
        "table": [dict(zip(shown.head, row, strict=True)) for row in shown.rows],
        **_plain(shown.numbers or {}),
    }


def _map(spec: Specification, fit: MapFit) -> Answer:
    point = fit.parameters.permuted(fit.parameters.order)
    verdicts = ("converged", "moving", "collapsed", "failed", "untrained")
    return Answer(
        _text(fit_answer(spec.dataset, spec.mixture, fit, spec.options)),
        *component_table(spec.dataset, point),
        {
            "parameters": point,
            "loss": fit.final_loss[fit.chosen],
            "verdict": str(fit.verdict[fit.chosen]),
            "start": fit.chosen,
            "starts": {verdict: fit.count(verdict) for verdict in verdicts if fit.count(verdict)},
        },
    )


def _em(spec: Specification, fit: EmFit) -> Answer:
    point = fit.parameters.permuted(fit.parameters.order)
    return Answer(
        _text(point_answer(spec.dataset, point)),
        *component_table(spec.dataset, point),
        {
            "parameters": point,
            "log_likelihood": fit.log_likelihood[-1],
            "verdict": fit.verdict,
            "iterations": fit.iterations,
        },
    )


def _guide(spec: Specification, fit: GuideFit) -> Answer:
    return Answer(
        kinds.named(spec.kind).headline(fit),
        numbers={"loss": fit.loss[-1], "memberships": fit.assignment_probs},
    )


def _comparison(spec: Specification, comparison: Comparison) -> Answer:
    data, rows = spec.dataset, comparison.rows
    D = len(data.columns)
    winner = best(rows)
    head = (TABLE_HEAD[0], "BIC", *TABLE_HEAD[2:])
    return Answer(
        _text(comparison_answer(_counted(spec), D, rows)),
        head,
        table_rows(rows, "bic", D, limit=len(rows)),
        {
            "best": winner,
            "parameters": None if winner is None else rows[winner].parameters,
            "rows": [row._asdict() for row in rows],
        },
    )


def _counted(spec: Specification) -> int:
    """How many points a run was made on."""
    whole = spec.dataset.whole if sampled.everywhere(spec) else None
    return int(spec.dataset.total if whole is None else whole.total)


def _posterior(spec: Specification, posterior: Posterior) -> Answer:
    data = spec.dataset
    rows = summary(posterior.relabelled(data), data)
    head = ("parameter", "mean", "sd", "5 %", "95 %", "ESS bulk", "ESS tail", "R-hat")
    evidence = posterior.log_evidence
    return Answer(
        _text(posterior_answer(data, spec.mixture, posterior)),
        head,
        [
            (
                row.name,
                *(f"{v:.4g}" for v in (row.mean, row.sd, row.q5, row.q95)),
                *("–" if v is None else f"{v:,.0f}" for v in (row.ess_bulk, row.ess_tail)),
                "–" if row.r_hat is None else f"{row.r_hat:.3f}",
            )
            for row in rows
        ],
        {
            "summary": [row._asdict() for row in rows],
            "chains": posterior.n_chains,
            "draws": posterior.n_draws,
            "every": posterior.every,
            "log_evidence": None if evidence is None else evidence._asdict(),
            "weights_of_modes": posterior.weights_of_modes,
        },
    )


def _bootstrap(spec: Specification, bootstrap: Bootstrap) -> Answer:
    return Answer(
        bootstrap_words(bootstrap),
        BOOTSTRAP_HEAD,
        bootstrap_rows(bootstrap, spec.dataset),
        {
            "parameters": bootstrap.parameters.permuted(bootstrap.parameters.order),
            "summary": [row._asdict() for row in bootstrap.summary(spec.dataset)],
            "changed_basin": int(bootstrap.changed_basin.sum()),
            "failed": int(bootstrap.failed.sum()),
        },
    )


def _ratio(spec: Specification, ratio: LikelihoodRatio) -> Answer:
    return Answer(
        ratio_words(ratio, spec.mixture.n_components),
        numbers={"statistic": ratio.statistic, "p_value": ratio.p_value},
    )


def _calibration(spec: Specification, calibration: Calibration) -> Answer:
    return Answer(
        calibration_words(calibration),
        CALIBRATION_HEAD,
        calibration_rows(calibration),
        {
            "ranks": calibration.ranks,
            "p_values": calibration.p_values,
            "p_value": calibration.p_value,
        },
    )


def _ranks(spec: Specification, calibration: Calibration) -> go.Figure:
    from gmm_core.figures.calibration import rank_histogram

    return rank_histogram(calibration, calibration.worst)


def _written(spec: Specification, memberships: Memberships) -> Answer:
    assert spec.parameters is not None  # they follow from it
    rows = written_rows(memberships, len(spec.parameters.weights))
    return Answer(
        written_words(memberships),
        WRITTEN_HEAD,
        [(what.text, n, share) for what, n, share in rows],
        {
            "folder": memberships.folder,
            "files": memberships.files,
            "rows": memberships.rows,
            "assigned": memberships.assigned,
            "parameters": spec.parameters,
        },
    )


def _any(spec: Specification, result: Any) -> Answer:
    """Tell of a result that is not in the list: its headline, and its arrays as they are."""
    values: dict[str, Any] = {}
    if is_dataclass(result):
        values = {part.name: getattr(result, part.name) for part in fields(result)}
    return Answer(kinds.named(spec.kind).headline(result), numbers={"result": values})


def _density(spec: Specification, fit: MapFit | EmFit | Bootstrap) -> go.Figure:
    from gmm_core.figures.density import density

    columns = list(range(min(len(spec.dataset.columns), 2)))
    return density(spec.dataset, fit.parameters, columns)


def _criteria(spec: Specification, comparison: Comparison) -> go.Figure:
    from gmm_core.figures.comparison import criterion_over_k

    D = len(spec.dataset.columns)
    return criterion_over_k(comparison.rows, spec.options.n_components, D)


def _bands(spec: Specification, posterior: Posterior) -> go.Figure:
    from gmm_core.figures.posterior import density_bands

    return density_bands(spec.dataset, finite_draws(posterior.draws))


_BY_TYPE: dict[type, _Told] = {
    MapFit: _Told(_map, _density),
    EmFit: _Told(_em, _density),
    GuideFit: _Told(_guide),
    Comparison: _Told(_comparison, _criteria, transformed.comparable),
    Posterior: _Told(_posterior, _bands),
    Bootstrap: _Told(_bootstrap, _density),
    LikelihoodRatio: _Told(_ratio),
    Calibration: _Told(_calibration, _ranks),
    Memberships: _Told(_written),
}


def _text(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments).strip()


def _plain(value: Any) -> Any:
    """Turn arrays, points and numbers of NumPy into what JSON knows; NaN and infinity into None."""
    if isinstance(value, Parameters):
        return {name: _plain(array) for name, array in value.arrays().items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value)
