"""What a compiled pair of a family of covariances is.

`expand` turns a family's unconstrained coordinates into log scales and factors, and adds its log
prior; `pull` turns the gradient by log scales and factors into one by coordinates. The kernel calls
both by address, once for each evaluation, so that its loops over points see factors only, and a new
family compiles nothing but its own pair.

A pair works on pointers into the kernel's arrays (see `SIGNATURE`); what it has to know of the
mixture it reads at `OWN_LAYOUT` in the layout and from `own_numbers` on in the numbers, where its
`pack` has put it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from gmm_core.engines.compiling import cfunc, njit
from gmm_core.engines.layout import D_, HEAD, K_, STICKS, WEIGHTS
from gmm_core.mixture import Mixture

Array = NDArray[np.float64]

_numbers = types.CPointer(types.float64)
SIGNATURE = types.float64(
    types.float64,  # value: the log joint so far; NaN as the result says that a scale is no number
    _numbers,  # q [P], the point
    types.CPointer(types.int64),  # layout
    _numbers,  # numbers
    _numbers,  # grad [P], to add to
    _numbers,  # log_scales [K, D], for expand to fill
    _numbers,  # inverse [K, D], exp of minus these
    _numbers,  # factors [G, D, D], for expand to fill where the layout has any
    _numbers,  # slopes [K, D], the gradient by log scales, or [G, D] where there are factors
    _numbers,  # products [G, D, D], the gradient by factors
)
"""The arguments of `expand` and `pull`; both return the log joint with what they add to it."""

# A scale beyond exp(700) or below exp(-700) is about to leave the range of numbers.
LARGEST_LOG_SCALE = 700.0


@dataclass(frozen=True)
class Packed:
    """What a family tells its pair.

    constants : normalisations of its priors, to add to the log joint one after the other.
    layout, numbers : the family's own, as its pair reads them.
    """

    constants: tuple[float, ...]
    layout: tuple[int, ...]
    numbers: Array


@dataclass(frozen=True)
class Pair:
    """How a family is packed, expanded and pulled back; the last two are compiled when first used.

    pack : called with the mixture, D, and whether log |Jacobian| is part of the objective.
    """

    pack: Callable[[Mixture, int, bool], Packed]
    expand: Callable[..., float]
    pull: Callable[..., float]


@cache
def compiled(function: Callable[..., float]) -> Any:
    """Return the C function of an `expand` or `pull`; its `address` is what the kernel calls."""
    return cfunc(SIGNATURE, cache=True)(function)


@njit(cache=True)
def first_site(layout):
    """Return where in a point the coordinates of the covariances begin."""
    W = layout[WEIGHTS]
    return (W - 1 if layout[STICKS] != 0 else W) + layout[K_] * layout[D_]


@njit(cache=True)
def own_numbers(layout):
    """Return where in the numbers those of the family begin."""
    return HEAD + 3 * layout[D_]
