"""The Tour: the tutorial's story in its order, each figure computed here and now."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gmm_core.data.examples import example
from gmm_core.figures import (
    assignments,
    chains,
    curves,
    density,
    guide,
    labels,
    loss_curves,
    start_losses,
)
from gmm_core.formatting import count, number, percent
from gmm_core.membership.certainty import map_loss
from gmm_core.mixture import Mixture, Parameters, boundaries, responsibilities
from gmm_core.runs.options import GuideOptions, MapOptions, NutsOptions
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.words.segments import Segment
from pages.parts import frame, header, pages, text
from pages.parts.stream import figure, live, partial
from pages.parts.stream.cache import Figure

DATA = example("tutorial")
MIXTURE = Mixture()
# Each run of the tour starts by itself: the longest, NUTS, takes about half a minute.
PATIENCE = 120.0


def body() -> list[live.View]:
    """Tell the story from top to bottom; what is not computed yet keeps its place."""
    header.show(
        "tour",
        [
            Segment(
                "Five numbers, two components: how a mixture is fitted, where the fit goes wrong, "
                "which point belongs where, and how sure of it one can be."
            )
        ],
    )
    views = [the_fit()]
    fit: MapFit | None = views[0].result
    views += [starts(), too_wide()]
    if fit is not None:
        point = fit.parameters.permuted(fit.parameters.order)
        which_point_belongs_where(point)
        views.append(the_guide(point))
    views.append(the_posterior())
    st.header("Where next", anchor=False)
    st.page_link(pages.entry("fit").script, label="Turn the knobs yourself on the Fit page")
    st.page_link(pages.entry("data").script, label="Bring your own data")
    st.caption(
        "After the Gaussian mixture tutorial of the Pyro project (Apache-2.0); the words, the "
        "figures and the corrections are ours."
    )
    return views


def run(slot: str, options: MapOptions | GuideOptions | NutsOptions, **more: object) -> live.View:
    """Return where one of the tour's runs stands."""
    return live.view(
        f"tour {slot}",
        lambda: Specification(dataset=DATA, mixture=MIXTURE, options=options, **more),
        limit=PATIENCE,
        link=False,
    )


def fitted_point(view: live.View) -> Parameters | None:
    """Return where a fit ended, or is by now."""
    return partial.point(view) if view.result is None else view.result.parameters


def losses(view: live.View) -> Figure:
    """Return the figure of a fit's losses, as far as they are."""
    fit: MapFit | None = view.result
    if fit is not None:
        return loss_curves.losses(fit.loss, fit.chosen, fit.verdict)
    return loss_curves.losses(partial.curves(view, MapOptions().steps).loss)


def locs(view: live.View) -> np.ndarray:
    """Return the locs that NUTS has drawn, along the only column [C, S, K]."""
    if view.result is not None:
        return view.result.draws["locs"][..., 0]
    return partial.draws(view)["draws"]["locs"][..., 0]


def the_fit() -> live.View:
    """Tell of data, model, objective and the tutorial's fit."""
    st.header("The data and the model", anchor=False)
    st.markdown(
        "The data are $0, 1, 10, 11, 12$. Two groups, plainly. The model says how such numbers "
        "could have come about: with probabilities $w$ choose one of $K = 2$ components, then "
        "draw from a Gaussian around its location, all with a shared scale."
    )
    st.latex(
        r"""\begin{aligned}
        w &\sim \mathrm{Dirichlet}(\tfrac12, \tfrac12) &
        \sigma &\sim \mathrm{LogNormal}(0, 2) &
        \mu_k &\sim \mathcal N(0, 10) \\
        z_n &\sim \mathrm{Categorical}(w) &
        x_n &\sim \mathcal N(\mu_{z_n}, \sigma)
        \end{aligned}"""
    )
    st.markdown(
        "The assignments $z_n$ are discrete, and gradients do not pass through them. There are "
        "only two values each, so they are **summed out**, exactly and for all points at once: "
        r"$p(x_n) = \sum_k w_k\, \mathcal N(x_n \mid \mu_k, \sigma)$. What is left is smooth, and "
        "Adam can climb it."
    )
    st.header("The most probable parameters", anchor=False)
    view = run("fit", MapOptions())
    fit: MapFit | None = view.result
    live.show(view, "t_density", lambda v: density.density(DATA, fitted_point(v)))
    live.status_line(view, "tour_fit", "Fit")
    if fit is None:
        return view
    point = fit.parameters.permuted(fit.parameters.order)
    loss = float(fit.final_loss[fit.chosen])
    st.markdown(
        f"The fit puts {percent(point.weights[0])} of the weight at "
        f"{number(point.locs[0, 0], 5)} and {percent(point.weights[1])} at "
        f"{number(point.locs[1, 0], 4)}, with a scale of {number(point.scales[0, 0])}; the loss, "
        f"minus the log joint, is {number(loss, 6)}. The area under the dashed curve is one. In "
        "the tutorial's own picture it is 0.651, because a factor of one over the scale is missing "
        "there."
    )
    left, right = st.columns(2)
    with left:
        figure.show(loss_curves.losses(fit.loss, fit.chosen, fit.verdict), key="t_loss")
    with right:
        norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
        figure.show(curves.gradient_norms(norms), key="t_gradient")
    drop = fit.loss[fit.chosen]
    flat = int(np.argmax(drop < drop[-1] + 1e-4))
    last = float(fit.gradient_norm["locs"][fit.chosen, -1])
    st.markdown(
        f"The loss looks flat from step {flat} on. The gradient norms tell more: with a fixed "
        "learning rate Adam circles the optimum, and the gradient of the locations stands at "
        f"{number(last, 2)} after the last step. **A flat loss is no proof of convergence.**"
    )
    return view


def starts() -> live.View:
    """Tell of the choice of the start, and of collapse."""
    st.header("Where to begin", anchor=False)
    st.markdown(
        "A mixture has many local optima, and where a fit ends depends on where it begins. The "
        "tutorial takes two of the data points as first locations, for a hundred seeds, and trains "
        "only the seed whose loss is smallest *before any step*. Training all hundred shows what "
        "that choice avoids:"
    )
    view = run("starts", MapOptions(choose="final"))
    fit: MapFit | None = view.result
    left, right = st.columns(2)
    with left:
        live.show(view, "t_all", losses)
    if fit is not None:
        with right:
            begins = start_losses.starting_losses(fit.initial_loss, fit.chosen, 0)
            figure.show(begins, key="t_starts")
    live.status_line(view, "tour_starts", "Train all")
    if fit is not None:
        bad = fit.verdict == "collapsed"
        lowest = float(fit.final_loss[bad].min())
        agree = int((fit.basin == fit.basin[fit.chosen]).sum())
        best = float(fit.final_loss[fit.chosen])
        text.note(
            f"{count(int(bad.sum()), 'start')} collapsed.",
            "Both locations began on the same side, and one component lost its points. Its weight "
            "runs to zero, where Dirichlet(0.5) has infinite density: the loss falls to "
            f"{number(lowest)} after 200 steps and on without end. Ranked by final loss these "
            f"starts would win over the real optimum, {number(best, 5)}, which {agree} starts "
            "found. They are named and set aside. A concentration of 1 or more cures it.",
            trap=True,
        )
    return view


def too_wide() -> live.View:
    """Tell of the local optimum of a start that is too wide."""
    st.header("Stuck in one component", anchor=False)
    st.markdown(
        "Begin with a scale thirty times too wide, and every component sees all points alike. Both "
        "move to the middle, one wins, and everything stays in one component."
    )
    view = run("wide", MapOptions(start_scale=30.0))
    live.show(view, "t_wide", lambda v: density.density(DATA, fitted_point(v), height=280))
    live.status_line(view, "tour_wide", "Fit")
    return view


def which_point_belongs_where(point: Parameters) -> None:
    """Tell of membership in closed form and by `infer_discrete`."""
    st.header("Which point belongs where", anchor=False)
    edge = float(boundaries(point)[0])
    at = responsibilities(point, [5.5, 5.7, 5.75, 6.0])[:, 0]
    st.markdown(
        "The assignments were summed out, but given the parameters their probabilities follow in "
        r"closed form, $p(z_n = k \mid x_n) \propto w_k\, \mathcal N(x_n \mid \mu_k, \sigma)$. "
        "Pyro's `infer_discrete` computes the same: at temperature 0 the most probable assignment, "
        f"at temperature 1 a random one. The two change places at **{number(edge, 5)}**."
    )
    left, right = st.columns(2)
    with left:
        figure.show(assignments.assignments(DATA, point), key="t_assign")
    with right:
        zoom = assignments.boundary_zoom(DATA, point, 5.75, 0.5, temperature=1, seed=0)
        figure.show(zoom, key="t_zoom")
    st.markdown(
        f"The probability of the larger component is {number(at[0], 2)} at 5.5, {number(at[1])} at "
        f"5.7, {number(at[2])} at 5.75 and {number(at[3], 4)} at 6: a quarter of a unit is all "
        "that lies between nearly sure and nearly sure of the opposite."
    )


def the_guide(point: Parameters) -> live.View:
    """Tell of membership by enumeration in the guide."""
    st.header("Membership as parameters", anchor=False)
    st.markdown(
        "The second way is slower and more general: keep the learned parameters, give every point "
        "its own probabilities in the guide, start them at ½, and let Adam fit them. They live on "
        "the simplex, so each row sums to one."
    )
    view = run("guide", GuideOptions(), parameters=point)
    optimum = map_loss(DATA, MIXTURE, point)
    left, right = st.columns(2)
    with left:
        live.show(view, "t_guide_loss", lambda v: guide.loss(partial.guide(v)["loss"], optimum))
    with right:
        live.show(view, "t_guide_gradient", lambda v: guide.gradient(partial.guide(v)["norm"]))
    live.status_line(view, "tour_guide", "Fit the guide")
    live.show(
        view,
        "t_guide_probs",
        lambda v: guide.probabilities(DATA, point, partial.guide(v)["probs"]),
    )
    if view.result is not None:
        loss = view.result.loss
        st.markdown(
            f"The loss comes down from {number(float(loss[0]), 6)} to "
            f"{number(float(loss[-1]), 4)}. Its lower bound is the MAP loss, "
            f"{number(optimum, 6)}: the enumeration is exact, so only "
            "the probabilities that Adam has not finished keep the two apart."
        )
    return view


def the_posterior() -> live.View:
    """Tell of NUTS and of the two mirrored modes."""
    st.header("The whole posterior", anchor=False)
    st.markdown(
        "One best point hides how uncertain five numbers leave us. NUTS draws from the posterior "
        "of weights, locations and scale, with the assignments still summed out: 250 draws after "
        "50 of warm-up, one chain, seed 2."
    )
    view = run("nuts", NutsOptions(draws=250, warmup=50, chains=1, seed=2))
    names = ("loc of component 1", "loc of component 2")
    left, right = st.columns(2)
    with left:
        live.show(
            view,
            "t_two",
            lambda v: labels.two_locs(locs(v)[..., 0], locs(v)[..., 1], names, mirrored=True),
        )
    with right:
        live.show(
            view, "t_trace", lambda v: chains.trace(locs(v), "loc", title="Trace of both locs")
        )
    live.status_line(view, "tour_nuts", "Draw")
    st.markdown(
        "Which component is called 1 is arbitrary. So the posterior has two equal modes, near "
        "(11, 0.5) and its mirror (0.5, 11), and NUTS seldom crosses from one to the other. That "
        "is no fault of the chain: it is what the labels mean, and why the Posterior page asks "
        "questions whose answers do not depend on labels."
    )
    return view


frame.require()
live.page(body)
