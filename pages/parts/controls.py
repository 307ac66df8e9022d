"""The controls of the mixture and of the MAP fit; their values live in the session's own keys."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.typed import line_numbers
from gmm_core.figures import predictive as prior_figures
from gmm_core.figures.families import picture
from gmm_core.mixture import MAX_COMPONENTS, Priors
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.family import Family
from gmm_core.runs.methods import METHODS
from gmm_core.words.priors import prior_rows
from pages.parts import session, settings, specifications, text
from pages.parts.platform import widget_state
from pages.parts.posterior import computed
from pages.parts.stream import figure

COVARIANCES = {
    "spherical": "spherical",
    "diag": "diagonal",
    "full": "full",
}


def _brief(family: Family) -> str:
    """Name a family of a code by as much of what is shared or own as a list has room for."""
    parts = list(zip(("size", "shape", "direction"), family.code, strict=True))
    own = [part for part, letter in parts if letter == "V"]
    shared = [part for part, letter in parts if letter == "E"]
    said = f"own {own[0]}" if len(own) == 1 else f"shared {shared[0]}"
    return f"{family.label}: {'diagonal, ' * (family.code[2] == 'I')}{said}"


CODES = {family.covariance: _brief(family) for family in FAMILIES.values() if family.tied is None}
CLASSES = {"ignore": "compared with the fit", "fix": "fixed to components"}
PRIORS = {
    "tutorial": "Tutorial",
    "data": "From the data",
    "conjugate": "Conjugate",
    "flat": "None (likelihood)",
    "own": "Custom",
}


def mixture() -> None:
    """Draw K, covariance and priors."""
    st.session_state.pop("prior_problem", None)
    few = min(12, MAX_COMPONENTS)
    most = few if st.session_state["n_components"] <= few else MAX_COMPONENTS
    st.slider(
        "Components K",
        **widget_state.number("n_components", 1, most),
        help="How many Gaussians are added up: $p(x) = \\sum_{k=1}^K w_k\\,"
        "\\mathcal N(x \\mid \\mu_k, \\Sigma_k)$. More always fit better; whether they are "
        "believable is another question.",
    )
    by_code = st.session_state["covariance"] in CODES
    every = by_code or st.session_state.get("every_family", False)
    named = COVARIANCES | (CODES if every else {})
    st.selectbox(
        "Covariance",
        **widget_state.choice("covariance", named),
        format_func=named.__getitem__,
        help="Spherical: one spread $\\sigma$ for all columns. Diagonal: one for each column. "
        "Full: also correlations. With a single column the three are the same. The letters of a "
        "code are size, shape and direction: equal (E), varying (V), or none (I).",
    )
    st.toggle(
        "All fourteen families",
        **widget_state.value("every_family", False),
        disabled=by_code,
        help="Also the eight that share some of size, shape and direction.",
    )
    if every:
        family = session.family()
        st.html(picture(family))
        st.caption(f"{family.code}: {family.words}.")
    st.toggle(
        "Shared covariance",
        **widget_state.value("tied"),
        disabled=by_code,
        help="Shared as in the tutorial, $\\Sigma_k = \\Sigma$, or one of its own for each "
        "component. Own ones fit better and collapse more easily.",
    )
    beside_components()
    st.selectbox(
        "Priors",
        **widget_state.choice("prior", PRIORS),
        format_func=PRIORS.__getitem__,
        help="$w \\sim \\mathrm{Dirichlet}(c)$, $\\mu_k \\sim \\mathcal N(m, s)$, "
        "$\\log\\sigma \\sim \\mathcal N(a, b)$. The tutorial's suit numbers around 0 to 12; "
        "those from the data are weak and in the data's own units. Conjugate ones are mclust's "
        "normal-inverse-Wishart: $\\Sigma_k \\sim \\mathrm{IW}(\\nu, \\Lambda)$, "
        "$\\mu_k \\sim \\mathcal N(m, \\Sigma_k / \\kappa)$, under which no component "
        "shrinks onto copies of a point.",
    )
    _concentration()
    # Always there, so that turning a knob does not move the others.
    with st.expander("Edit priors"):
        if st.session_state["prior"] == "own":
            _own_priors()
        else:
            st.caption('Choose "Custom" above to edit the priors.')
    _priors_in_numbers()


def beside_components() -> None:
    """Draw what a mixture may have beside its components: noise, and what classes are for."""
    st.toggle(
        "Noise",
        **widget_state.value("noise"),
        help="One more component, uniform over the data's volume, for points that belong nowhere: "
        "$p(x) = w_0 / V + \\sum_k w_k\\,\\mathcal N(x \\mid \\mu_k, \\Sigma_k)$. It counts as two "
        "numbers in the criteria, as in mclust.",
    )
    if session.dataset().class_names:
        st.selectbox(
            "Known classes",
            **widget_state.choice("class_labels", CLASSES),
            format_func=CLASSES.__getitem__,
            help="Compared with: the fit does not see them, and Membership shows how far they "
            "agree. Fixed: a point of a known class comes from that class's component, and "
            "the others are sorted to them.",
        )


def _priors_in_numbers() -> None:
    """Show the priors in the data's units, and on demand what they expect over the data."""
    data = session.dataset()
    try:
        chosen = session.mixture()
        rows = prior_rows(data, chosen)
    except ValueError:  # said where the setting is
        return
    with st.popover("What the priors mean", width="stretch"), st.container(width=420):
        text.table(("prior", "90 % of it, in the data's units"), rows, words=(1,))
        if chosen.priors.proper and st.toggle(
            "Draws over the data", **widget_state.value("show_prior_draws", False)
        ):
            draws, _ = computed.from_priors(data, chosen)
            figure.show(prior_figures.prior_draws(data, draws, height=260), key="prior_draws")


def map_options() -> None:
    """Draw the options of the fit: the frequent ones in sight, the others in an expander."""
    specifications.forget_points()
    st.selectbox(
        **settings.choice("map", "method"),
        help="Adam follows the gradient, as in the tutorial. EM deals the points out to the "
        "components and fits each to its share, in turns (accelerated by SQUAREM): it needs no "
        "learning rate, never goes up, and stops by itself. Both look for the same optima.",
    )
    with_rate = METHODS[st.session_state["map.method"]].learning_rate
    if with_rate:
        learning_rate(
            "map",
            0.01,
            "Too high and the loss jumps about or overflows; too low and it is still moving when "
            "the steps run out.",
        )
    st.number_input(
        **settings.number("map", "steps"),
        step=50,
        help="How many steps Adam makes from each start; of EM, the most. A flat loss is no proof "
        "that it has converged: look at the gradient norms.",
    )
    left, right = st.columns(2)
    left.number_input(
        **settings.number("map", "restarts"),
        help="How many seeds are tried. The objective has many local optima, and where a fit "
        "ends depends on where it begins.",
    )
    right.number_input(**settings.number("map", "first_seed"))
    st.selectbox(
        **settings.choice("map", "choose"),
        help="Initial, as in the tutorial: rank starts by their loss before any step, and train "
        "only the best. Final: train every start, which finds the best optimum and shows which "
        "collapse.",
    )
    engine("map")
    with st.expander("More"):
        st.selectbox(**settings.choice("map", "start"))
        st.number_input(
            **settings.number("map", "start_scale"),
            help="A factor on $\\sqrt{\\mathrm{var}(x)/2}$. Begin far too wide, and every "
            "component sees all points alike: everything falls into one component.",
        )
        if with_rate:
            betas("map")
        st.toggle(
            **settings.switch("map", "polish"),
            help="Adam at a fixed rate wobbles about the optimum. Polishing goes on with L-BFGS "
            "until the gradient vanishes. After EM, only what has not settled needs it.",
        )


def learning_rate(kind: str, step: float, help_text: str) -> None:
    """Draw Adam's learning rate, with what it means here."""
    st.number_input(
        **settings.number(kind, "learning_rate"),
        step=step,
        help=f"The length of Adam's steps in unconstrained space. {help_text}",
    )


def betas(kind: str) -> None:
    """Draw Adam's two rates of forgetting."""
    left, right = st.columns(2)
    left.number_input(
        **settings.number(kind, "betas.0"),
        step=0.05,
        help="How slowly it forgets the gradient's mean; the nearer to 1, the more momentum.",
    )
    right.number_input(
        **settings.number(kind, "betas.1"),
        step=0.01,
        help="How slowly it forgets the gradient's mean square, by which steps are scaled.",
    )


def engine(kind: str) -> None:
    """Draw the choice of the engine of a kind of run."""
    st.selectbox(
        **settings.choice(kind, "engine"),
        help="Pyro defines the mixture and is slow; the compiled engine computes the same "
        "objective and gradient a thousand times faster. Tests hold the two together.",
    )


def cure(label: str, updates: dict[str, object], key: str) -> None:
    """Draw a button that sets controls: the cure of a trap, or a trap to see."""
    st.button(label, key=key, on_click=apply, args=(updates,))


def apply(updates: dict[str, object]) -> None:
    """Set controls; "concentration" sets it among priors of one's own."""
    rest = dict(updates)
    if "concentration" in rest:
        base = session.priors()
        if not base.proper:
            base = Priors.for_data(session.dataset())
        session.set_own_priors(base.model_copy(update={"concentration": rest.pop("concentration")}))
    for name, value in rest.items():
        st.session_state[name] = value


def _concentration() -> None:
    """Draw the prior that matters most as a knob of its own; turning it makes the priors own."""
    st.session_state["concentration"] = session.priors().concentration

    def turned() -> None:
        value = st.session_state["concentration"]
        session.set_own_priors(session.priors().model_copy(update={"concentration": value}))

    st.number_input(
        "Concentration",
        **widget_state.number("concentration", 0.01),
        step=0.25,
        on_change=turned,
        format="%g",
        placeholder="none",
        help="Of the weights' prior, $w \\sim \\mathrm{Dirichlet}(c)$. Below 1 an empty component "
        "has infinite density, and starts collapse; above 1 the weights are drawn together.",
    )


def _own_priors() -> None:
    """Draw a field for each prior: a number, one for each column, or nothing for a flat one."""
    labels = {
        "loc_mean": "Locs: mean",
        "loc_scale": "Locs: spread",
        "scale_log_mean": "Log scale: mean",
        "scale_log_sd": "Log scale: spread",
        "correlation": "LKJ shape",
        "shrinkage": "Locs: shrinkage",
        "freedom": "Covariances: freedom",
        "covariance_scale": "Covariances: scale",
    }
    own: Priors = st.session_state["own_priors"]
    entered = {}
    # Row by row, so that a label of two lines puts no neighbour out of line.
    rows = [st.columns(2, vertical_alignment="bottom") for _ in range((len(labels) + 1) // 2)]
    for i, (name, label) in enumerate(labels.items()):
        value = getattr(own, name)
        shown = _shown(value)
        key = f"own_{name}"
        st.session_state.setdefault(key, shown)
        entered[name] = rows[i // 2][i % 2].text_input(label, **widget_state.value(key))
    st.caption(
        "One number, or one for each column, separated by commas; of a matrix, its rows separated "
        "by semicolons. Empty leaves a prior out. Locs and covariances have one prior each: the "
        "last three are in place of a spread of locs, and of scales and LKJ."
    )
    try:
        changed = {n: _parsed(labels[n], entered[n], getattr(own, n)) for n in labels}
        if changed["loc_mean"] is None or changed["scale_log_mean"] is None:
            raise ValueError("A mean cannot be empty. To leave a prior out, empty its spread.")
        st.session_state["own_priors"] = Priors(**(own.model_dump() | changed))
    except ValueError as error:
        # It stands at the top of the page: the answer below it is of the priors before.
        st.session_state["prior_problem"] = text.sentence(error)


def _shown(value: object) -> str:
    """Write a prior as its field has it: numbers, or the rows of a matrix."""
    if value is None:
        return ""
    several = value if isinstance(value, tuple) else (value,)
    if several and isinstance(several[0], tuple):
        return "; ".join(map(_shown, several))
    return ", ".join(f"{v:g}" for v in several)


def _parsed(label: str, entered: str, exact: object) -> object:
    """Read a field; what is shown rounded and was not touched keeps its exact value."""
    if entered == _shown(exact):
        return exact
    if ";" in entered:
        return tuple(tuple(line_numbers(row, label)) for row in entered.split(";"))
    numbers = tuple(line_numbers(entered, label))
    return None if not numbers else numbers[0] if len(numbers) == 1 else numbers
