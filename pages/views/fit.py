"""The Fit page: the density found, how the search went, and what to make of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import streamlit as st

from gmm_core.data.transformed import parameter_columns, table_columns
from gmm_core.figures import curves, density, loss_curves
from gmm_core.formatting import count, number
from gmm_core.mixture.in_table import medians_in_table, parameters_in_table
from gmm_core.runs import kinds
from gmm_core.runs.methods import METHODS
from gmm_core.runs.one_restart import alone
from gmm_core.runs.options import MapOptions
from gmm_core.runs.results import MapFit
from gmm_core.words import Segment, sampled
from gmm_core.words import fit as fit_words
from gmm_core.words import starts as start_words
from gmm_core.words import tables as table_words
from gmm_core.words.segments import NOISE
from pages.parts import (
    controls,
    em_comparison,
    frame,
    header,
    layout,
    pages,
    resampled,
    session,
    settings,
    specifications,
    suggestion,
    text,
)
from pages.parts.data import pair
from pages.parts.fit import before, beyond
from pages.parts.fit.course import how_it_got_there, playback
from pages.parts.fit.shown import fetching, finished, open_now, open_start, shown_name
from pages.parts.fit.starts import restarts
from pages.parts.stream import figure, live, partial
from pages.parts.stream.cache import Figure


class SecondCurve(NamedTuple):
    """What is laid over the curve of a method: which run of the chosen start, and its words."""

    name: str
    engine: str
    options: dict[str, object]
    help: str
    compared: Callable[[MapFit, MapFit], str]


def second_curve(options: MapOptions) -> SecondCurve:
    """Return the reference's curve for a method that it has too, and Adam's for another."""
    method = METHODS[options.method]
    if method.in_pyro:
        return SecondCurve(
            "Pyro",
            "pyro",
            {},
            "Runs the chosen start in Pyro, the engine that defines the mixture, and draws its "
            "loss over the compiled engine's.",
            fit_words.agreement,
        )
    return SecondCurve(
        "Adam",
        "compiled",
        {"method": "adam"},
        f"Runs the chosen start by Adam, and draws its loss over {method.label}'s. A step of "
        "either is about one pass over the data.",
        functools.partial(fit_words.two_methods, method.label),
    )


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    page = layout.with_settings()
    sweep = suggestion.first_mixture()
    with page.settings():
        controls.mixture()
        controls.map_options()
    # While a mixture is being chosen, everything stands where the fit's will stand.
    view = live.View(None) if sweep else live.view("map", specifications.fit)
    best: MapFit | None = view.result
    shown, by_itself = open_start(view)
    with page.head:
        of = view if shown is None else replace(view, result=shown)
        load = None if shown is None else fetching(view, shown, by_itself)
        segments = [suggestion.CHOOSING] if sweep else answer(view, shown)
        files, named = exports(of), part(view, shown)
        header.show("fit", segments, of, files, named, load, page.actions, room="gmm-long")
    with page.main:
        welcome()
        suggestion.note(sweep)
        before.cautions(choosing=bool(sweep))
        columns = main_figure(view, shown, bool(sweep))
        if sweep:
            live.status_line(sweep, "suggest")
        else:
            live.status_line(view, "map", "Fit")
        views = [*([sweep] if sweep else [view]), *search(view, shown)]
    if by_itself is not None:
        views.append(by_itself)
    if shown is not None and view.spec is not None and sampled.everywhere(view.spec):
        results(shown)
        beyond.show(session.dataset(), shown)
    elif best is not None and shown is not None:
        restarts(view, best, shown)
        results(shown)
        how_it_got_there(view, shown, columns)
        views += em_comparison.show(view, shown)
        views += resampled.show(view)
    elif sweep or view.live:
        # As long as what comes here, so that the page does not shrink under the person's eyes,
        # which would also close an open list.
        st.html('<div style="min-height: 2000px"></div>')
    return views


def welcome() -> None:
    """Say what this is, to who sees an example: with the way to data of one's own and the Tour."""
    if not session.is_example():
        return
    with st.container(key="welcome", horizontal=True, vertical_alignment="center"):
        st.caption("See how a Gaussian mixture is fitted, with your data.", width="content")
        if st.button("Use my data", key="use_my_data"):
            st.session_state["ways"] = "Upload"
            st.switch_page(pages.entry("data").script)
        st.page_link(pages.entry("tour").script, label="Take the Tour")


def answer(view: live.View, shown: MapFit | None) -> list[Segment]:
    """Say what was found, or what is going on."""
    data = session.dataset()
    if view.spec is None:
        return []
    if shown is not None and shown.chosen != view.result.chosen:
        return start_words.opened_answer(data, view.spec.mixture, shown)
    if shown is not None:
        lead = [Segment(lead_text)] if (lead_text := sampled.lead(view.spec)) else []
        return [*lead, *fit_words.fit_answer(data, view.spec.mixture, shown, view.spec.options)]
    if (point := partial.point(view)) is not None:
        return [Segment("So far: "), *fit_words.point_answer(data, point)]
    K, N = view.spec.mixture.n_components, data.n
    what = f"{count(K, 'component')} in {count(N, 'point')}"
    if view.waiting:
        return [Segment(f"Press Fit to look for {what}.")]
    return [Segment(f"Looking for {what} …")]


def main_figure(view: live.View, shown: MapFit | None, choosing: bool) -> list[int]:
    """Draw the density over the data, along the columns that the person picks; return them.

    Which columns show most is not known while a mixture is being chosen.
    """
    data = session.dataset()
    D = data.values.shape[1]
    columns = [0]
    if D > 1:
        names = list(range(D))
        picked = st.multiselect(
            "Columns to look along",
            names,
            default=list(suggestion.columns()),
            format_func=lambda c: data.columns[c],
            max_selections=2,
            key=f"columns_{data.fingerprint[:8]}" + ("_choosing" if choosing else ""),
            bind=None if choosing else "query-params",
            disabled=choosing,
            help="One column shows densities, two show contours and ellipses at 1 and 2 standard "
            "deviations. At first it is the two in which the components overlap least. The fit "
            "itself uses all columns; the others are integrated out.",
        )
        columns = picked or [0]
    version = finished(view, shown, *columns)
    if shown is None and partial.point(view) is None:
        version = data.fingerprint, *columns

    def draw(view: live.View) -> Figure:
        point = partial.point(view) if shown is None else shown.parameters
        verdict = "" if shown is None else str(shown.verdict[shown.chosen])
        bad = verdict if verdict in ("collapsed", "failed") else ""
        return density.density(data, point, columns, set_aside=bad)

    played = st.toggle(
        "Play the fit here",
        key="play_on_top",
        bind="query-params",
        disabled=shown is None or data.whole is not None,
        help="Shows how the components got where they are, in place of the picture of the end."
        + ("" if data.whole is None else " Of a sample by itself only: see below."),
    )
    if played and shown is not None and data.whole is None:
        playback(view, shown, columns)
    else:
        live.show(view, "density", draw, of=version)
        if not view.live:  # a page that is drawn again meanwhile would begin to count again
            pair.offer(data, columns)
    return columns


def search(view: live.View, fit: MapFit | None) -> list[live.View]:
    """Draw how the search went: losses and gradient norms; return the run beside it, if any.

    Both figures stand there from the first moment on, so that a run that begins or ends changes
    what they show, and nothing else.
    """
    left, right = st.columns(2)
    place = left.container()
    if fit is None:
        options = _options(view)
        steps = options.steps

        def losses(view: live.View) -> Figure:
            so_far = partial.curves(view, steps)
            return loss_curves.losses(so_far.loss, polishing=options.polish, steps=so_far.steps)

        def norms(view: live.View) -> Figure:
            so_far = partial.curves(view, steps)
            return curves.gradient_norms(so_far.norms, steps=so_far.steps)

        # Many may wait for their turn, and all look at the same empty figures.
        has_arrays = view.status is not None and view.status.snapshot
        empty = None if has_arrays else ("empty", steps, options.polish)
        with place:
            live.show(view, "loss", losses, of=empty)
        with right:
            live.show(view, "gradient", norms, of=empty)
        return []
    name = shown_name(view, fit)
    with left:
        pyro = reference(view, fit)
    run_id, version = view.run_id, finished(view, fit)

    def beside(pyro: live.View) -> Figure:
        polished = fit.final_loss if view.spec.options.polish else None
        return loss_curves.losses(
            fit.loss,
            fit.chosen,
            fit.verdict,
            pyro_loss(pyro),
            name=name,
            polished=polished,
            beside_name=second_curve(view.spec.options).name,
            steps=fit.steps,
        )

    with place:
        live.show(
            pyro or live.View(None),
            "loss",
            beside,
            on_click=lambda r: open_now(run_id, r),
            of=version if pyro is None else None,
        )
    if not fit.gradient_norm:  # EM on all rows follows none
        return []
    with right:
        of = "the chosen start" if name == "chosen start" else name
        chosen = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
        figure.show(
            lambda: curves.gradient_norms(chosen, of=of, ended=True, steps=fit.steps),
            key="gradient",
            of=version,
        )
    return [] if pyro is None else [pyro]


def _options(view: live.View) -> MapOptions:
    """Return the options of the run, or the defaults where a setting is wrong."""
    try:
        return view.spec.options if view.spec else settings.options("map")
    except ValueError:
        return MapOptions()


def reference(view: live.View, fit: MapFit) -> live.View | None:
    """Draw the switch that lays another curve over ours; return that run when it is on."""
    if view.spec is None or kinds.engine_of(view.spec).reference or sampled.everywhere(view.spec):
        return None
    second = second_curve(view.spec.options)
    switched_on = st.toggle(
        f"Lay {second.name}'s curve over it",
        key="beside_pyro",
        bind="query-params",
        help=second.help,
    )
    if not switched_on:
        return None
    one = alone(view.spec, fit.chosen, fit)
    options = one.options.model_copy(update={"polish": False, **second.options})
    spec = one.model_copy(update={"options": options, "engine": second.engine})
    pyro = live.view("pyro", lambda: spec, limit=120, link=False)
    if pyro.result is not None:
        st.caption(second.compared(fit, pyro.result))
    else:
        live.status_line(pyro, "pyro", f"Run {second.name}")
    return pyro


def pyro_loss(view: live.View) -> np.ndarray | None:
    """Return the loss of the run beside ours, as far as it is; None without one."""
    if view.result is not None:
        return view.result.loss[0]
    arrays = view.status.snapshot if view.status is not None else {}
    return arrays["loss"][0] if "loss" in arrays else None


def results(fit: MapFit) -> None:
    """Show the shown fit's parameters, and its objective term by term."""
    data, mixture = session.dataset(), session.mixture()
    left, right = st.columns([2, 1], gap="large")
    with left:
        parameters_table(fit)
    with right:
        if fit.verdict[fit.chosen] != "failed":
            loss = None if data.whole is None else float(fit.final_loss[fit.chosen])
            terms = table_words.objective_rows(data, mixture, fit.parameters, loss)
            text.table(["Term", "log"], terms, caption="The objective, split")


def parameters_table(fit: MapFit) -> None:
    """Show the components, largest first."""
    data = session.dataset()
    fitted = fit.parameters.permuted(fit.parameters.order)
    point = parameters_in_table(data, fitted)
    medians = medians_in_table(data, point.locs)
    shown = list(range(min(len(data.columns), 6)))
    head = ["Component", "weight"]
    columns, named = parameter_columns(data), table_columns(data)
    for c in shown:
        suffix = "" if len(columns) == 1 and not medians else f" {columns[c]:.20}"
        head += [f"loc{suffix}", f"scale{suffix}"]
        head += [f"median {named[c]:.20}"] * (named[c] in medians)
    # More pairs of columns than these would push the rest out of sight; Export has them all.
    correlated = session.mixture().has_correlations(len(data.columns)) and len(data.columns) <= 3
    pairs = [(i, j) for j in shown for i in range(j)] if correlated else []
    for i, j in pairs:
        of = "" if len(pairs) == 1 else f" {columns[i]:.20}, {columns[j]:.20}"
        head.append(f"correlation{of}")
    head.append("points")
    points = table_words.points_each(data, fitted)
    rows = []
    for k in range(len(point.weights)):
        row: list[object] = [Segment(str(k + 1), k), number(float(point.weights[k]))]
        for c in shown:
            row += [number(float(point.locs[k, c]), 4), number(float(point.scales[k, c]))]
            if named[c] in medians:
                row.append(number(float(medians[named[c]][k]), 4))
        row += [number(float(point.correlations[k, i, j])) for i, j in pairs]
        rows.append([*row, number(float(points[k]))])
    if point.noise is not None:
        rows.append([Segment("noise", NOISE), number(float(point.noise)), *[""] * (len(head) - 3)])
        rows[-1].append(number(float(points[-1])))
    text.table(head, rows, caption="Learned parameters")
    if len(data.columns) > len(shown):
        st.caption(f"The first {len(shown)} of {len(data.columns)} columns; Export has them all.")


def part(view: live.View, shown: MapFit | None) -> str:
    """Name the start whose files these are; "" for the best."""
    best = shown is None or shown.chosen == view.result.chosen
    return "" if best else shown_name(view, shown).replace(" ", "-")


def exports(view: live.View) -> header.Exports:
    """Return the files that the shown fit can be saved as."""
    if view.result is None or view.spec is None:
        return {}
    from gmm_core.sharing import tables

    data, seed = session.dataset(), getattr(view.spec.options, "first_seed", 0)
    files: header.Exports = {
        "parameters.csv": ("text/csv", lambda fit: tables.parameters_csv(data, fit)),
        "parameters.json": ("application/json", lambda fit: tables.parameters_json(data, fit)),
        "memberships.csv": ("text/csv", lambda fit: tables.memberships_csv(data, fit.parameters)),
        "curves.csv": ("text/csv", lambda fit: tables.curves_csv(fit, seed)),
    }
    return {n: f for n, f in files.items() if data.whole is None or n != "memberships.csv"}


frame.require()
live.page(body)
