"""The Fit page: the density found, how the search went, and what to make of it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from gmm_core import words
from gmm_core.figures import curves, density
from gmm_core.figures.style import number
from gmm_core.mixture import Parameters
from gmm_core.results import MapFit
from pages.parts import controls, figure, frame, header, live, session, text


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    top = st.container()
    left, right = st.columns([3, 1], gap="large")
    with controls.panel(right):
        controls.mixture()
        controls.map_options()
    view = live.view("map", session.fit_specification)
    fit: MapFit | None = view.result
    with top:
        header.show("Fit", answer(view), view, exports(fit))
    with left:
        hero(view)
        live.status_line(view, "map", "Fit")
        views = [view] if view.spec is None else [view, *search(view)]
    if fit is not None:
        tables(fit)
    return views


def answer(view: live.View) -> list[words.Segment]:
    """Say what was found, or what is going on."""
    data = session.dataset()
    if view.spec is None:
        return []
    if view.result is not None:
        return words.fit_answer(data, view.spec.mixture, view.result)
    if (point := so_far(view)) is not None:
        return [words.Segment("So far: "), *words.point_answer(data, point)]
    N = len(data.values)
    return [
        words.Segment(f"Looking for {view.spec.mixture.n_components} components in {N:,} points …")
    ]


def so_far(view: live.View) -> Parameters | None:
    """Return the parameters of the fit, or where the run is now."""
    if view.result is not None:
        return view.result.parameters
    return live.point(view)


def hero(view: live.View) -> None:
    """Draw the density over the data, along the columns that the person picks."""
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
            help="One column shows densities, two show contours and ellipses at 1 and 2 standard "
            "deviations. The fit itself uses all columns; the others are integrated out.",
        )
        columns = picked or [0]
    figure.show(density.density(data, so_far(view), columns), key="density")


def search(view: live.View) -> list[live.View]:
    """Draw how the search went: losses and gradient norms; return the run beside it, if any.

    Both figures stand there from the first moment on, so that a run that begins or ends changes
    what they show, and nothing else.
    """
    fit: MapFit | None = view.result
    left, right = st.columns(2)
    if fit is None:
        loss, norms = live.curves(view, session.map_options().steps)
        with left:
            figure.show(curves.losses(loss), key="loss")
        with right:
            figure.show(curves.gradient_norms(norms), key="gradient")
        return []
    pyro = reference(view, fit)
    with left:
        beside = pyro_loss(pyro)
        figure.show(curves.losses(fit.loss, fit.chosen, fit.verdict, beside), key="loss")
        ask_for_reference(view, fit, pyro)
    with right:
        norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
        figure.show(curves.gradient_norms(norms), key="gradient")
    return [] if pyro is None else [pyro]


def reference(view: live.View, fit: MapFit) -> live.View | None:
    """Return the run of the chosen start in Pyro, when the person asked to lay it over ours."""
    asked = st.session_state.get("beside_pyro", False)
    if view.spec is None or view.spec.engine == "pyro" or not asked:
        return None
    options = session.map_options()
    alone = options.model_copy(
        update={"restarts": 1, "first_seed": options.first_seed + fit.chosen, "polish": False}
    )
    spec = view.spec.model_copy(update={"options": alone, "engine": "pyro"})
    return live.view("pyro", lambda: spec, limit=120, link=False)


def ask_for_reference(view: live.View, fit: MapFit, pyro: live.View | None) -> None:
    """Draw the switch that lays Pyro's curve over ours, and how closely the two agree."""
    if view.spec is None or view.spec.engine == "pyro":
        return
    st.toggle(
        "Lay Pyro's curve over it",
        key="beside_pyro",
        help="Runs the chosen start in Pyro, the engine that defines the mixture, and draws its "
        "loss over the compiled engine's.",
    )
    if pyro is not None and pyro.result is not None:
        st.caption(words.agreement(fit.loss[fit.chosen], pyro.result.loss[0]))
    elif pyro is not None:
        live.status_line(pyro, "pyro", "Run in Pyro")


def pyro_loss(view: live.View | None) -> np.ndarray | None:
    """Return the loss of the run beside ours, as far as it is."""
    if view is None:
        return None
    if view.result is not None:
        return view.result.loss[0]
    arrays = view.status.snapshot if view.status is not None else {}
    return arrays["loss"][0] if "loss" in arrays else None


def tables(fit: MapFit) -> None:
    """Show the parameters, the starts, and what to know about this fit."""
    data, mixture = session.dataset(), session.mixture()
    left, right = st.columns(2, gap="large")
    with left:
        parameters_table(fit)
        if len(fit.loss) > 1:
            figure.show(starts(fit), key="starts")
    with right:
        advice(fit)
        rows = [
            (verdict, fit.count(verdict), words.verdict_meaning(verdict))
            for verdict in ("converged", "moving", "collapsed", "failed", "untrained")
            if fit.count(verdict)
        ]
        text.table(
            ["Starts", "number", "meaning"], rows, caption="What became of the starts", words=(2,)
        )
        if fit.verdict[fit.chosen] != "failed":
            terms = words.objective_rows(data, mixture, fit.parameters)
            text.table(["Term", "log"], terms, caption="The objective, split")


def starts(fit: MapFit) -> go.Figure:
    """Draw where the starts begin, and where they end when they were trained."""
    if fit.count("untrained"):
        first_seed = session.map_options().first_seed
        return curves.starting_losses(fit.initial_loss, fit.chosen, first_seed)
    return curves.landscape(fit.initial_loss, fit.final_loss, fit.verdict, fit.basin, fit.chosen)


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
    head.append("points")
    points = words.points_each(data, point)
    rows = []
    for k in range(len(point.weights)):
        row: list[object] = [words.Segment(str(k + 1), k), number(float(point.weights[k]))]
        for c in shown:
            row += [number(float(point.locs[k, c]), 4), number(float(point.scales[k, c]))]
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
