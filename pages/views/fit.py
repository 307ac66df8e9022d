"""The Fit page: the density found, how the search went, and what to make of it."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from gmm_core import objective, words, words_fit
from gmm_core.dataset import Dataset
from gmm_core.figures import curves, density
from gmm_core.figures.slice import objective_slice
from gmm_core.figures.style import escape, number
from gmm_core.figures.trajectory import trajectory
from gmm_core.mixture import Mixture, Parameters
from gmm_core.opening import alone, opened
from gmm_core.results import MapFit
from pages.parts import controls, figure, frame, header, live, session, text
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
        header.show("Fit", answer(view, shown), view, exports(shown))
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


def open_start(view: live.View) -> tuple[MapFit | None, live.View | None]:
    """Return the fit as it is shown, and the run of the opened start by itself, if there is one.

    The best start is shown until the person opens another one; a new run shows its best again.
    """
    fit: MapFit | None = view.result
    run, r = st.session_state.get("opened_start", ("", -1))
    if fit is None or view.spec is None or run != view.run_id or not 0 <= r < len(fit.loss):
        r = -1
    if fit is None or r in (-1, fit.chosen):
        st.query_params.pop("start", None)
        return fit, None
    st.query_params["start"] = str(r)
    spec = alone(view.spec, r)
    by_itself = live.view("start", lambda: spec, limit=120, link=False)
    return opened(fit, r, by_itself.result), by_itself


def open_now(run_id: str | None, r: int) -> None:
    """Open restart `r` of a run; -1 is its best."""
    st.session_state["opened_start"] = (run_id, int(r))
    st.session_state["shown_start"] = int(r)


def picked(run_id: str | None) -> None:
    """Open the restart that was picked in the list."""
    r = st.session_state["shown_start"]
    # Who turns a knob while the page is being drawn brings the last run's name of its best along,
    # which may be none of this run's: nobody picked it.
    if isinstance(r, int):
        open_now(run_id, r)


def answer(view: live.View, shown: MapFit | None) -> list[words.Segment]:
    """Say what was found, or what is going on."""
    data = session.dataset()
    if view.spec is None:
        return []
    if shown is not None and shown.chosen != view.result.chosen:
        return words_fit.opened_answer(data, view.spec.mixture, shown)
    if shown is not None:
        return words.fit_answer(data, view.spec.mixture, shown)
    if (point := live.point(view)) is not None:
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
    point = live.point(view) if shown is None else shown.parameters
    known = finished(view, shown, *columns)
    if point is None:
        known = data.fingerprint, *columns
    figure.show(lambda: density.density(data, point, columns), key="density", of=known)
    return columns


def finished(view: live.View, shown: MapFit | None, *more: Hashable) -> Hashable:
    """Say what a figure of the run's best start is a function of; None where it may yet change."""
    if shown is None or view.status is None or view.status.state != "done":
        return None
    return (view.run_id, *more) if shown.chosen == view.result.chosen else None


def search(view: live.View, fit: MapFit | None) -> list[live.View]:
    """Draw how the search went: losses and gradient norms; return the run beside it, if any.

    Both figures stand there from the first moment on, so that a run that begins or ends changes
    what they show, and nothing else.
    """
    left, right = st.columns(2)
    place = left.container()
    if fit is None:
        steps = session.map_options().steps
        loss, norms = live.curves(view, steps)
        # Many may wait for their turn, and all look at the same empty figures.
        empty = None if view.status is not None and view.status.snapshot else ("empty", steps)
        with place:
            figure.show(lambda: curves.losses(loss), key="loss", of=empty)
        with right:
            figure.show(lambda: curves.gradient_norms(norms), key="gradient", of=empty)
        return []
    name = shown_name(view, fit)
    with left:
        pyro = reference(view, fit)
    beside, run_id, known = pyro_loss(pyro), view.run_id, finished(view, fit)
    with place:
        figure.show(
            lambda: curves.losses(fit.loss, fit.chosen, fit.verdict, beside, name=name),
            key="loss",
            on_click=lambda r: open_now(run_id, r),
            of=known if beside is None else None,
        )
    with right:
        norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
        of = "the chosen start" if name == "chosen start" else name
        figure.show(lambda: curves.gradient_norms(norms, of=of), key="gradient", of=known)
    return [] if pyro is None else [pyro]


def shown_name(view: live.View, shown: MapFit) -> str:
    """Name the start that is shown."""
    best = shown.chosen == view.result.chosen
    return "chosen start" if best else f"start {shown.chosen}"


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


def pyro_loss(view: live.View | None) -> np.ndarray | None:
    """Return the loss of the run beside ours, as far as it is."""
    if view is None:
        return None
    if view.result is not None:
        return view.result.loss[0]
    arrays = view.status.snapshot if view.status is not None else {}
    return arrays["loss"][0] if "loss" in arrays else None


def restarts(view: live.View, best: MapFit, shown: MapFit) -> None:
    """Show where the starts begin and end, what became of them, and open the one picked."""
    R = len(best.loss)
    left, right = st.columns(2, gap="large")
    with left:
        if R > 1:
            run_id = view.run_id
            figure.show(
                lambda: starts(best, shown.chosen),
                key="starts",
                on_click=lambda r: open_now(run_id, r),
                of=finished(view, shown),
            )
            pick_start(view, best, shown)
        else:
            advice(shown)
    with right:
        if R > 1:
            advice(shown)
        rows = [
            (verdict, best.count(verdict), words.verdict_meaning(verdict))
            for verdict in ("converged", "moving", "collapsed", "failed", "untrained")
            if best.count(verdict)
        ]
        text.table(
            ["Starts", "number", "meaning"], rows, caption="What became of the starts", words=(2,)
        )


def pick_start(view: live.View, best: MapFit, shown: MapFit) -> None:
    """Draw the control that opens a start without a pointer, and the way back to the best."""
    other = shown.chosen != best.chosen
    st.session_state["shown_start"] = shown.chosen if other else -1
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    left.selectbox(
        "Show start",
        [-1, *range(len(best.loss))],
        format_func=lambda r: (
            f"the best, {best.chosen}" if r < 0 else words_fit.start_name(best, r)
        ),
        key="shown_start",
        on_change=picked,
        args=(view.run_id,),
        help="Everything on this page then shows where that start ended. A click on a point here, "
        "or on a curve of the loss, does the same.",
    )
    right.button(
        "Back to the best",
        key="best_start",
        on_click=open_now,
        args=(view.run_id, -1),
        disabled=not other,
        width="stretch",
    )


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


def how_it_got_there(view: live.View, fit: MapFit, columns: list[int]) -> None:
    """Play the shown fit back, and show on what it climbed and through which landscape."""
    data, mixture = session.dataset(), session.mixture()
    steps, points = fit.trajectory
    made = fit.loss[fit.chosen]
    loss = np.append(made, fit.final_loss[fit.chosen])[np.minimum(steps, len(made))]
    loss[-1] = fit.final_loss[fit.chosen]
    st.subheader("How it got there", anchor=False)
    figure.show(
        lambda: trajectory(data, steps, points, loss, columns),
        key="trajectory",
        of=finished(view, fit, *columns),
    )
    left, right = st.columns(2, gap="large")
    with right:
        figure.show(
            lambda: curves.course(steps, objective.course(mixture, points, loss), height=516),
            key="course",
            of=finished(view, fit),
        )
    with left:
        slice_through(view, fit)


def slice_through(view: live.View, fit: MapFit) -> None:
    """Draw the objective over two numbers of the point that the person picks."""
    data, mixture = session.dataset(), session.mixture()
    order = fit.parameters.order
    listed = objective.coordinates(mixture, len(data.columns))
    names = {c: words_fit.coordinate_name(c, data.columns) for c in listed}
    named = names.__getitem__
    tied = "_tied" * mixture.tied
    key = f"{data.fingerprint[:8]}_{mixture.n_components}_{mixture.covariance}{tied}"
    left, right = st.columns(2)
    across = left.selectbox(
        "Across", listed, format_func=named, key=f"across_{key}", bind="query-params"
    )
    rest = [c for c in listed if not objective.together(c, across)]
    first = next((i for i, c in enumerate(rest) if c.component != across.component), 0)
    up = right.selectbox("Up", rest, first, format_func=named, key=f"up_{key}", bind="query-params")
    point, path = fit.parameters.permuted(order), fit.trajectory[1].permuted(order)
    found = _cut((view.run_id, fit.chosen, len(path)), across, up, data, mixture, point, path)
    shown = escape(names[across]), escape(names[up])
    figure.show(
        lambda: objective_slice(found, shown, point, path),
        key="slice",
        of=finished(view, fit, across, up),
    )
    st.caption(words_fit.slice_caption(found, len(data.values)))


@st.cache_data(max_entries=32, show_spinner=False)
def _cut(
    shown: tuple[str | None, int, int],
    across: objective.Coordinate,
    up: objective.Coordinate,
    _data: Dataset,
    _mixture: Mixture,
    _point: Parameters,
    _path: Parameters,
) -> objective.Slice:
    """Compute the slice once for what is shown: the run, the start and its frames."""
    return objective.cut(_data, _mixture, _point, across, up, _path)


def starts(fit: MapFit, chosen: int) -> go.Figure:
    """Draw where the starts begin, and where they end when they were trained."""
    if fit.count("untrained"):
        first_seed = session.map_options().first_seed
        return curves.starting_losses(fit.initial_loss, chosen, first_seed)
    return curves.landscape(fit.initial_loss, fit.final_loss, fit.verdict, fit.basin, chosen)


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


def advice(fit: MapFit) -> None:
    """Explain the trap that this fit met, with its cure one click away."""
    mixture = session.mixture()
    verdict = str(fit.verdict[fit.chosen])
    collapsed = fit.count("collapsed")
    if collapsed:
        title = f"Why did {words.count(collapsed, 'start')} collapse?"
        reason = words.collapse_reason(mixture)
        text.note(title, reason[0].upper() + reason[1:], trap=True)
        with st.container(horizontal=True):
            if mixture.priors.concentration is None or mixture.priors.concentration < 1:
                controls.cure("Concentration 1", {"concentration": 1.0}, "cure_concentration")
            if mixture.n_components > 1:
                K = mixture.n_components - 1
                controls.cure(f"K = {K}", {"n_components": K}, "cure_fewer")
            if verdict == "collapsed" and session.map_options().choose == "initial":
                controls.cure("Train every start", {"choose": "final"}, "cure_final")
    elif verdict == "failed":
        rate = session.map_options().learning_rate
        text.note(
            "Why did it fail?",
            "Each step of Adam moves the logarithm of the scale by about the learning rate, "
            f"{number(rate)}. That overflows within a few steps.",
        )
        controls.cure("Learning rate 0.1", {"learning_rate": 0.1}, "cure_rate")
    elif verdict == "moving":
        text.note(
            "Is this the optimum?",
            "Not quite: the gradient has not vanished yet, even where the loss looks flat.",
        )
        controls.cure("Polish", {"polish": True}, "cure_polish")
    elif fit.count("untrained"):
        text.note(
            "Is this the best optimum?",
            "Only the start with the smallest loss before any step was trained, as in the "
            "tutorial. Where it ends may be a local optimum.",
        )
        controls.cure("Train every start", {"choose": "final"}, "cure_final")
    trap = {"start_scale": 30.0}
    if session.map_options().start_scale == 1:
        controls.cure("See it get stuck: start 30 × too wide", trap, "trap_scale")
    else:
        controls.cure("Back to the tutorial's starting scale", {"start_scale": 1.0}, "trap_back")


def exports(fit: MapFit | None) -> header.Exports:
    """Return the files that this fit can be saved as."""
    if fit is None:
        return {}
    from gmm_core import export

    data = session.dataset()
    return {
        "parameters.csv": ("text/csv", lambda: export.parameters_csv(data, fit)),
        "parameters.json": ("application/json", lambda: export.parameters_json(data, fit)),
        "memberships.csv": ("text/csv", lambda: export.memberships_csv(data, fit.parameters)),
        "curves.csv": (
            "text/csv",
            lambda: export.curves_csv(fit, session.map_options().first_seed),
        ),
    }


frame.require()
live.page(body)
