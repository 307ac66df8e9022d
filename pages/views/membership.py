"""The Membership page: which point belongs where, how surely, and where that changes."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.class_columns import ClassColumn
from gmm_core.data.dataset import Dataset
from gmm_core.figures import assignments, density
from gmm_core.figures import membership as figures
from gmm_core.jobs import service
from gmm_core.membership.certainty import boundary_places, inner_boundaries, overview, zoom_window
from gmm_core.mixture import Parameters
from gmm_core.runs.specification import Specification
from gmm_core.sharing import tables
from gmm_core.words.fit import point_answer
from gmm_core.words.membership import membership_answer
from gmm_core.words.segments import Segment
from pages.parts import (
    colour,
    frame,
    header,
    layout,
    links,
    pages,
    session,
    specifications,
    suggestion,
    text,
)
from pages.parts.membership.classes import classes
from pages.parts.membership.expect import expect
from pages.parts.membership.guide import guide
from pages.parts.membership.new_values import classify
from pages.parts.membership.points import points
from pages.parts.membership.written import written
from pages.parts.stream import figure, live


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    if (sweep := suggestion.first_mixture()) is not None:
        return suggestion.in_place_of("membership", sweep)
    point = learned()
    if point is None:
        fit = live.view("map", specifications.fit, link=False)
        point = learned()  # a short fit has ended meanwhile
        if point is None:
            return waiting(fit)
    data = session.dataset()
    if data.whole is not None:
        return elsewhere(data, point)
    page = layout.with_settings()
    with page.settings():
        pair = pick_pair(data)
        by = colour.by(data, "component")
        temperature, seed, window = draw_options(data, point)
    with page.main:
        main_figure(data, point, pair, by)
    drawn(data, point, pair, temperature, seed, window)
    if len(data.columns) > 2:
        figure.show(figures.every_pair(data, point, pair, by), key="every_pair")
    classify(data, point)
    expect(data, point)
    classes(data, point)
    view = guide(data, point)
    points(data, point)
    with page.head:
        fixed = session.mixture().classes_fixed
        segments, files = membership_answer(data, point, fixed), exports(data, point, view)
        header.show("membership", segments, view, files, place=page.actions)
    return [view]


def elsewhere(data: Dataset, point: Parameters) -> list[live.View]:
    """Draw the page of data whose rows stay with the workers: what follows from the fit alone."""
    files: header.Exports = {
        "parameters.csv": ("text/csv", lambda _: tables.parameters_csv(data, point)),
        "parameters.json": ("application/json", lambda _: tables.parameters_json(data, point)),
    }
    page = layout.with_settings()
    with page.settings():
        x, y = pick_pair(data)
    with page.main:
        figure.show(density.density(data, point, [x] if x == y else [x, y]), key="membership")
    views = [written(data, point)]
    if views[0].run_id is None or views[0].run_id != links.opened():
        views.append(live.view("map", specifications.fit, link=False))
    with page.head:
        header.show("membership", point_answer(data, point), views[-1], files, place=page.actions)
    classify(data, point)
    expect(data, point)
    return views


def learned() -> Parameters | None:
    """Return the parameters that memberships follow from: of an opened run here, or of the fit."""
    state = st.session_state
    opened = state.get("opened")
    if opened and opened in map(state["runs"].get, pages.entry("membership").kinds):
        # A link names a run of this page, which holds the parameters but not the fit's options.
        if state.get("membership_spec", (None,))[0] != opened:
            state["membership_spec"] = opened, service().store.specification(opened)
        spec: Specification = state["membership_spec"][1]
        if spec.dataset == session.dataset() and spec.mixture == session.mixture():
            point = spec.parameters
            # Where class j is component j, the run has them in that order.
            return point.permuted(point.order) if spec.mixture.classes_fixed else point
    return specifications.fitted_parameters()


def waiting(view: live.View) -> list[live.View]:
    """Show the fit while it runs, or what stopped it."""
    sentence = "Looking for the components; which point belongs where follows from them …"
    failed = view.status is not None and view.status.state == "failed"
    if failed or view.error:
        sentence = (
            "There is no fit to follow memberships from. Change its settings on the Fit page."
        )
    header.show("membership", [Segment(sentence)], view)
    live.status_line(view, "map", "Fit")
    if failed and view.status is not None and view.status.message:
        st.error(text.plain(view.status.message))
    return [view]


def pick_pair(data: Dataset) -> tuple[int, int]:
    """Let the person pick the two columns to look along."""
    D = len(data.columns)
    if D == 1:
        return 0, 0
    names = list(range(D))
    key = data.fingerprint[:8]
    first, second = suggestion.columns()
    x = st.selectbox(
        "Along x",
        names,
        index=first,
        format_func=lambda c: data.columns[c],
        key=f"pair_x_{key}",
        bind="query-params",
    )
    others = [c for c in names if c != x]
    y = st.selectbox(
        "Along y",
        others,
        index=others.index(second) if second in others else 0,
        format_func=lambda c: data.columns[c],
        key=f"pair_y_{key}",
        bind="query-params",
    )
    if D > 2 and data.whole is None:
        st.caption(
            "Points only: where a region ends also depends on the other "
            f"{'column' if D == 3 else f'{D - 2} columns'}."
        )
    return x, y


def draw_options(data: Dataset, point: Parameters) -> tuple[float, int, tuple[float, float] | None]:
    """Draw temperature, seed, and the window around a boundary."""
    temperature = st.slider(
        "Temperature",
        0.0,
        2.0,
        0.0,
        step=0.1,
        format="%.1f",
        key="temperature",
        bind="query-params",
        help="At 0 each point goes to its most probable component. Above 0 its component is drawn "
        "at random from $p_k^{1/T} / \\sum_j p_j^{1/T}$; at $T = 1$ that is the posterior "
        "assignment. The closed form here agrees with Pyro's `infer_discrete`, which the tests "
        "of this app hold it to.",
    )
    seed = st.number_input(
        "Seed of the draw",
        0,
        2**32 - 1,
        0,
        key="draw_seed",
        bind="query-params",
        disabled=temperature == 0,
        help="The same seed draws the same assignment again.",
    )
    edges = inner_boundaries(data, point)
    if not len(edges):
        return temperature, seed, None
    index, shown = 0, boundary_places(data, edges)
    if len(edges) > 1:
        index = st.selectbox(
            "Boundary",
            range(len(edges)),
            format_func=lambda b: figures.place(*shown[b]),
            key=f"boundary_{len(edges)}",
            bind="query-params",
        )
    edge = float(edges[index])
    centre, usual = zoom_window(data, point, edge)
    width = st.number_input(
        "Zoom: width of the window",
        min_value=1e-300,
        value=usual,
        step=usual / 4,
        format="%g",
        key=f"zoom_{edge!r}",
        bind="query-params",
        help="How much of the axis around the boundary is seen, in the units of the table. It "
        "is where two components are equally probable: $w_i\\,\\mathcal N(x \\mid i) = "
        "w_j\\,\\mathcal N(x \\mid j)$.",
    )
    return temperature, seed, (centre, width)


def main_figure(
    data: Dataset, point: Parameters, pair: tuple[int, int], by: ClassColumn | None
) -> None:
    """Draw how surely each point belongs to its component."""
    figure.show(figures.main_figure(data, point, pair, by), key="membership")
    certainty = overview(data, point)
    caption = "Larger points are less certain."
    if by is not None:
        caption += " A class has the colour of the component that it matches best."
    if certainty.sampled:
        caption += (
            f" Drawn are {len(certainty.rows):,} of {certainty.n_points:,} points: the most "
            "doubtful ones and a random sample of the others."
        )
    st.caption(caption)


def drawn(
    data: Dataset,
    point: Parameters,
    pair: tuple[int, int],
    temperature: float,
    seed: int,
    window: tuple[float, float] | None,
) -> None:
    """Draw the most probable or a random assignment, and zoom to the boundary."""
    if len(data.columns) > 1:
        if temperature == 0:  # which the main figure shows
            return
        figure.show(assignments.drawn_map(data, point, pair, temperature, seed), key="drawn")
        return
    left, right = st.columns(2)
    with left:
        figure.show(assignments.assignments(data, point, temperature, seed), key="assignments")
    with right:
        if window is not None:
            zoomed = assignments.boundary_zoom(data, point, *window, temperature, seed)
            figure.show(zoomed, key="zoom")
        else:
            text.note("No boundary here.", "One component is the most probable all along the data.")


def exports(data: Dataset, point: Parameters, view: live.View) -> header.Exports:
    """Return the files that this page can be saved as."""
    files: header.Exports = {
        "memberships.csv": ("text/csv", lambda _: tables.memberships_csv(data, point)),
        "parameters.csv": ("text/csv", lambda _: tables.parameters_csv(data, point)),
        "parameters.json": ("application/json", lambda _: tables.parameters_json(data, point)),
    }
    if data.incomplete:
        files["imputed.csv"] = ("text/csv", lambda _: tables.imputed_csv(data, point))
    if view.result is not None:
        files |= {"guide.csv": ("text/csv", tables.guide_curves_csv)}
    return files


frame.require()
live.page(body)
