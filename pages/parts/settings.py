"""The options of runs as settings on a page: each option is declared once, in its kind's model.

What a page keeps of an option, and the widget's key, is `kind.field`; of a pair of numbers each has
a key of its own, `kind.field.0` and `kind.field.1`. Type, limits, choices and default are those of
the model, so an option that a kind gains is kept, taken from links and given to runs at once, and
needs a widget only to be turned.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import is_tutorial
from gmm_core.mixture.refusals import Model
from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification
from gmm_core.words import settings as words
from pages.parts.platform import widget_state

# Where a page begins at something else than the library.
STARTING: dict[str, dict[str, Any]] = {
    "compare": {"start": "search", "restarts": 32},
    # Training all is what answers "is this the best optimum", and takes no longer than a blink.
    "map": {"choose": "final", "polish": True},
    # Shorter steps and more draws than usual: five points leave tails that chains cross slowly.
    "posterior": {"draws": 2000, "target_accept": 0.9},
}
# Of data other than the tutorial's: as the mixture to begin with is found, so that its fit comes to
# the optimum that it was chosen for. Adam throws components of many columns off their points, and
# from random points alone the best end may be one on a few repeated values.
_OWN: dict[str, dict[str, Any]] = {"map": {"method": "em", "start": "search"}}
# Choices that take more than a choice: a point to begin at.
_UNSEEN = ("given",)
# The nearest to a limit that itself is not allowed which a widget offers.
_NEAR = 1e-6


def begin() -> None:
    """Fill in what a new session starts with."""
    for key, value in _beginnings(_Sort()).items():
        st.session_state.setdefault(key, value)


def suit(data: Dataset) -> None:
    """Set engines and options for data of another sort: own, or with rows that stay in partitions.

    What was set stays where it begins alike for both sorts.
    """
    before, now = _beginnings(_sort()), _beginnings(_sort(data))
    st.session_state.update({key: v for key, v in now.items() if before[key] != v})


class _Sort(NamedTuple):
    """What options depend on, of data."""

    tutorial: bool = True
    sampled: bool = False


def _sort(data: Dataset | None = None) -> _Sort:
    """Return the sort of some data, by default of that in use."""
    data = st.session_state.get("dataset") if data is None else data
    if data is None:
        return _Sort()
    return _Sort(is_tutorial(data), data.whole is not None)


def _beginnings(sort: _Sort) -> dict[str, Any]:
    """Return what is kept of all options before a person changes any, by key."""
    kept = {}
    for kind in kinds.every():
        usual = kinds.usual(kind.name, sort.sampled)
        own = {} if sort.tutorial else _OWN.get(kind.name, {})
        begins = kind.options(**{**STARTING.get(kind.name, {}), **own, **usual.suggests})
        kept |= _state_of(kind.name, begins, usual.name)
    return kept


def take(spec: Specification) -> None:
    """Set all settings of a kind to those of a run."""
    st.session_state.update(_state_of(spec.kind, spec.options, spec.engine))
    # A page offers the engines of kinds alike as those of one.
    for kind in kinds.alike(spec.kind):
        st.session_state[f"{kind.name}.engine"] = spec.engine


def options(kind: str) -> Any:
    """Return the options of a kind as they are set.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """
    model, state = kinds.named(kind).options, st.session_state
    return model(
        **{
            field: tuple(state[key] for key in keys) if len(keys) > 1 else state[keys[0]]
            for field, keys in _keys(kind, model).items()
        }
    )


def engine(kind: str) -> str:
    """Return the engine that is set for a kind of run."""
    return str(st.session_state[f"{kind}.engine"])


def number(kind: str, field: str) -> dict[str, Any]:
    """Return what a number's widget is called with: label, key, limits and value."""
    model_field = _field(kind, field)
    widget_settings = widget_state.number(f"{kind}.{field}", *_limits(model_field))
    shown = {} if model_field.annotation is int else {"format": "%g"}
    return {"label": words.name(field), **widget_settings, **shown}


def most(kind: str, field: str) -> float:
    """Return the largest value that a number may have."""
    high = _limits(_field(kind, field))[1]
    return float("inf") if high is None else high


def choice(kind: str, field: str) -> dict[str, Any]:
    """Return what a list's widget is called with: label, key, choices and value."""
    # Who opened a run that begins at a point sees that it does.
    unseen = [v for v in _UNSEEN if v != st.session_state.get(f"{kind}.{field}")]
    listed = (
        [e.name for k in kinds.alike(kind) for e in kinds.engines(k.name, _sort().sampled)]
        if field == "engine"
        else [v for v in get_args(_field(kind, field).annotation) if v not in unseen]
    )
    return {
        "label": words.name(field),
        **widget_state.choice(f"{kind}.{field}", listed),
        "format_func": lambda value: words.value(field, value),
    }


def switch(kind: str, field: str) -> dict[str, Any]:
    """Return what a toggle is called with: label, key and value."""
    return {"label": words.name(field), **widget_state.value(f"{kind}.{field}")}


def named(kind: str, updates: dict[str, Any]) -> dict[str, Any]:
    """Return changes of a kind's options as changes of what is kept."""
    return {f"{kind}.{field}": value for field, value in updates.items()}


def _state_of(kind: str, options: Any, engine: str) -> dict[str, Any]:
    """Return what is kept of options, by key."""
    state: dict[str, Any] = {f"{kind}.engine": engine}
    for field, keys in _keys(kind, type(options)).items():
        value = getattr(options, field)
        if len(keys) > 1:
            state |= dict(zip(keys, value, strict=True))
        else:
            state[keys[0]] = list(value) if isinstance(value, tuple) else value
    return state


def _keys(kind: str, model: type[Model]) -> dict[str, list[str]]:
    """Return the keys of each field: several where it is a fixed number of numbers."""
    return {
        name: [f"{kind}.{name}.{i}" for i in range(len(_items(field)))] or [f"{kind}.{name}"]
        for name, field in model.model_fields.items()
    }


def _items(field: FieldInfo) -> tuple[Any, ...]:
    """Return the types of the numbers of a field that is a fixed number of them."""
    items = get_args(field.annotation) if get_origin(field.annotation) is tuple else ()
    return () if Ellipsis in items else items


def _field(kind: str, field: str) -> FieldInfo:
    """Return what the model says of a field, or with ".0" after its name of its first number."""
    name, _, item = field.partition(".")
    model_field: FieldInfo = kinds.named(kind).options.model_fields[name]
    return FieldInfo.from_annotation(_items(model_field)[int(item)]) if item else model_field


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    low = high = None
    for limit in field.metadata:
        match limit:
            case Ge(bound):
                low = bound
            case Le(bound):
                high = bound
            case Gt(bound):
                low = bound + _NEAR
            case Lt(bound):
                high = bound - _NEAR
    as_typed: Any = field.annotation
    low, high = (None if bound is None else as_typed(bound) for bound in (low, high))
    return low, high
