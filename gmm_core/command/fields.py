"""The fields of a model as options of a command: names, types, limits and defaults are the model's.

A text from the command line becomes the value that the model takes, or stays text where it is none:
what is wrong with it, the model says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import click
from pydantic import BaseModel

from gmm_core.data.formats.numerals import typed_number
from gmm_core.words import settings as words

_RANGE = re.compile(r"([0-9]+)(?:-|\.\.)([0-9]+)")
_WHOLE = re.compile("[-+\u2212]?[0-9]+")
_NOTHING = "none"
_Nothing = object()  # given as nothing, which is not the same as not given
_LONGEST = 1_000  # of a range, whose numbers are written out
_LIMITS = {"ge": "from", "minimum": "from", "exclusiveMinimum": "above"}
_UPPER = {"le": "to", "maximum": "to", "exclusiveMaximum": "below"}


def options(model: type[BaseModel], without: Collection[str] = ()) -> Iterator[click.Option]:
    """Make an option of each field of a model, `--first-seed` of `first_seed`.

    An option that is not given is None, so that the model's own default stands.

    Parameters
    ----------
    without : fields that are left out.
    """
    schema = model.model_json_schema()
    for name, field in schema["properties"].items():
        if name in without or "$ref" in field:
            continue
        flag = name.replace("_", "-")
        kinds = _branches(field)
        switch = any(branch.get("type") == "boolean" for branch in kinds)
        yield click.Option(
            [f"--{flag}/--no-{flag}" if switch else f"--{flag}", name],
            type=None if switch else Typed(field),
            is_flag=switch,
            default=None,
            help=f"{words.name(name)}{_limits(kinds)}.",
            show_default=_shown(field.get("default")),
        )


class Typed(click.ParamType):
    """A value of a field, as its JSON schema says."""

    name = "value"

    def __init__(self, field: dict[str, Any]) -> None:
        self._kinds = _branches(field)
        self._choices = next((b["enum"] for b in self._kinds if "enum" in b), None)
        self.name = {"array": "list", "integer": "integer", "number": "number"}.get(
            str(self._kinds[-1 if len(self._kinds) == 1 else 0].get("type")), "text"
        )

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Show the choices that there are."""
        return f"[{'|'.join(self._choices)}]" if self._choices else None

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read a text as this field's value."""
        if not isinstance(value, str):
            return value
        types = {str(branch.get("type")) for branch in self._kinds}
        if value.lower() == _NOTHING and "null" in types:
            return _Nothing
        lists = [branch for branch in self._kinds if branch.get("type") == "array"]
        if lists and ("," in value or types == {"array"} or types == {"array", "null"}):
            whole = lists[0].get("items", {}).get("type") == "integer"
            return tuple(
                item for part in value.split(",") if part for item in _items(part.strip(), whole)
            )
        return value if types == {"string"} else _number(value)


def typed(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Pick what was given of a model's fields."""
    values_given = {
        name: values[name] for name in model.model_fields if values.get(name) is not None
    }
    return {name: None if value is _Nothing else value for name, value in values_given.items()}


def _branches(field: dict[str, Any]) -> list[dict[str, Any]]:
    branches: list[dict[str, Any]] = field.get("anyOf", [field])
    return branches


def _items(part: str, whole: bool) -> list[object]:
    """Read one item of a list; "1-6" are six of them."""
    span = _RANGE.fullmatch(part) if whole else None
    if span:
        first, last = int(span[1]), int(span[2])
        if last - first < _LONGEST:
            return list(range(first, last + 1))
    return [_number(part)]


def _number(text: str) -> object:
    """Read a number by the grammar of every box; without point and power it is whole."""
    value = typed_number(text)
    if value is None:
        return text
    return int(value) if _WHOLE.fullmatch(text.strip()) else value


def _limits(branches: list[dict[str, Any]]) -> str:
    """Say between what a number has to be."""
    phrases = []
    for names in (_LIMITS, _UPPER):
        for branch in branches:
            limit = next((name for name in names if name in branch), None)
            if limit and branch.get("type") in ("integer", "number"):
                phrases.append(f"{names[limit]} {branch[limit]:,.10g}")
    lists = any(branch.get("type") == "array" for branch in branches)
    if lists:
        phrases.append("separated by commas")
    return f", {' '.join(phrases)}" if phrases else ""


def _shown(default: Any) -> str | bool:
    """Write a default as it would be typed."""
    if isinstance(default, list):
        parts = [p[0] if isinstance(p, list) else str(p) for p in default]
        return ",".join(dict.fromkeys(parts))
    if isinstance(default, bool):
        return "on" if default else "off"
    return _NOTHING if default is None else str(default)
