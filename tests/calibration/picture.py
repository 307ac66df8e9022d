"""The ranks as small histograms in one SVG, written by hand so that it needs no library."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

_WIDTH, _HEIGHT, _GAP, _LEFT, _TOP = 96, 54, 12, 132, 62
_BINS = 10
_BAND = 0.99  # of the counts of a bin when ranks are uniform


def picture(rows: Mapping[str, Mapping[str, NDArray[np.int64]]], kept: Mapping[str, int]) -> str:
    """Draw one row of histograms for each sampler, one histogram for each quantity.

    Parameters
    ----------
    rows : for each sampler the ranks of each quantity, from 0 to `kept`.
    kept : for each sampler the draws that each truth was ranked among.

    Returns
    -------
    SVG, readable on light and on dark.
    """
    names = list(next(iter(rows.values())))
    width = _LEFT + len(names) * (_WIDTH + _GAP)
    height = _TOP + len(rows) * (_HEIGHT + _GAP) + 26
    body = []
    for j, name in enumerate(names):
        x = _LEFT + j * (_WIDTH + _GAP) + _WIDTH / 2
        body.append(_text(x, _TOP - 8, name, "middle"))
    for i, (label, ranks) in enumerate(rows.items()):
        y = _TOP + i * (_HEIGHT + _GAP)
        n_sets = len(ranks[names[0]])
        first, _, second = label.partition(", ")
        body.append(_text(_LEFT - 12, y + _HEIGHT / 2 - 4, first, "end"))
        body.append(_text(_LEFT - 12, y + _HEIGHT / 2 + 11, f"{second}, {n_sets} sets", "end"))
        low, high = binom.interval(_BAND, n_sets, 1 / _BINS)
        unit = _HEIGHT / (1.35 * high)
        for j, name in enumerate(names):
            x = _LEFT + j * (_WIDTH + _GAP)
            counts = np.bincount(ranks[name] * _BINS // (kept[label] + 1), minlength=_BINS)
            body.append(_box(x, y + _HEIGHT - high * unit, _WIDTH, (high - low) * unit, "#bbbbbb"))
            step = _WIDTH / _BINS
            body += [
                _box(x + b * step + 0.4, y + _HEIGHT - n * unit, step - 0.8, n * unit, "#0072B2")
                for b, n in enumerate(counts.tolist())
            ]
            body.append(_box(x, y + _HEIGHT, _WIDTH, 0.6, "#555555"))
    title = "Rank of the truth among the draws: flat where a sampler is right"
    foot = f"Grey: where {_BAND:.0%} of the bars of uniform ranks lie."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="11" fill="#222222">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="12" y="24" font-size="15" font-weight="600">{escape(title)}</text>',
            *body,
            _text(width - _GAP, height - 10, foot, "end"),
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )
