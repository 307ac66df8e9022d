"""A run as one HTML file: its answer, figures, tables and specification, to open without us.

The file holds everything it needs, plotly.js too, and says in its own policy that it fetches
nothing. What people entered (names of data and columns) is escaped on every way into it.
"""

from __future__ import annotations

import html
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import plotly.graph_objects as go

from gmm_core.comparison.sweep import Comparison
from gmm_core.data.dataset import Dataset
from gmm_core.figures import (
    calibration,
    comparison,
    curves,
    density,
    loss_curves,
    plotly_internals,
    posterior,
    style,
)
from gmm_core.formatting import number
from gmm_core.posterior.calibration import QUANTITIES, Calibration
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import finite_draws, summary
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.words import comparison as comparison_words
from gmm_core.words import transformed
from gmm_core.words.calibration import CALIBRATION_HEAD, calibration_rows, calibration_words
from gmm_core.words.fit import fit_answer, verdict_meaning
from gmm_core.words.posterior import drawn, posterior_answer
from gmm_core.words.segments import Segment
from gmm_core.words.tables import component_table, objective_rows

_PACKAGES = ("numpy", "scipy", "torch", "pyro-ppl", "numba", "nutpie", "plotly")
_ROWS = 200  # of a table: the draws and parameters have files of their own

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2934; background: #fff;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .25rem; } .answer { font-size: 1.15rem; }
figure { margin: 1.5rem 0; } figcaption, .quiet { color: #5b6673; font-size: .875rem; }
.scroll { overflow-x: auto; } caption { text-align: left; font-weight: 600; padding: .5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { text-align: right; padding: .25rem .75rem; border-bottom: 1px solid #e3e6ea; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
pre { white-space: pre-wrap; word-break: break-all; background: #f5f7f9; padding: 1rem; }
"""
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_DRAW = """
for (const place of document.querySelectorAll(".plot")) {
  const figure = JSON.parse(place.previousElementSibling.textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
}
"""


class _Report(NamedTuple):
    """What a report shows of one type of result.

    answer : what it says first.
    body : its figures and tables.
    """

    title: str
    answer: Callable[[Specification, Any], Sequence[Segment]]
    body: Callable[[Specification, Any], Iterable[str]]


def report(spec: Specification, result: Any, answer: list[Segment] | None = None) -> str:
    """Write a finished run as one HTML page; `REPORTS` names the types of result that have one.

    Parameters
    ----------
    spec : what was run.
    result : what it found.
    answer : what the page says first; by default what the page of such a run says.

    Raises
    ------
    ValueError
        When runs of its kind have no report.
    """
    written = REPORTS.get(type(result))
    if written is None:
        having = ", ".join(entry.title.lower() for entry in REPORTS.values())
        raise ValueError(f"A {spec.kind} run has no report. These have one: {having}.")
    title, answer = written.title, answer or list(written.answer(spec, result))
    data = spec.dataset
    head = (
        f"{data.name}: {len(data.values):,} points in {len(data.columns)} column"
        f"{'' if len(data.columns) == 1 else 's'} · {spec.mixture.label} · {spec.engine}"
    )
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)} of {html.escape(data.name)}</title>",
            f"<style>{_STYLE}</style></head><body>",
            f'<h1>{title}</h1><p class="quiet">{html.escape(head)}</p>',
            f'<p class="answer">{html.escape(_text(answer))}</p>',
            *(f'<p class="quiet">{html.escape(sentence)}</p>' for sentence in _units(data)),
            *written.body(spec, result),
            *_origin(spec),
            f"<script>{plotly_internals.script().read_text(encoding='utf-8')}</script>",
            f"<script>{_DRAW}</script></body></html>",
        )
    )


def _units(data: Dataset) -> Iterator[str]:
    """Say in which units the columns are, and what that means for a likelihood."""
    yield from filter(None, (transformed.units(data), transformed.comparable(data)))


def _fit(spec: Specification, fit: MapFit) -> Iterable[str]:
    data, point = spec.dataset, fit.parameters.permuted(fit.parameters.order)
    columns = list(range(min(len(data.columns), 2)))
    yield _figure(density.density(data, point, columns))
    polished = fit.final_loss if spec.options.polish else None  # type: ignore[union-attr]
    yield _figure(
        loss_curves.losses(fit.loss, fit.chosen, fit.verdict, polished=polished, steps=fit.steps)
    )
    norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
    yield _figure(curves.gradient_norms(norms, steps=fit.steps))
    yield _table("Learned parameters", *component_table(data, point))
    verdicts = ("converged", "moving", "collapsed", "failed", "untrained")
    counts = [[v, str(fit.count(v)), verdict_meaning(v)] for v in verdicts if fit.count(v)]
    yield _table("What became of the starts", ["Starts", "number", "meaning"], counts)
    if fit.verdict[fit.chosen] != "failed":
        terms = objective_rows(data, spec.mixture, fit.parameters)
        yield _table("The objective, split", ["Term", "log"], [list(map(str, t)) for t in terms])


def _posterior(spec: Specification, result: Posterior) -> Iterable[str]:
    data = spec.dataset
    for column in range(min(len(data.columns), 4)):
        yield _figure(posterior.density_bands(data, finite_draws(result.draws), column))
    head = ["Relabelled", "mean", "sd", "5 %", "95 %", "ESS bulk", "ESS tail", "R-hat"]
    rows = []
    for row in summary(result.relabelled(data), data):
        numbers = (row.mean, row.sd, row.q5, row.q95)
        sizes = ("–" if v is None else f"{v:,.0f}" for v in (row.ess_bulk, row.ess_tail))
        r_hat = "–" if row.r_hat is None else f"{row.r_hat:.3f}"
        rows.append([row.name, *(number(v, 4) for v in numbers), *sizes, r_hat])
    yield _table(f"Summary of {drawn(result)}", head, rows)


def _comparison(spec: Specification, result: Comparison) -> Iterable[str]:
    D, rows = spec.dataset.values.shape[1], list(result.rows)
    options: Any = spec.options
    yield _figure(comparison.criterion_over_k(rows, options.n_components, D, "bic"))
    head = list(comparison_words.TABLE_HEAD)
    head[1] = comparison_words.CRITERION["bic"]
    best = comparison_words.table_rows(rows, "bic", D)
    yield _table(f"The best by {head[1]}", head, [list(map(str, row)) for row in best])
    if failed := comparison_words.lost_rows(rows, D):
        head = ["Mixture", "verdict", "reason"]
        yield _table("Without an optimum", head, [list(map(str, row)) for row in failed])


def _calibration(spec: Specification, ranks: Calibration) -> Iterable[str]:
    for quantity in QUANTITIES:
        yield _figure(calibration.rank_histogram(ranks, quantity))
    rows = [list(row) for row in calibration_rows(ranks)]
    yield _table("Ranks of each quantity", list(CALIBRATION_HEAD), rows)


def _comparison_answer(spec: Specification, result: Comparison) -> list[Segment]:
    N, D = spec.dataset.values.shape
    rows = list(result.rows)
    return comparison_words.comparison_answer(N, D, rows, "bic", len(rows))


REPORTS: dict[type, _Report] = {
    MapFit: _Report("Fit", lambda spec, fit: fit_answer(spec.dataset, spec.mixture, fit), _fit),
    Posterior: _Report(
        "Posterior",
        lambda spec, draws: posterior_answer(spec.dataset, spec.mixture, draws),
        _posterior,
    ),
    Comparison: _Report("Comparison", _comparison_answer, _comparison),
    Calibration: _Report(
        "Calibration of a sampler",
        lambda spec, found: [Segment(calibration_words(found))],
        _calibration,
    ),
}
"""What is reported of each type of result that has a report."""


def _origin(spec: Specification) -> Iterable[str]:
    """Say what the run was made of, and with what: enough to make it again."""
    installed = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    text = json.dumps(json.loads(spec.to_json()), indent=1)
    yield "<h2>What this was made of</h2>"
    yield f"<p>Run {spec.id}. The dataset's fingerprint is {spec.dataset.fingerprint}.</p>"
    yield f'<p class="quiet">Written with Python {platform.python_version()}, {installed}.</p>'
    yield f"<details><summary>Specification</summary><pre>{html.escape(text)}</pre></details>"


def _text(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def _figure(fig: go.Figure) -> str:
    """Place a figure as data, with its text alternative below it."""
    alt = style.alternative(fig)
    body = fig.to_json()
    # The colours that a page replaces: here the page is a light one.
    page = {style.INK: "#1F2934", style.BACKGROUND: "#FFFFFF"}
    for token, colour in page.items():
        body = body.replace(token, colour).replace(token.lower(), colour)
    # Inside a script no markup may close it.
    body = body.replace("<", "\\u003c")
    return (
        f'<figure><script type="application/json">{body}</script>'
        f'<div class="plot" role="img" aria-label="{html.escape(alt, quote=True)}"></div>'
        f"<figcaption>{html.escape(alt)}</figcaption></figure>"
    )


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows[:_ROWS])
    more = ""
    if len(rows) > _ROWS:
        more = f'<p class="quiet">The first {_ROWS} of {len(rows):,} rows.</p>'
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )
