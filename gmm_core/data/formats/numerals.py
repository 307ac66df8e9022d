"""What reads as a number, in files and in typed text: the grammar stands here and nowhere else."""

from __future__ import annotations

import math
import re

MISSING = frozenset(
    [
        "",
        "na",
        "n/a",
        "nan",
        "-nan",
        "null",
        "none",
        "nil",
        "missing",
        "n.a.",
        "n.d.",  # not determined, not detected
        "k.a.",  # keine Angabe
        "k. a.",
        "-",
        "--",
        "?",
        ".",
        "<na>",
        "#n/a",
        "#na",
        "#div/0!",
        "#value!",
        "#num!",
        "#ref!",
        "#name?",
        "#null!",
    ]
)
"""What programs write for "no value", in lower case; the last are Excel's errors."""

INFINITE = frozenset(s + w for s in ("", "+", "-") for w in ("inf", "infinity"))

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NUMBER_COMMA = re.compile(r"[+-]?(?:[0-9]*,[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?")

# No thousand begins with a zero: "0,123" can only be a decimal.
_SPACED = "(?:[ \u00a0][0-9]{3})+"
GROUPED = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:(?:,[0-9]{{3}})+|{_SPACED})(?:\.[0-9]*)?")
GROUPED_COMMA = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:(?:\.[0-9]{{3}})+|{_SPACED})(?:,[0-9]+)?")
"""Numbers whose thousands stand apart, by the decimal sign that goes with them."""


_POWER = re.compile("×10(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")
_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def typed_number(text: str) -> float | None:
    """Read a number as a person types it, or copies it from where this program shows it.

    The grammar of files, with a real minus sign and a power of ten beside it: "-1.5e-7" is
    "−1.5×10⁻⁷". None where it is none, or beyond the range of numbers. A comma stands between
    numbers, so it never stands within one.
    """
    plain = text.strip().replace("\u2212", "-")
    plain = _POWER.sub(lambda power: "e" + power[1].translate(_SUPERSCRIPT), plain)
    # float() alone also takes "1_000" and the digits of any script.
    value = float(plain) if NUMBER.fullmatch(plain) else math.nan
    return value if math.isfinite(value) else None


def is_number(cell: object, decimal: str = ".") -> bool:
    """Whether a cell holds a real number, or text that reads as one."""
    if isinstance(cell, str):
        text = cell.strip()
        pattern = NUMBER if decimal == "." else NUMBER_COMMA
        return bool(pattern.fullmatch(text)) or text.lower() in INFINITE
    if isinstance(cell, float):
        return not math.isnan(cell)
    return isinstance(cell, int) and not isinstance(cell, bool)


def is_missing(cell: object) -> bool:
    """Whether a cell says that there is no value."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def may_be_number(cell: object, decimal: str) -> bool:
    """Whether a cell reads as a number when its thousands may stand apart."""
    if is_number(cell, decimal):
        return True
    pattern = GROUPED if decimal == "." else GROUPED_COMMA
    return isinstance(cell, str) and bool(pattern.fullmatch(cell.strip()))
