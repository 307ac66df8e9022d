"""Arithmetic of colours that are written #RRGGBB: their channels, ramps, and contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_READABLE = 4.5  # contrast of text with its page, WCAG 2.2, 1.4.3


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of #RRGGBB, 0 to 255.

    Raises
    ------
    ValueError
        When the colour is written otherwise.
    """
    if len(colour) != 7 or not colour.startswith("#"):
        raise ValueError(f"A colour is written #RRGGBB, but {colour!r} came. Pass six hex digits.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ramp(colours: Sequence[str], steps: int) -> list[str]:
    """Return so many colours along these, evenly."""
    places = np.linspace(0, len(colours) - 1, steps)
    along = [
        np.interp(places, range(len(colours)), channel)
        for channel in np.array([channels(colour) for colour in colours]).T
    ]
    return [_written(mixed) for mixed in np.transpose(along)]


def until_readable(colour: str, page: str, towards: str) -> str:
    """Mix `colour` with `towards` by as little as makes text in it readable on `page`."""
    start, end = np.array(channels(colour)), np.array(channels(towards))
    page_light = _luminance(channels(page))
    for share in np.linspace(0.02, 1.0, 50):
        mixed = np.rint(start + share * (end - start))
        low, high = sorted((_luminance(mixed), page_light))
        if (high + 0.05) / (low + 0.05) >= _READABLE:
            break
    return _written(mixed)


def _written(mixed: ArrayLike) -> str:
    return "#" + "".join(f"{round(float(channel)):02X}" for channel in np.asarray(mixed))


def _luminance(of: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, WCAG 2.2."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in of)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
