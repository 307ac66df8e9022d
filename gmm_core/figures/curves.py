"""The course of a fit: the loss of every start, gradient norms, and where the starts began."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style

Array = NDArray[np.float64]

# A browser draws this many curves of 200 points without stutter; the best and worst are kept.
_CURVES = 60
# Colours of the sites, apart from those of components by their dashes.
_SITES = {
    "locs": ("#009E73", "solid"),
    "scale": ("#CC79A7", "dash"),
    "weights": ("#E69F00", "dot"),
    "correlation": ("#56B4E9", "dashdot"),
    "assignment_probs": ("#0072B2", "solid"),
}
_LINE = 16  # pixels from one line of text to the next
_SITE_NAMES = {"assignment_probs": "assignment probabilities"}


def losses(
    loss: Array,
    chosen: int | None = None,
    verdict: NDArray[np.str_] | None = None,
    beside: Array | None = None,
    height: int = 320,
    name: str = "chosen start",
) -> go.Figure:
    """Draw the loss of each trained start against the step; a click names the start.

    Parameters
    ----------
    loss : [R, T], NaN where there is nothing (yet).
    chosen : the start that is shown elsewhere, drawn in front; the longest curve when None.
    verdict : [R]; collapsed and failed starts are drawn in red.
    beside : [T], the reference engine's loss from the chosen start, laid over the curve.
    name : what the chosen start is called.
    """
    R, T = loss.shape
    known = np.isfinite(loss).sum(axis=1)
    if chosen is None:
        chosen = int(known.argmax()) if R else 0
    bad = np.isin(verdict, ("collapsed", "failed")) if verdict is not None else np.zeros(R, bool)
    drawn = [r for r in np.flatnonzero(known > 1) if r != chosen]
    if len(drawn) > _CURVES:
        drawn = [drawn[i] for i in np.linspace(0, len(drawn) - 1, _CURVES).astype(int)]
    last = loss[chosen][np.isfinite(loss[chosen])]
    end = float(last[-1]) if last.size else np.nan
    curves = int((known > 1).sum())
    title = "Loss" if curves <= 1 else f"Loss of {curves:,} starts"
    alt = f"Minus the log joint against the step, {curves} of {R} starts trained. "
    if np.isfinite(end):
        alt += f"The chosen one is at {end:.5g}. {int(bad.sum())} collapsed or failed."
    fig = style.figure(title, "step", "loss, −log joint", alt=alt, height=height)
    fig.layout.meta = {**fig.layout.meta, "customdata": "start"}
    for group, look in (
        ([r for r in drawn if not bad[r]], {"color": style.MUTED, "dash": "solid"}),
        ([r for r in drawn if bad[r]], {"color": style.COLLAPSED, "dash": "dot"}),
    ):
        if not group:
            continue
        # One trace with gaps: a trace for each start would take most of the page's time.
        pieces = [style.thin(np.arange(T), loss[r], 300) for r in group]
        gap = np.array([np.nan])
        fig.add_scatter(
            x=np.concatenate([part for x, _ in pieces for part in (x, gap)]),
            y=np.concatenate([part for _, y in pieces for part in (y, gap)]),
            customdata=np.repeat(group, [len(x) + 1 for x, _ in pieces]),
            mode="lines",
            line={"width": 1} | look,
            opacity=0.6,
            name="start",
            hovertemplate="%{y:.6g} before step %{x}<extra>start %{customdata}</extra>",
        )
    x, y = style.thin(np.arange(T), loss[chosen], 1000)
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": style.COLLAPSED if bad[chosen] else style.PALETTE[0], "width": 2.5},
        name=name,
        hovertemplate="%{y:.8g} before step %{x}<extra>" + f"{name}</extra>",
    )
    if beside is not None and np.isfinite(beside).any():
        x, y = style.thin(np.arange(len(beside)), beside, 300)
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": style.PALETTE[1], "width": 2, "dash": "dot"},
            name="Pyro",
            hovertemplate="%{y:.8g} before step %{x}<extra>Pyro</extra>",
        )
        first = float(beside[0])
        style.label(fig, 0, first, "Pyro, dotted", style.PALETTE[1], dx=8, dy=8)
    fig.layout.showlegend = False
    fig.layout.xaxis.range = [0, max(T - 1, 1)]
    if np.isfinite(end):
        at = int(np.flatnonzero(np.isfinite(loss[chosen]))[-1])
        agree = "now" if verdict is None else f"{name}:"
        style.label(
            fig,
            at,
            end,
            f"{agree} {style.number(end, 4)}",
            style.COLLAPSED if bad[chosen] else style.PALETTE[0],
            anchor="right" if at > 0.3 * T else "left",
            dy=14,
        )
    if bad.sum() and verdict is not None:
        rows = np.flatnonzero(bad & (known > 1))
        if rows.size and rows[0] != chosen:
            middle = int(known[rows[0]] * 0.55)
            style.label(
                fig,
                middle,
                float(loss[rows[0], middle]),
                f"✕ {int(bad.sum())} collapsed",
                style.COLLAPSED,
                anchor="right",
                dy=-12,
                dx=-6,
            )
    return fig


def gradient_norms(
    norms: dict[str, Array], height: int = 320, of: str = "the chosen start"
) -> go.Figure:
    """Draw the 2-norm of the gradient of each site [T] against the step, on a log axis."""
    T = max((len(norm) for norm in norms.values()), default=1)
    said = []
    for name, norm in norms.items():
        finite = norm[np.isfinite(norm)]
        if finite.size:
            said.append(f"{_SITE_NAMES.get(name, name)} {finite[-1]:.2g}")
    now = f"now {', '.join(said)}" if said else "none yet"
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
        x, y = style.thin(np.arange(len(norm)), shown, 1000)
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colour, "width": 1.75, "dash": dash},
            name=_SITE_NAMES.get(name, name),
            hovertemplate="%{y:.3g} before step %{x}",
        )
        finite = shown[np.isfinite(shown)]
        if finite.size:
            ends.append((float(finite[-1]), _SITE_NAMES.get(name, name), colour))
    _label_ends(fig, ends, np.concatenate([*norms.values(), []]), height)
    fig.layout.showlegend = False
    fig.layout.xaxis.range = [0, max(T - 1, 1)]
    fig.layout.margin.r = 96
    return fig


def starting_losses(loss: Array, chosen: int, first_seed: int, height: int = 320) -> go.Figure:
    """Draw each start's loss before any step [R] against its seed, the chosen one marked."""
    R = len(loss)
    seeds = first_seed + np.arange(R)
    alt = f"Loss before any step of {R} starts, from {np.nanmin(loss):.5g} to "
    alt += f"{np.nanmax(loss):.5g}; the chosen start is seed {seeds[chosen]}."
    fig = style.figure(
        "Where the starts begin", "seed", "loss before any step", alt=alt, height=height
    )
    fig.add_scatter(
        x=seeds,
        y=loss,
        mode="markers",
        marker={"color": style.MUTED, "size": 6, "opacity": 0.7},
        customdata=np.arange(R),
        name="starts",
        hovertemplate="seed %{x}: %{y:.8g}<extra></extra>",
    )
    fig.add_scatter(
        x=[seeds[chosen]],
        y=[loss[chosen]],
        mode="markers",
        marker={"color": style.PALETTE[0], "size": 11},
        name="chosen",
        hovertemplate="seed %{x}: %{y:.8g}<extra>chosen</extra>",
    )
    style.label(
        fig,
        float(seeds[chosen]),
        float(loss[chosen]),
        f"seed {seeds[chosen]}: {style.number(float(loss[chosen]), 5)}",
        style.PALETTE[0],
        anchor="left" if chosen < 0.6 * R else "right",
        dx=10 if chosen < 0.6 * R else -10,
    )
    fig.update_layout(showlegend=False, hovermode="closest")
    return fig


def landscape(
    initial: Array,
    final: Array,
    verdict: NDArray[np.str_],
    basin: NDArray[np.int64],
    chosen: int,
    height: int = 320,
) -> go.Figure:
    """Draw each trained start's final loss against its initial one [R], by optimum.

    Starts that ended in the same optimum have one colour; collapsed ones are red crosses. Starts
    that went the same way are one larger mark, and a click names the first of them.
    """
    R = len(initial)
    sound = basin >= 0
    counts = np.bincount(basin[sound]) if sound.any() else np.zeros(0, int)
    lost = np.isin(verdict, ("collapsed", "failed"))
    # What still moves after polishing, where others settled, came to no optimum either.
    unsettled = (verdict == "moving") & (basin < 0)
    collapsed = lost | unsettled
    told = [f"{n:,} of {R:,} starts found {optimum(b)}" for b, n in enumerate(counts[:4])]
    alt = "Final against initial loss of each start: " + "; ".join(told)
    alt += f"; {int(lost.sum())} collapsed or failed"
    alt += f", {int(unsettled.sum())} came to no optimum." if unsettled.any() else "."
    fig = style.figure(
        "Where starts begin and end", "initial loss", "final loss", alt=alt, height=height
    )
    fig.layout.meta = {**fig.layout.meta, "customdata": "start"}
    shown = np.isfinite(initial) & np.isfinite(final)
    groups = [
        (np.flatnonzero((basin == b) & shown), optimum(b)) for b in range(min(6, len(counts)))
    ]
    looks: list[dict[str, object]] = [
        {"color": style.component_style(b).colour} for b in range(len(groups))
    ]
    groups += [(np.flatnonzero((basin >= 6) & shown), "other optima")]
    groups += [(np.flatnonzero(collapsed & shown), "collapsed")]
    looks += [{"color": style.MUTED}, {"color": style.COLLAPSED, "symbol": "x"}]
    for (rows, name), look in zip(groups, looks, strict=True):
        if not rows.size:
            continue
        # Ends that differ by less than a millionth differ by rounding alone.
        unit = np.array([1e-9, 1e-6])[:, None] * np.maximum(1.0, abs(final[rows]).max())
        ways = np.round(np.stack([initial[rows], final[rows]]) / unit)
        _, first, times = np.unique(ways, axis=1, return_index=True, return_counts=True)
        heads = rows[first]
        fig.add_scatter(
            x=initial[heads],
            y=final[heads],
            mode="markers",
            marker=look | {"size": 7 + 2 * np.sqrt(times - 1), "opacity": 0.6},
            customdata=heads,
            text=["" if n == 1 else f" and {n - 1} alike" for n in times],
            name=name,
            hovertemplate="start %{customdata}%{text}: %{x:.6g} → %{y:.6g}"
            + f"<extra>{name}</extra>",
        )
    for b, (rows, name) in enumerate(groups[: min(3, len(counts))]):
        share = f"{int(counts[b]):,} of {R:,} start{'' if R == 1 else 's'}"
        x, y = float(initial[rows].max()), float(final[rows[0]])
        colour = style.component_style(b).colour
        style.label(fig, x, y, f"{name}: {share}", colour, anchor="right", dy=15)
    rows = groups[-1][0]
    if rows.size:
        style.label(
            fig,
            float(np.median(initial[rows])),
            float(final[rows].max()),
            f"✕ {int(collapsed.sum()):,} collapsed{' or unsettled' if unsettled.any() else ''}",
            style.COLLAPSED,
            anchor="center",
            dy=15,
        )
    fig.add_scatter(
        x=[initial[chosen]],
        y=[final[chosen]],
        mode="markers",
        marker={
            "size": 18,
            "color": style.fade(style.INK, 0),
            "line": {"color": style.INK, "width": 1.5},
        },
        name="shown",
        hoverinfo="skip",
    )
    fig.update_layout(showlegend=False, hovermode="closest")
    if shown.any():
        # Where all ended alike, the axis would magnify the rounding of their last digits.
        low, high = float(final[shown].min()), float(final[shown].max())
        pad = max(0.12 * (high - low), 1e-3 * max(abs(low), abs(high)), 0.1)
        fig.update_yaxes(range=[low - pad, high + pad])
    return fig


def optimum(b: int) -> str:
    """Name an optimum by its number among the basins: 0 is the best."""
    return "best optimum" if b == 0 else f"optimum {b + 1}"


_TERMS = {
    "likelihood": ("log likelihood", style.INK, "solid"),
    "weights": ("prior of the weights", *_SITES["weights"]),
    "locs": ("prior of the locs", *_SITES["locs"]),
    "scale": ("prior of the scale", *_SITES["scale"]),
    "correlation": ("prior of the correlations", *_SITES["correlation"]),
}


def course(steps: NDArray[np.int64], terms: dict[str, Array], height: int = 320) -> go.Figure:
    """Draw what each term of the log joint [M] gained since the start, against the step [M].

    Differences, since the terms' sizes say nothing: what a fit climbs on is what grows.
    """
    gains = {name: term - term[0] for name, term in terms.items()}
    said = [f"{_TERMS[n][0]} {style.number(float(g[-1]))}" for n, g in gains.items()]
    fig = style.figure(
        "What the fit gained, term by term",
        "step",
        "gain in log joint since the start",
        alt=f"Gains from the first to the last step: {', '.join(said)}.",
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
    drawn = values[np.isfinite(values)]
    drawn = np.log10(drawn[drawn > 0]) if log else drawn
    pixels = 0.72 * height / max(float(np.ptp(drawn)) if drawn.size else 0.0, 1e-12)
    last, notes = -np.inf, []
    for value, name, colour in sorted(ends):
        place = float(np.log10(value)) if log else value
        moved = max(place, last + _LINE / pixels)
        dy = (moved - place) * pixels
        notes.append(style.note(fig, 1.0, value, name, colour, xref="paper", dx=6, dy=dy))
        last = moved
    style.labels(fig, notes)
