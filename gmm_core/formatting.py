"""Numbers, counts and names as people read them: three digits, a real minus sign, quotes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

MINUS, THIN_SPACE = "\u2212", "\u202f"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(x: float, digits: int = 3) -> str:
    """Format `x` for reading: `digits` significant digits, never fewer than its whole part.

    >>> number(0.65066), number(17443.2), number(-1.5e-7)
    ('0.651', '17,443', '−1.50×10⁻⁷')
    """
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else MINUS + "∞"
    if x == 0:
        return "0"
    if isinstance(x, (int, np.integer)) and abs(x) < 10**9:
        return f"{x:,}".replace("-", MINUS)
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        text = f"{mantissa}×10{str(power).translate(_SUPERSCRIPT)}"
    else:
        text = f"{x:,.{max(digits - 1 - power, 0)}f}"
    return text.replace("-", MINUS)


def rounded(value: float, scale: float) -> str:
    """Round to about a hundredth of a scale: 10.98446 at a scale of 0.65 reads "10.98"."""
    decimals = 1 - math.floor(math.log10(scale)) if scale > 0 else 3
    if not -6 < decimals < 8 or abs(value) >= 1e9:
        return number(value, 4)
    return f"{value:,.{max(decimals, 0)}f}".replace("-", MINUS)


def percent(p: float) -> str:
    """Format the probability `p` for reading: whole percents, a decimal near 0 and 1.

    >>> percent(0.6249), percent(0.99962), percent(1.0)
    ('62\u202f%', '>\u202f99.9\u202f%', '100\u202f%')
    """
    if math.isnan(p):
        return "–"
    if p in (0, 1):
        text = f"{100 * p:.0f}"
    elif p < 0.001:
        text = f"<{THIN_SPACE}0.1"
    elif p > 0.999:
        text = f">{THIN_SPACE}99.9"
    elif p < 0.01 or p > 0.99:
        text = f"{100 * p:.1f}"
    else:
        # A half goes to the even side, also where rounding noise put it beside the half: 62.5 and
        # 37.5 are 62 and 38 from every start, and sum to 100.
        text = f"{round(100 * p, 4):.0f}"
    return f"{text}{THIN_SPACE}%"


_NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def member(k: int, n_components: int) -> str:
    """Name what a point belongs to, counted from 0: "component 1", and behind the last "noise"."""
    return "noise" if k == n_components else f"component {k + 1}"


def numeral(n: int) -> str:
    """Spell a count up to ten: 2 -> "two", 12 -> "12"."""
    return _NUMERALS[n] if 0 <= n < len(_NUMERALS) else f"{n:,}"


def count(n: int, noun: str) -> str:
    """Count things: (1, "point") -> "1 point", (5, "point") -> "5 points"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def place(x: float, spread: float) -> str:
    """Format a place with the digits that a window of length `spread` shows, at least three.

    >>> place(5.7210, 18.0), place(100000005.72, 18.0)
    ('5.72', '1.0000000572×10⁸')
    """
    if not (spread > 0 and np.isfinite(spread)) or x == 0:
        return number(x)
    digits = int(np.floor(np.log10(abs(x))) - np.floor(np.log10(spread))) + 3
    return number(x, min(max(digits, 3), 15))


def listing(names: Iterable[object], limit: int = 8) -> str:
    """Quote names for a message, and count those beyond `limit`."""
    texts = [str(n) for n in names]
    shown = ", ".join(f'"{t if len(t) <= 60 else t[:57] + "..."}"' for t in texts[:limit])
    return shown if len(texts) <= limit else f"{shown} and {len(texts) - limit} more"


def ordinal(n: int) -> str:
    """Write a whole number as a place in a row: "2nd", "1,011th"."""
    end = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{end}"
