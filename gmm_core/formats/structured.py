"""JSON: a list of numbers, of rows or of records, or an object of columns."""

from __future__ import annotations

import json
from typing import Any

from gmm_core.dataset import MAX_POINTS
from gmm_core.formats.table import (
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
        content = json.loads(text)
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
        split = content.get("columns"), content.get("data")
        if all(isinstance(part, list) for part in split):  # pandas' orient="split"
            content = [split[0], *split[1]]  # type: ignore[misc]
        else:
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
        lengths = [len(row) for row in content]
        if max(lengths) == 0:
            raise shape
        if min(lengths) < max(lengths):
            odd = next(i for i, n in enumerate(lengths) if n != lengths[0])
            raise Unreadable(
                f"The rows of the JSON differ in length: row {odd + 1} has {lengths[odd]} cells, "
                f"but the first has {lengths[0]}. Give every row the same number of cells."
            )
        return from_rows("JSON", [tuple(row) for row in content])
    if any(isinstance(row, (list, dict)) for row in content):
        raise shape
    return RawTable("JSON", ("value",), (content,), len(content), header=False)


def _json_columns(content: dict[str, Any], shape: Unreadable) -> RawTable:
    if len(content) > MAX_FILE_COLUMNS:
        raise too_wide(len(content))
    columns = []
    for column in content.values():
        if isinstance(column, dict):  # pandas' orient="columns": one entry per row label
            columns.append(list(column.values()))
        else:
            columns.append(column if isinstance(column, list) else [column])
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
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        return None
