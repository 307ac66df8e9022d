"""Which sign is the decimal one and which stands between thousands, judged from the whole file.

"1,234" is 1.234 to some and 1234 to others, a thousandfold apart. Every cell is therefore looked
at, not a sample; where the file decides, that is followed, and where it does not, a sentence says
what was taken. A file writes its numbers in one way: a cell that contradicts it is not read.
"""

from __future__ import annotations

from typing import Any

from gmm_core.data.formats.numerals import GROUPED

_HEAD = r"[+-]?[1-9][0-9]{0,2}"
_SIGNED = "[+-]?[0-9.,][0-9., \u00a0]*(?:[eE][+-]?[0-9]+)?"
_SPACED = _HEAD + "(?:[ \u00a0][0-9]{3})+(?:[.,][0-9]+)?"

TYPING_ERRORS = 10
"""One decimal comma among more cells than this with a point is a slip, not the file's way."""


def plain_decimals(columns: list[Any], delimiter: str) -> tuple[list[Any], str, tuple[str, ...]]:
    """Rewrite numbers with a decimal point and nothing between their thousands.

    Parameters
    ----------
    columns : pyarrow arrays of strings, without the header.
    delimiter : between the cells; a comma there is not taken as the decimal sign.

    Returns
    -------
    The columns, the decimal sign of the file, and sentences about what was taken for what.
    """
    import pyarrow.compute as pc

    doubtful = "[, \u00a0]" if delimiter == "," else "[, \u00a0]|[0-9]\\.[0-9]{3}\\."
    if not any(_matches(c, doubtful) for c in columns):
        return columns, ".", ()
    marked = [d for d, c in enumerate(columns) if _mostly_digits(c)]
    seen = _Seen([columns[d] for d in marked])
    decimal, ambiguous = seen.decimal(delimiter)
    notes: list[str] = []
    if ambiguous:
        notes.append(_taken(seen.comma_groups, ",", decimal))
    grouped, against, mark = (
        (seen.comma_groups, seen.commas, ",")
        if decimal == "."
        else (seen.point_groups, seen.points, ".")
    )
    thousands = bool(grouped.count) and not against.count
    if thousands and not ambiguous:
        notes.append(_taken(grouped, mark, decimal))
    elif against.count:
        refused = [str(cells) for cells in (against, grouped) if cells.count]
        notes.append(
            f"Not read: {' and '.join(refused)}, since the {_NAMES[mark]} can be neither the "
            "decimal sign nor stand between thousands there. Write all numbers in one way."
        )
    spaces = bool(seen.spaced.count) and not seen.torn.count
    if spaces:
        notes.append(_taken(seen.spaced, " ", decimal))
    for d in marked:
        column = columns[d]
        if decimal == ",":
            digits = pc.match_substring_regex(column, "[0-9]")  # a lone "." says "missing"
            swapped = pc.replace_substring(column, ",", "\x1e")
            swapped = pc.replace_substring(swapped, ".", ",")
            column = pc.if_else(digits, pc.replace_substring(swapped, "\x1e", "."), column)
        for mark, allowed in ((",", thousands), ("[ \u00a0]", spaces)):
            if allowed:
                fits = _whole(column, GROUPED.pattern)
                column = pc.if_else(fits, pc.replace_substring_regex(column, mark, ""), column)
        columns = [*columns[:d], column, *columns[d + 1 :]]
    return columns, decimal, tuple(notes)


class _Cells:
    """How many cells of a kind there are, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def add(self, column: Any, chosen: Any) -> int:
        """Count the chosen cells of a column."""
        import pyarrow.compute as pc

        matches = int(pc.sum(chosen).as_py() or 0)
        if matches and not self.count:
            self.first = column.filter(chosen)[0].as_py().strip()
        self.count += matches
        return matches

    def __str__(self) -> str:
        """Say how many, with an example."""
        cells = "1 cell" if self.count == 1 else f"{self.count:,} cells"
        return f'{cells} such as "{self.first}"'


class _Seen:
    """The cells that speak for one way of writing numbers or the other.

    Attributes
    ----------
    points, commas : cells in which this can only be the decimal sign.
    point_groups, comma_groups : cells in which it may stand between thousands, or only can.
    spaced, torn : cells of thousands apart by a space, and of digits apart in another way.
    short : whether a column has comma groups and also numbers too small to have one.
    """

    def __init__(self, columns: list[Any]) -> None:
        self.points, self.commas = _Cells(), _Cells()
        self.point_groups, self.comma_groups = _Cells(), _Cells()
        self.spaced, self.torn = _Cells(), _Cells()
        self.certain = {".": 0, ",": 0}
        self.short = False
        for column in columns:
            self._look(column, ".", ",", self.points, self.comma_groups)
            if self._look(column, ",", ".", self.commas, self.point_groups):
                self.short |= _matches(column, r"^\s*[+-]?[0-9]{1,3}\s*$")
            if _any(column, " ") or _any(column, "\u00a0"):
                self._look_at_spaces(column)

    def _look(self, column: Any, decimal: str, mark: str, plain: _Cells, groups: _Cells) -> bool:
        """Count the cells where one sign is the decimal one, and where it may be the other's."""
        import pyarrow.compute as pc

        ambiguous = _whole(column, rf"{_HEAD}[{decimal}][0-9]{{3}}")
        sign = pc.and_(
            _whole(column, rf"[+-]?[0-9]*[{decimal}][0-9]*(?:[eE][+-]?[0-9]+)?"),
            pc.match_substring_regex(column, "[0-9]"),
        )
        plain.add(column, pc.and_not(sign, ambiguous))
        certain = _whole(
            column,
            rf"{_HEAD}(?:(?:[{mark}][0-9]{{3}})+[{decimal}][0-9]*|(?:[{mark}][0-9]{{3}}){{2,}})",
        )
        self.certain[decimal] += groups.add(column, certain)
        groups.add(column, _whole(column, rf"{_HEAD}[{mark}][0-9]{{3}}"))
        return bool(pc.any(ambiguous).as_py())

    def _look_at_spaces(self, column: Any) -> None:
        import pyarrow.compute as pc

        groups = _whole(column, _SPACED)
        self.spaced.add(column, groups)
        digits = _whole(column, "[+-]?[0-9]+(?:[ \u00a0][0-9]+)+(?:[.,][0-9]+)?")
        self.torn.add(column, pc.and_not(digits, groups))
        for sign, plain in ((".", self.points), (",", self.commas)):
            plain.add(column, pc.and_(groups, pc.match_substring(column, sign)))

    def decimal(self, delimiter: str) -> tuple[str, bool]:
        """Choose the decimal sign, and say whether the file leaves it open."""
        for_point = self.points.count + self.certain["."]
        for_comma = self.commas.count + self.certain[","]
        if delimiter == ",":
            return ".", False
        if for_comma > for_point and for_comma * TYPING_ERRORS >= self.point_groups.count:
            return ",", False
        if for_point or for_comma or not self.comma_groups.count:
            return ".", False
        # Nothing but "1,234". Numbers without a comma are then those below a thousand; where there
        # are none, this is how programs write three decimals, and all differ by the same factor.
        return ("." if self.short or self.point_groups.count else ","), True


_NAMES = {",": "comma", ".": "point", " ": "space"}


def _taken(cells: _Cells, mark: str, decimal: str) -> str:
    """Say how cells with a sign that can be read in two ways were read, and how else."""
    first = cells.first
    joined = first.replace("\u00a0", " ").replace(mark, "")
    if mark == decimal:
        pointed = first.replace(mark, ".")
        return (
            f"The comma in {cells} was taken as the decimal sign ({pointed}). "
            f"If it stands between thousands, remove it ({joined})."
        )
    taken = f"The {_NAMES[mark]} in {cells} was taken to stand between thousands ({joined})."
    if mark == "," and first.count(",") == 1 and "." not in first:
        taken += f" If it is the decimal sign, write a point ({first.replace(',', '.')})."
    return taken


def _any(column: Any, sign: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(column, sign)).as_py())


def _matches(column: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _whole(column: Any, pattern: str) -> Any:
    import pyarrow.compute as pc

    return pc.match_substring_regex(column, rf"^\s*(?:{pattern})\s*$")


def _mostly_digits(column: Any) -> bool:
    """Whether a column may be one of numbers: cells in a column of text say nothing of signs."""
    import pyarrow.compute as pc

    filled = pc.sum(pc.match_substring_regex(column, r"\S")).as_py() or 0
    return 2 * (pc.sum(_whole(column, _SIGNED)).as_py() or 0) >= filled > 0
