"""The Fit page: the density found, how the search went, and what to make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from gmm_core import words, words_fit
from gmm_core.figures import curves, density
from gmm_core.figures.style import number
from gmm_core.opening import alone
from gmm_core.results import MapFit
from pages.parts import controls, figure, frame, header, live, session, so_far, text
from pages.parts.drawn import Figure
from pages.parts.fit.course import how_it_got_there
from pages.parts.fit.shown import fetching, finished, open_now, open_start, shown_name
from pages.parts.fit.starts import restarts
from pages.parts.opinion import opinion


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    top = st.container()
    left, right = st.columns([3, 1], gap="large")
    with controls.panel(right):
        controls.mixture()
        controls.map_options()
    view = live.view("map", session.fit_specification)
    best: MapFit | None = view.result
    shown, by_itself = open_start(view)
    with top:
        of = view if shown is None else replace(view, result=shown)
        load = None if shown is None else fetching(view, shown, by_itself)
        header.show("Fit", answer(view, shown), of, exports(of), part(view, shown), load)
    with left:
        columns = hero(view, shown)
        live.status_line(view, "map", "Fit")
        views = [view] if view.spec is None else [view, *search(view, shown)]
    if by_itself is not None:
        views.append(by_itself)
    if best is not None and shown is not None:
        restarts(view, best, shown)
        results(shown)
        how_it_got_there(view, shown, columns)
        views += opinion(view, shown)
    elif view.live:
        # As long as what comes here, so that the page does not shrink under the person's eyes,
        # which would also close an open list.
        st.html('<div style="min-height: 2000px"></div>')
    return views


def answer(view: live.View, shown: MapFit | None) -> list[words.Segment]:
    """Say what was found, or what is going on."""
    data = session.dataset()
    if view.spec is None:
        return []
    if shown is not None and shown.chosen != view.result.chosen:
        return words_fit.opened_answer(data, view.spec.mixture, shown)
    if shown is not None:
        return words.fit_answer(data, view.spec.mixture, shown)
    if (point := so_far.point(view)) is not None:
        return [words.Segment("So far: "), *words.point_answer(data, point)]
    N = len(data.values)
    return [
        words.Segment(f"Looking for {view.spec.mixture.n_components} components in {N:,} points …")
    ]


def hero(view: live.View, shown: MapFit | None) -> list[int]:
    """Draw the density over the data, along the columns that the person picks; return them."""
    data = session.dataset()
    D = data.values.shape[1]
    columns = [0]
    if D > 1:
        names = list(range(D))
        picked = st.multiselect(
            "Columns to look along",
            names,
            default=names[:2],
            format_func=lambda c: data.columns[c],
            max_selections=2,
            key=f"columns_{data.fingerprint[:8]}",
            bind="query-params",
            help="One column shows densities, two show contours and ellipses at 1 and 2 standard "
            "deviations. The fit itself uses all columns; the others are integrated out.",
        )
        columns = picked or [0]
    known = finished(view, shown, *columns)
    if shown is None and so_far.point(view) is None:
        known = data.fingerprint, *columns

    def draw(view: live.View) -> Figure:
        point = so_far.point(view) if shown is None else shown.parameters
        return density.density(data, point, columns)

    live.show(view, "density", draw, of=known)
    return columns


def search(view: live.View, fit: MapFit | None) -> list[live.View]:
    """Draw how the search went: losses and gradient norms; return the run beside it, if any.

    Both figures stand there from the first moment on, so that a run that begins or ends changes
    what they show, and nothing else.
    """
    left, right = st.columns(2)
    place = left.container()
    if fit is None:
        steps = session.map_options().steps

        def losses(view: live.View) -> Figure:
            return curves.losses(so_far.curves(view, steps)[0])

        def norms(view: live.View) -> Figure:
            return curves.gradient_norms(so_far.curves(view, steps)[1])

        # Many may wait for their turn, and all look at the same empty figures.
        empty = None if view.status is not None and view.status.snapshot else ("empty", steps)
        with place:
            live.show(view, "loss", losses, of=empty)
        with right:
            live.show(view, "gradient", norms, of=empty)
        return []
    name = shown_name(view, fit)
    with left:
        pyro = reference(view, fit)
    run_id, known = view.run_id, finished(view, fit)

    def beside(pyro: live.View) -> Figure:
        return curves.losses(fit.loss, fit.chosen, fit.verdict, pyro_loss(pyro), name=name)

    with place:
        live.show(
            pyro or live.View(None),
            "loss",
            beside,
            on_click=lambda r: open_now(run_id, r),
            of=known if pyro is None else None,
        )
    with right:
        of = "the chosen start" if name == "chosen start" else name
        chosen = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
        figure.show(lambda: curves.gradient_norms(chosen, of=of), key="gradient", of=known)
    return [] if pyro is None else [pyro]


def reference(view: live.View, fit: MapFit) -> live.View | None:
    """Draw the switch that lays Pyro's curve over ours; return that run when it is on."""
    if view.spec is None or view.spec.engine == "pyro":
        return None
    asked = st.toggle(
        "Lay Pyro's curve over it",
        key="beside_pyro",
        bind="query-params",
        help="Runs the chosen start in Pyro, the engine that defines the mixture, and draws its "
        "loss over the compiled engine's.",
    )
    if not asked:
        return None
    one = alone(view.spec, fit.chosen)
    options = one.options.model_copy(update={"polish": False})
    spec = one.model_copy(update={"options": options, "engine": "pyro"})
    pyro = live.view("pyro", lambda: spec, limit=120, link=False)
    if pyro.result is not None:
        st.caption(words.agreement(fit.loss[fit.chosen], pyro.result.loss[0]))
    else:
        live.status_line(pyro, "pyro", "Run in Pyro")
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
            terms = words.objective_rows(data, mixture, fit.parameters)
            text.table(["Term", "log"], terms, caption="The objective, split")


def parameters_table(fit: MapFit) -> None:
    """Show the components, largest first."""
    data = session.dataset()
    point = fit.parameters.permuted(fit.parameters.order)
    shown = list(range(min(len(data.columns), 6)))
    head = ["Component", "weight"]
    single = len(data.columns) == 1
    for c in shown:
        suffix = "" if single else f" {data.columns[c]:.20}"
        head += [f"loc{suffix}", f"scale{suffix}"]
    # More pairs of columns than these would push the rest out of sight; Export has them all.
    correlated = session.mixture().has_correlations(len(data.columns)) and len(data.columns) <= 3
    pairs = [(i, j) for j in shown for i in range(j)] if correlated else []
    for i, j in pairs:
        of = "" if len(pairs) == 1 else f" {data.columns[i]:.20}, {data.columns[j]:.20}"
        head.append(f"correlation{of}")
    head.append("points")
    points = words.points_each(data, point)
    rows = []
    for k in range(len(point.weights)):
        row: list[object] = [words.Segment(str(k + 1), k), number(float(point.weights[k]))]
        for c in shown:
            row += [number(float(point.locs[k, c]), 4), number(float(point.scales[k, c]))]
        row += [number(float(point.correlations[k, i, j])) for i, j in pairs]
        rows.append([*row, number(float(points[k]))])
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
    from gmm_core import export

    data, seed = view.spec.dataset, getattr(view.spec.options, "first_seed", 0)
    return {
        "parameters.csv": ("text/csv", lambda fit: export.parameters_csv(data, fit)),
        "parameters.json": ("application/json", lambda fit: export.parameters_json(data, fit)),
        "memberships.csv": ("text/csv", lambda fit: export.memberships_csv(data, fit.parameters)),
        "curves.csv": ("text/csv", lambda fit: export.curves_csv(fit, seed)),
    }


frame.require()
live.page(body)
