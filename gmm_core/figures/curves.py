"""The course of one start: its gradient norms, and the terms of the log joint."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style
from gmm_core.formatting import number

Array = NDArray[np.float64]

# Colours of the sites, apart from those of components by their dashes.
_SITES = {
    "locs": ("#009E73", "solid"),
    "scale": ("#CC79A7", "dash"),
    "weights": ("#E69F00", "dot"),
    "correlation": ("#56B4E9", "dashdot"),
    "shape": ("#D55E00", "longdash"),
    "direction": ("#0072B2", "longdashdot"),
    "assignment_probs": ("#0072B2", "solid"),
}
_LINE = 16  # pixels from one line of text to the next
_LETTER = 6.5  # pixels, of a label beside the axis
_SITE_NAMES = {"assignment_probs": "assignment<br>probabilities"}


def gradient_norms(
    norms: dict[str, Array],
    height: int = 320,
    of: str = "the chosen start",
    ended: bool = False,
    steps: NDArray[np.int64] | None = None,
) -> go.Figure:
    """Draw the 2-norm of the gradient of each site [C] against the step, on a log axis.

    `ended` says that no step comes any more: the axis then ends where the curves do. `steps` [C]
    says which step each number comes before; 0, 1, 2 and so on when None.
    """
    if steps is None:
        steps = np.arange(max((len(norm) for norm in norms.values()), default=1))
    T = int(steps[-1]) + 1
    if ended:
        made = [steps[np.isfinite(norm)] for norm in norms.values()]
        T = max((int(known[-1]) + 1 for known in made if known.size), default=1)
    norms_in_words = []
    for name, norm in norms.items():
        finite = norm[np.isfinite(norm)]
        if finite.size:
            norms_in_words.append(f"{_plain(name)} {finite[-1]:.2g}")
    now = f"now {', '.join(norms_in_words)}" if norms_in_words else "none yet"
    alt = f"Gradient norms in unconstrained space, {now}."
    fig = style.figure(
        f"Gradient norms of {of}" if "locs" in norms else "Gradient norm",
        "step",
        "2-norm, unconstrained",
        alt=alt,
        height=height,
    )
    style.powers_of_ten(fig)
    ends: list[tuple[float, str, str]] = []
    for name, norm in norms.items():
        colour, dash = _SITES[name]
        shown = np.where(norm > 0, norm, np.nan)
        x, y = style.thin(steps, shown, 1000)
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colour, "width": 1.75, "dash": dash},
            name=_plain(name),
            connectgaps=True,
            hovertemplate="%{y:.3g} before step %{x}",
        )
        finite = shown[np.isfinite(shown)]
        if finite.size:
            ends.append((float(finite[-1]), _SITE_NAMES.get(name, name), colour))
    _label_ends(fig, ends, np.concatenate([*norms.values(), []]), height)
    fig.update_yaxes(showticklabels=bool(ends))  # numbers beside nothing would be made up
    fig.layout.showlegend = False
    fig.layout.xaxis.range = [0, max(T - 1, 1)]
    longest = max((len(part) for _, name, _ in ends for part in name.split("<br>")), default=0)
    fig.layout.margin.r = 16 + _LETTER * longest
    return fig


def _plain(name: str) -> str:
    return _SITE_NAMES.get(name, name).replace("<br>", " ")


_TERMS = {
    "likelihood": ("log likelihood", style.INK, "solid"),
    "weights": ("prior of the weights", *_SITES["weights"]),
    "locs": ("prior of the locs", *_SITES["locs"]),
    "scale": ("prior of the scale", *_SITES["scale"]),
    "correlation": ("prior of the correlations", *_SITES["correlation"]),
    "shape": ("prior of the shape", *_SITES["shape"]),
    "covariances": ("prior of the covariances", *_SITES["scale"]),
}


def course(steps: NDArray[np.int64], terms: dict[str, Array], height: int = 320) -> go.Figure:
    """Draw what each term of the log joint [M] gained since the start, against the step [M].

    Differences, since the terms' sizes say nothing: what a fit climbs on is what grows.
    """
    gains = {name: term - term[0] for name, term in terms.items()}
    gains_in_words = [f"{_TERMS[n][0]} {number(float(g[-1]))}" for n, g in gains.items()]
    fig = style.figure(
        "What the fit gained, term by term",
        "step",
        "gain in log joint since the start",
        alt=f"Gains from the first to the last step: {', '.join(gains_in_words)}.",
        height=height,
    )
    ends = []
    for name, gain in gains.items():
        label, colour, dash = _TERMS[name]
        fig.add_scatter(
            x=steps,
            y=gain,
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            customdata=terms[name],
            name=label,
            hovertemplate="%{y:+.4g} at step %{x} (%{customdata:.6g})<extra>" + f"{label}</extra>",
        )
        words = label.removeprefix("prior of the ")
        words = words if label == "log likelihood" else f"prior: {words}"
        ends.append((float(gain[-1]), words, colour))
    _label_ends(fig, ends, np.concatenate(list(gains.values())), height)
    fig.update_layout(showlegend=False, margin={"r": 128})
    return fig


def _label_ends(
    fig: go.Figure, ends: list[tuple[float, str, str]], values: Array, height: int
) -> None:
    """Name curves at the right edge; those that end close together are moved apart, upwards.

    ends : (value, name, colour) of each curve; `values` are all that the axis shows, [M].
    """
    log = fig.layout.yaxis.type == "log"
    finite = values[np.isfinite(values)]
    finite = np.log10(finite[finite > 0]) if log else finite
    pixels = 0.72 * height / max(float(np.ptp(finite)) if finite.size else 0.0, 1e-12)
    last, notes = -np.inf, []
    for value, name, colour in sorted(ends):
        place = float(np.log10(value)) if log else value
        moved = max(place, last + _LINE / pixels)
        dy = (moved - place) * pixels
        notes.append(style.note(fig, 1.0, value, name, colour, xref="paper", dx=6, dy=dy))
        last = moved
    style.labels(fig, notes)
