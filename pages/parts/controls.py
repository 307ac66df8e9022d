"""The controls of the mixture and of the MAP fit; their values live in the session's own keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gmm_core.figures import predictive as prior_figures
from gmm_core.mixture import MAX_COMPONENTS, Priors
from gmm_core.words_priors import prior_rows
from pages.parts import figure, kept, session, text
from pages.parts.posterior import computed

_COVARIANCES = {
    "spherical": "spherical",
    "diag": "diagonal",
    "full": "full",
}
_PRIORS = {
    "tutorial": "tutorial's",
    "data": "from the data",
    "flat": "none (likelihood)",
    "own": "my own",
}
_STARTS = {
    "subsample": "random points",
    "kmeans++": "far-apart points",
    "quantile": "quantile points",
}
_ENGINES = {
    "map": {"compiled": "compiled", "pyro": "Pyro, the reference"},
    "posterior": {"nutpie": "nutpie, compiled", "pyro": "Pyro, the reference"},
}
_CHOOSE = {
    "initial": "initial loss",
    "final": "final loss",
}


@contextmanager
def panel(column: DeltaGenerator) -> Iterator[None]:
    """Place controls in a column beside the figure; on a phone, folded away above it."""
    phone = "Mobi" in (st.context.headers.get("User-Agent") or "")
    with column, st.container(key="settings_phone" if phone else "settings"):
        if phone:
            with st.expander("Settings"):
                yield
        else:
            yield


def mixture() -> None:
    """Draw K, covariance and priors."""
    few = min(12, MAX_COMPONENTS)
    most = few if st.session_state["n_components"] <= few else MAX_COMPONENTS
    st.slider(
        "Components K",
        **kept.number("n_components", 1, most),
        help="How many Gaussians are added up: $p(x) = \\sum_{k=1}^K w_k\\,"
        "\\mathcal N(x \\mid \\mu_k, \\Sigma_k)$. More always fit better; whether they are "
        "believable is another question.",
    )
    st.selectbox(
        "Covariance",
        **kept.choice("covariance", _COVARIANCES),
        format_func=_COVARIANCES.__getitem__,
        help="Spherical: one spread $\\sigma$ for all columns. Diagonal: one for each column. "
        "Full: also correlations. With a single column the three are the same.",
    )
    st.toggle(
        "Shared covariance",
        **kept.value("tied"),
        help="Shared as in the tutorial, $\\Sigma_k = \\Sigma$, or one of its own for each "
        "component. Own ones fit better and collapse more easily.",
    )
    st.selectbox(
        "Priors",
        **kept.choice("prior", _PRIORS),
        format_func=_PRIORS.__getitem__,
        help="$w \\sim \\mathrm{Dirichlet}(c)$, $\\mu_k \\sim \\mathcal N(m, s)$, "
        "$\\log\\sigma \\sim \\mathcal N(a, b)$. The tutorial's suit numbers around 0 to 12; "
        "those from the data are weak and in the data's own units.",
    )
    _concentration()
    # Always there, so that turning a knob does not move the others.
    with st.expander("Each prior"):
        if st.session_state["prior"] == "own":
            _own_priors()
        else:
            st.caption('Choose "my own" above to set each prior here.')
    _priors_in_numbers()


def _priors_in_numbers() -> None:
    """Show the priors in the data's units, and on demand what they expect over the data."""
    data = session.dataset()
    try:
        chosen = session.mixture()
        rows = prior_rows(data, chosen)
    except ValueError:  # said where the setting is
        return
    with st.popover("Priors in numbers", width="stretch"), st.container(width=420):
        text.table(("prior", "90 % of it, in the data's units"), rows, words=(1,))
        if chosen.priors.proper and st.toggle(
            "Draws over the data", **kept.value("show_prior_draws", False)
        ):
            found, _ = computed.from_priors(data, chosen)
            figure.show(prior_figures.prior_draws(data, found, height=260), key="prior_draws")


def map_options() -> None:
    """Draw the options of the fit: the frequent ones in sight, the others in an expander."""
    learning_rate(
        "learning_rate",
        0.01,
        "Too high and the loss jumps about or overflows; too low and it is still moving when the "
        "steps run out.",
    )
    st.number_input(
        "Steps",
        **kept.number("steps", 1, 20_000),
        step=50,
        help="How many steps Adam makes from each start. A flat loss is no proof that it has "
        "converged: look at the gradient norms.",
    )
    left, right = st.columns(2)
    left.number_input(
        "Starts",
        **kept.number("restarts", 1, 1_000),
        help="How many seeds are tried. The objective has many local optima, and where a fit "
        "ends depends on where it begins.",
    )
    right.number_input("First seed", **kept.number("first_seed", 0, 2**32 - 1))
    st.selectbox(
        "Choose the start by",
        **kept.choice("choose", _CHOOSE),
        format_func=_CHOOSE.__getitem__,
        help="Initial, as in the tutorial: rank starts by their loss before any step, and train "
        "only the best. Final: train every start, which finds the best optimum and shows which "
        "collapse.",
    )
    engine("map")
    with st.expander("More"):
        st.selectbox(
            "Locs begin at",
            **kept.choice("start", _STARTS),
            format_func=_STARTS.__getitem__,
        )
        st.number_input(
            "Starting scale ×",
            **kept.number("start_scale", 0.01, 1e6),
            format="%g",
            help="A factor on $\\sqrt{\\mathrm{var}(x)/2}$. Begin far too wide, and every "
            "component sees all points alike: everything falls into one cluster.",
        )
        betas("")
        st.toggle(
            "Polish to the optimum",
            **kept.value("polish"),
            help="Adam at a fixed rate wobbles about the optimum. Polishing goes on with L-BFGS "
            "until the gradient vanishes.",
        )


def learning_rate(key: str, step: float, said: str) -> None:
    """Draw Adam's learning rate, with what it means here."""
    st.number_input(
        "Learning rate",
        **kept.number(key, 1e-6),
        step=step,
        format="%g",
        help=f"The length of Adam's steps in unconstrained space. {said}",
    )


def betas(prefix: str) -> None:
    """Draw Adam's two rates of forgetting; their keys begin with `prefix`."""
    left, right = st.columns(2)
    left.number_input(
        "Adam β₁",
        **kept.number(f"{prefix}beta1", 0.0, 0.9999),
        step=0.05,
        format="%g",
        help="How slowly it forgets the gradient's mean; the nearer to 1, the more momentum.",
    )
    right.number_input(
        "Adam β₂",
        **kept.number(f"{prefix}beta2", 0.0, 0.99999),
        step=0.01,
        format="%g",
        help="How slowly it forgets the gradient's mean square, by which steps are scaled.",
    )


def engine(kind: str) -> None:
    """Draw the choice of the engine of a kind of run, "map" or "posterior"."""
    names = _ENGINES[kind]
    st.selectbox(
        "Engine",
        **kept.choice(f"{kind}_engine", names),
        format_func=names.__getitem__,
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
        **kept.number("concentration", 0.01),
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
        "loc_scale": "Locs: sd",
        "scale_log_mean": "Log scale: mean",
        "scale_log_sd": "Log scale: sd",
        "correlation": "LKJ shape",
    }
    own: Priors = st.session_state["own_priors"]
    entered = {}
    columns = st.columns(2)
    for i, (name, label) in enumerate(labels.items()):
        value = getattr(own, name)
        shown = "" if value is None else ", ".join(f"{v:g}" for v in _listed(value))
        key = f"own_{name}"
        st.session_state.setdefault(key, shown)
        entered[name] = columns[i % 2].text_input(label, **kept.value(key))
    st.caption("One number, or one for each column, separated by commas. Empty leaves a prior out.")
    try:
        changed = {n: _parsed(labels[n], entered[n], _listed(getattr(own, n))) for n in labels}
        if changed["loc_mean"] is None or changed["scale_log_mean"] is None:
            raise ValueError("A mean cannot be empty. To leave a prior out, empty its sd.")
        st.session_state["own_priors"] = Priors(concentration=own.concentration, **changed)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))


def _listed(value: float | tuple[float, ...] | None) -> tuple[float, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _parsed(label: str, entered: str, exact: tuple[float, ...]) -> object:
    """Read a field; what is shown rounded and was not touched keeps its exact value."""
    if entered == ", ".join(f"{v:g}" for v in exact):
        numbers: tuple[float, ...] = exact
    else:
        try:
            numbers = tuple(
                float(piece) for piece in entered.replace(";", ",").split(",") if piece.strip()
            )
        except ValueError:
            raise ValueError(
                f'"{entered}" in {label} is not a number. Write one such as 0.5, or several '
                "separated by commas."
            ) from None
    return None if not numbers else numbers[0] if len(numbers) == 1 else numbers
