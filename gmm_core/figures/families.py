"""A small picture of what a family of covariances shares: three ellipses."""

from __future__ import annotations

from math import exp

from gmm_core.figures.style import component_style
from gmm_core.mixture.family import Family

# Sizes, log ratios of the axes and directions in degrees of three components, apart enough to see.
_SIZES = (17.0, 9.0, 13.0)
_SHAPES = (0.55, 0.15, 0.35)
_DIRECTIONS = (-25.0, 40.0, 85.0)


def picture(family: Family) -> str:
    """Draw three ellipses of a family as SVG, with what they share as its description."""
    size, shape, direction = (
        values if letter == "V" else (values[0] if letter == "E" else none,) * 3
        for letter, values, none in zip(
            family.code, (_SIZES, _SHAPES, _DIRECTIONS), (0.0, 0.0, 0.0), strict=True
        )
    )
    ellipses = "".join(
        f'<ellipse cx="{40 + 75 * k}" cy="32" rx="{size[k] * exp(shape[k]):.1f}" '
        f'ry="{size[k] * exp(-shape[k]):.1f}" fill="{component_style(k).colour}" '
        f'fill-opacity="0.25" stroke="{component_style(k).colour}" stroke-width="2" '
        f'transform="rotate({direction[k]:g} {40 + 75 * k} 32)"/>'
        for k in range(3)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="230" height="64" viewBox="0 0 230 64" '
        f'role="img" aria-label="{family.code}: {family.words}">{ellipses}</svg>'
    )
