"""A page of figures for the browser tests: one that streams, and others that stand still."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[3]))

from gmm_core.figures import style
from gmm_core.formatting import number, percent

STREAMED = 400


def density() -> go.Figure:
    """Two components, their sum, and the data under them."""
    x = np.linspace(-3, 15, 300)
    parts = [
        0.6249 * np.exp(-0.5 * ((x - 10.98) / 0.651) ** 2) / (0.651 * np.sqrt(2 * np.pi)),
        0.3751 * np.exp(-0.5 * ((x - 0.499) / 0.651) ** 2) / (0.651 * np.sqrt(2 * np.pi)),
    ]
    fig = style.figure(
        "Density of the mixture and its components",
        "value",
        "density",
        height=340,
        alt="Two separate bells: 62 % near 10.98 and 38 % near 0.50.",
    )
    for k, y in enumerate(parts):
        colour = style.component_style(k).colour
        fig.add_scatter(
            x=x,
            y=y,
            name=f"component {k + 1}",
            line={"color": colour, "width": 2.5},
            fill="tozeroy",
            fillcolor=style.fade(colour, 0.13),
        )
        top = int(np.argmax(y))
        text = f"<b>{k + 1}</b>  {percent([0.6249, 0.3751][k])} near {number(x[top])}"
        style.label(fig, x[top], y[top], text, colour, anchor="center", dy=12)
    fig.add_scatter(
        x=x, y=sum(parts), name="mixture", line={"color": style.INK, "width": 1.5, "dash": "dash"}
    )
    fig.add_scatter(
        x=[0, 1, 10, 11, 12],
        y=[0.006] * 5,
        mode="markers",
        name="data",
        marker={
            "symbol": "line-ns",
            "size": 14,
            "line": {"width": 2, "color": style.fade(style.INK, 0.6)},
        },
    )
    fig.add_vline(x=5.72, line={"color": style.MUTED, "width": 1, "dash": "dot"})
    style.label(fig, 5.72, 0.3, "boundary 5.72", style.MUTED, dx=8)
    return fig


def norms() -> go.Figure:
    """A log axis with direct labels at the ends of the curves."""
    steps = np.arange(200)
    fig = style.figure(
        "Gradient norms of the chosen start", "step", "2-norm", alt="Both norms fall to 1e-8."
    )
    style.powers_of_ten(fig)
    for k, name in enumerate(["weights", "locs"]):
        y = 10 ** (-0.04 * steps + 0.3 * np.sin(steps / (3 + k))) * (1 + 3 * k)
        colour = style.PALETTE[k + 2]
        fig.add_scatter(x=steps, y=y, name=name, line={"color": colour, "width": 1.5})
        style.label(fig, 199, y[-1], name, colour, dx=6)
    return fig


def counts() -> go.Figure:
    """A grid, a user's dangerous column name, and a long title."""
    rng = np.random.default_rng(0)
    z, x, y = np.histogram2d(rng.normal(size=4000), rng.normal(size=4000), bins=20)
    name = style.escape("=cmd|' /C calc'!A0 <script>")
    fig = style.figure(
        f"Two locs together, four chains of a thousand draws: {name}",
        name,
        "loc of component 2",
        height=360,
        alt="One round cloud of draws.",
    )
    fig.add_heatmap(z=np.log1p(z).T, x=x[:-1], y=y[:-1], name=name, showscale=False)
    return fig


@st.fragment(run_every=0.15)
def stream() -> None:
    """Draw a loss curve that grows at every tick."""
    state = st.session_state
    state.ticks = min(state.get("ticks", 0) + 1, STREAMED)
    steps = np.arange(10 * state.ticks)
    loss = 17.4433 + 8.2 * np.exp(-steps / 90) * (1 + 0.1 * np.cos(steps / 7))
    fig = style.figure("Loss of every start", "step", "negative log joint", alt="The loss falls.")
    fig.add_scatter(x=steps, y=loss, name="chosen", line={"color": style.PALETTE[0]})
    fig.add_scatter(
        x=steps, y=30 - steps / 200, name="collapsed", line={"color": style.COLLAPSED, "width": 1}
    )
    figure.show(fig, key="loss")
    st.caption(f"tick {state.ticks}")


@st.fragment
def clicks() -> None:
    """Draw points and a line that answer to a click, each with what it stands for."""
    fig = style.figure("Starts", "initial loss", "final loss", alt="Three starts.", height=240)
    fig.add_scatter(x=[1, 2, 3], y=[1, 3, 2], mode="markers", customdata=np.array([7, 8, 9]))
    fig.add_scatter(x=[1, 3], y=[4, 4], mode="lines+markers", meta=41)
    fig.add_scatter(x=[1, 3], y=[0, 0], mode="markers")
    figure.show(fig, key="clicks", on_click=lambda start: st.session_state.update(start=start))
    st.caption(f"start {st.session_state.get('start', 'none')}")


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Figures", layout="wide")
    st.sidebar.title("Mixture Explorer")
    st.sidebar.slider("Components", 1, 8, 2)
    st.title("Figures")
    figure.show(density(), key="density")
    left, right = st.columns(2)
    with left:
        stream()
    with right:
        figure.show(norms(), key="norms")
        st.caption(f"page run {st.session_state.get('runs', 0)}")
        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        clicks()
    visible_tab, hidden_tab = st.tabs(["Drawn", "Hidden"])
    with visible_tab:
        figure.show(counts(), key="counts")
    with hidden_tab:
        figure.show(norms(), key="hidden")


if __name__ == "__main__":
    from pages.parts.stream import figure  # declares a component, to a server that runs

    main()
elif __name__ == "figure_app":
    from pages.parts.platform import plotly_script
    from pages.parts.stream import drawings, figure_script

    routes = [*plotly_script.ROUTES, *figure_script.ROUTES, *drawings.ROUTES]
    app = st.App(__file__, routes=routes)
