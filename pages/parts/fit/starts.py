"""All starts of a fit: where they begin and end, what became of them, and what to do about it."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from gmm_core.figures import start_losses
from gmm_core.formatting import count, number
from gmm_core.runs.results import MapFit
from gmm_core.words import collapse, search
from gmm_core.words import fit as fit_words
from gmm_core.words import starts as start_words
from pages.parts import controls, session, settings, text
from pages.parts.fit.shown import finished, open_now, pick_start
from pages.parts.stream import figure, live

# What is set at a click for a cure of `collapse.Cause`: fewer components and the usual starting
# scale have buttons of their own.
_CURES: dict[str, tuple[str, dict[str, object]]] = {
    "rate": ("Learning rate 0.1", {"map.learning_rate": 0.1}),
    "conjugate": ("Conjugate priors", {"prior": "conjugate"}),
    "concentration": ("Concentration 1", {"concentration": 1.0}),
}


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
            local_optimum(view.run_id, best, shown)
            advice(shown)
        rows = [
            (verdict, best.count(verdict), fit_words.verdict_meaning(verdict))
            for verdict in ("converged", "moving", "collapsed", "failed", "untrained")
            if best.count(verdict)
        ]
        text.table(
            ["Starts", "number", "meaning"], rows, caption="What became of the starts", words=(2,)
        )
        if way := search.way(best):
            st.caption(way)


def starts(fit: MapFit, chosen: int) -> go.Figure:
    """Draw where the starts begin, and where they end when they were trained."""
    if fit.count("untrained"):
        first_seed = settings.options("map").first_seed
        return start_losses.starting_losses(fit.initial_loss, chosen, first_seed)
    return start_losses.landscape(fit.initial_loss, fit.final_loss, fit.verdict, fit.basin, chosen)


def local_optimum(run_id: str | None, best: MapFit, shown: MapFit) -> None:
    """Explain the local optimum that is shown, or offer one where the best is; a link keeps it."""
    basin = int(best.basin[shown.chosen])
    # The best of a search may have others above it, which it has passed over: it is no trap.
    if basin > 0 and shown.chosen != best.chosen:
        text.note("Why does it stay here?", start_words.local_optimum(best, shown.chosen))
    elif basin == 0 and (others := (best.basin == 1).nonzero()[0]).size:
        r = int(others[0])
        st.button(
            f"See a local optimum: start {r}",
            key="see_local",
            on_click=open_now,
            args=(run_id, r),
        )


def advice(fit: MapFit) -> None:
    """Explain the trap that this fit met, with its cure one click away."""
    mixture = session.mixture()
    verdict = str(fit.verdict[fit.chosen])
    collapsed = fit.count("collapsed")
    if collapsed:
        title = f"Why did {count(collapsed, 'start')} collapse?"
        options = settings.options("map")
        why = collapse.cause(session.dataset(), mixture, fit, options)
        text.note(title, why.reason[0].upper() + why.reason[1:], trap=True)
        with st.container(horizontal=True):
            if why.cure in _CURES:
                controls.cure(*_CURES[why.cure], f"cure_{why.cure}")
            if mixture.n_components > 1:
                K = mixture.n_components - 1
                controls.cure(f"K = {K}", {"n_components": K}, "cure_fewer")
            if verdict == "collapsed" and not settings.options("map").trains_all:
                controls.cure("Train every start", {"map.choose": "final"}, "cure_final")
    elif verdict == "failed":
        rate = settings.options("map").learning_rate
        text.note(
            "Why did it fail?",
            "Each step of Adam moves the logarithm of the scale by about the learning rate, "
            f"{number(rate)}. That overflows within a few steps.",
        )
        controls.cure("Learning rate 0.1", {"map.learning_rate": 0.1}, "cure_rate")
    elif verdict == "moving":
        text.note(
            "Is this the optimum?",
            "Not quite: the gradient has not vanished yet, even where the loss looks flat.",
        )
        controls.cure("Polish", {"map.polish": True}, "cure_polish")
    elif fit.count("untrained"):
        text.note(
            "Is this the best optimum?",
            "Only the start with the smallest loss before any step was trained, as in the "
            "tutorial. Where it ends may be a local optimum.",
        )
        controls.cure("Train every start", {"map.choose": "final"}, "cure_final")
    R, agree = len(fit.loss), int((fit.basin == fit.basin[fit.chosen]).sum())
    more = min(3 * R, int(settings.most("map", "restarts")))
    if verdict == "converged" and (scattered := search.scattered(fit, mixture)):
        text.note("Is this the best optimum?", f"Hardly, and more starts find others: {scattered}.")
    elif verdict == "converged" and agree == 1 < R < more:
        text.note(
            "Is this the best optimum?",
            "Only one start has found it, so there may be a better one. More starts tell; with "
            "fewer components there are fewer optima.",
        )
        controls.cure(f"{more:,} starts", {"map.restarts": more}, "cure_more")
    trap = {"map.start_scale": 30.0}
    if settings.options("map").start_scale == 1:
        controls.cure("See it get stuck: start 30 × too wide", trap, "trap_scale")
    else:
        usual = {"map.start_scale": 1.0}
        controls.cure("Back to the tutorial's starting scale", usual, "trap_back")
