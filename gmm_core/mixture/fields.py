"""Field types that the specifications share, and how a field is added to one later."""

from __future__ import annotations

from numbers import Integral
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field


def _plain(value: Any) -> Any:
    # NumPy's whole numbers are as good as Python's; a boolean is neither.
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


Whole = Annotated[int, Field(strict=True), BeforeValidator(_plain)]
"""A whole number, of Python or NumPy; 2.0, "2" and True are refused."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_ADDED_LATER: dict[str, Any] = {"added_later": True}


def Later(default: Any, **constraints: Any) -> Any:
    """Declare a field that was added after people had shared links to runs.

    While it stands at its default, `canonical` leaves it out: a run that was asked for before the
    field existed keeps its id, and a link that was shared then opens it. The default has to mean
    what the program did without the field.

    Parameters
    ----------
    default : an immutable value.
    constraints : as for pydantic's `Field`, such as `ge` and `le`.

    Examples
    --------
    >>> class Mixture(BaseModel):
    ...     n_components: int = 2
    ...     noise: bool = Later(False)
    """
    return Field(default, json_schema_extra=_ADDED_LATER, **constraints)


def canonical(model: BaseModel) -> dict[str, Any]:
    """Return what JSON holds of a model, without fields added later that stand at their default.

    That goes for the models inside it too, at every depth. `model_validate` fills them in again.
    `model_dump` leaves nothing out.
    """
    return _without_defaults(model, model.model_dump(mode="json"))


def _without_defaults(value: Any, dumped: Any) -> Any:
    """Walk a value beside what was dumped of it, where the two are built alike."""
    if isinstance(value, BaseModel) and isinstance(dumped, dict):
        return {
            name: _without_defaults(getattr(value, name), dumped[name])
            for name, field in type(value).model_fields.items()
            if field.json_schema_extra != _ADDED_LATER or getattr(value, name) != field.default
        }
    if isinstance(value, tuple | list) and isinstance(dumped, list):
        return [_without_defaults(*pair) for pair in zip(value, dumped, strict=True)]
    if isinstance(value, dict) and isinstance(dumped, dict):
        pairs = zip(value.values(), dumped.items(), strict=True)
        return {key: _without_defaults(item, inside) for item, (key, inside) in pairs}
    return dumped
