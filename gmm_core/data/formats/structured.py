"""JSON: a list of numbers, of rows or of records, or an object of columns."""

from __future__ import annotations

import json
from typing import Any

from gmm_core.data.formats.table import (
    MAX_FILE_COLUMNS,
    MAX_OBJECTS,
    RawTable,
    Unreadable,
    from_rows,
    tidy_names,
    too_many_cells,
    too_many_rows,
    too_wide,
)
from gmm_core.data.values import MAX_POINTS
from gmm_core.formatting import listing

_DIGITS = 310  # of 1.8e308, with a sign


def read_json(text: str) -> RawTable:
    """Read a list of numbers, of rows or of records, or an object of columns."""
    # Counted before parsing: each bracket and comma costs the parser tens of bytes.
    brackets = text.count("[") + text.count("{")
    if brackets > MAX_POINTS + 10:
        raise too_many_rows(brackets)
    commas = text.count(",")
    if brackets == 1 and text.lstrip()[0] == "{" and commas >= MAX_FILE_COLUMNS:
        raise too_wide(commas + 1)
    if commas > MAX_OBJECTS:
        raise too_many_cells(commas, MAX_OBJECTS)
    try:
        content = _loads(text)
    except Unreadable:
        raise
    except RecursionError as error:
        raise Unreadable(
            "The JSON is nested too deeply to be a table. Give a list of numbers, a list of rows, "
            "or a list of records."
        ) from error
    except ValueError as error:
        content = _json_lines(text)
        if content is None:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise Unreadable(
                f"The file begins like JSON, but it is not valid JSON{where}. "
                "Write it again with a JSON program, or save the table as CSV."
            ) from error
    shape = Unreadable(
        "The JSON is not a table. Give a list of numbers, a list of rows of equal length, a list "
        'of records like {"x": 1, "y": 2}, or an object of columns like {"x": [1, 2]}.'
    )
    if isinstance(content, dict):
        split: Any = content.get("columns"), content.get("data")
        if all(isinstance(part, list) for part in split):  # pandas' orient="split"
            return _json_rows(split[1], shape, split[0])
        return _json_columns(content, shape)
    if not content:
        raise Unreadable("The JSON holds no rows. Choose a file with at least one row of numbers.")
    if all(isinstance(row, dict) for row in content):
        keys = list(dict.fromkeys(key for row in content for key in row))
        if not keys:
            raise shape
        if len(keys) > MAX_FILE_COLUMNS:
            raise too_wide(len(keys))
        if len(keys) * len(content) > MAX_OBJECTS:
            raise too_many_cells(len(keys) * len(content), MAX_OBJECTS)
        return _json_columns({key: [row.get(key) for row in content] for key in keys}, shape)
    if all(isinstance(row, list) for row in content):
        return _json_rows(content, shape)
    if any(isinstance(row, (list, dict)) for row in content):
        raise shape
    return RawTable("JSON", ("value",), (content,), len(content), header=False)


def _json_rows(rows: list[Any], shape: Unreadable, names: list[Any] | None = None) -> RawTable:
    """Read rows of cells; without names the first of them may be the header."""
    if not all(isinstance(row, list) for row in rows):
        raise shape
    every = rows if names is None else [names, *rows]
    lengths = [len(row) for row in every]
    if max(lengths) == 0:
        raise shape
    if min(lengths) < max(lengths):
        odd = next(i for i, n in enumerate(lengths) if n != lengths[0])
        row, first = (odd + 1, "the first has") if names is None else (odd, "the header has")
        raise Unreadable(
            f"The rows of the JSON differ in length: row {row} has {lengths[odd]} cells, "
            f"but {first} {lengths[0]}. Give every row the same number of cells."
        )
    return from_rows("JSON", [tuple(row) for row in every], header=names is not None or None)


def _json_columns(content: dict[str, Any], shape: Unreadable) -> RawTable:
    if len(content) > MAX_FILE_COLUMNS:
        raise too_wide(len(content))
    keyed = [column for column in content.values() if isinstance(column, dict)]
    columns: list[list[Any]] = []
    if keyed:  # pandas' orient="columns": one entry per row label
        if len(keyed) < len(content):
            raise Unreadable(
                "Some columns of the JSON name their rows and others do not, so that it is open "
                "which cells belong together. Give every column as a list, or with named rows."
            ) from shape
        labels = list(dict.fromkeys(label for column in keyed for label in column))
        if len(labels) * len(keyed) > MAX_OBJECTS:
            raise too_many_cells(len(labels) * len(keyed), MAX_OBJECTS)
        columns = [[column.get(label) for label in labels] for column in keyed]
    else:
        columns = [c if isinstance(c, list) else [c] for c in content.values()]
    lengths = {len(column) for column in columns}
    if not columns or lengths == {0}:
        raise Unreadable("The JSON holds no rows. Choose a file with at least one row of numbers.")
    if len(lengths) > 1:
        raise Unreadable(
            f"The columns of the JSON differ in length ({min(lengths)} to {max(lengths)} cells). "
            "Give every column the same number of cells."
        ) from shape
    return RawTable("JSON", tidy_names(list(content)), tuple(columns), lengths.pop(), header=True)


def _json_lines(text: str) -> list[Any] | None:
    """Read one JSON value per line, or None when the lines are not that."""
    if text.count("\n") > MAX_POINTS:
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        return [_loads(line) for line in lines]
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        return None


def _loads(text: str) -> Any:
    """Parse JSON, but refuse an object that names a key twice: one of the two would be lost."""
    return json.loads(text, object_pairs_hook=_object, parse_int=_integer)


def _integer(digits: str) -> int | float:
    """Read an integer; one that no float holds is infinite, as in every other format."""
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        left = set(members)
        for key, _ in pairs:
            if key not in left:
                break
            left.remove(key)
        raise Unreadable(
            f"An object in the JSON has {listing([key])} twice, and only one of the two could be "
            "read. Give each a name of its own."
        )
    return members
