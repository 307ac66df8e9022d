"""What a specification refuses, said in words: the base of every model that a person fills in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Refused(ValueError):  # noqa: N818 - the name says what happened, as Cancelled does
    """A value that a model does not take.

    Attributes
    ----------
    field : name of the field, "" where a rule about several was broken.
    reason : the rest of the sentence after the field's name, or all of it.
    errors : each single refusal, as the validator tells them.
    """

    def __init__(self, model: type[BaseModel], errors: list[ErrorDetails]) -> None:
        self.errors = errors
        self.field, self.reason = _sentence(model, errors)
        super().__init__(f"{self.field} {self.reason}" if self.field else self.reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as the sentence alone."""
        return (ValueError, (str(self),))


class Model(BaseModel):
    """A frozen model that knows its fields, and refuses what it does not take in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:  # a type checker reads the arguments off the fields

        def __init__(self, **values):
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise Refused(type(self), list(_flat(error))) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: a model is frozen."""
        raise ValueError(
            f"{type(self).__name__} is frozen, but {name} was to become {value!r:.60}. Make "
            f"another one: model_copy(update={{{name!r}: ...}})."
        )

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a model of a dictionary, as the constructor does of its arguments."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise Refused(cls, list(_flat(error))) from None


def _flat(error: ValidationError) -> Iterator[ErrorDetails]:
    """Go through the refusals, those of a model inside this one with their place in it."""
    for item in error.errors(include_url=False):
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, Refused):
            for nested in inner.errors:
                yield {**nested, "loc": (*item["loc"], *nested["loc"])}
        else:
            yield item


_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "True or False",
    "bool_parsing": "True or False",
    "string_type": "text",
    "tuple_type": "a list",
    "none_required": "None",
    "greater_than": "a number above {gt:,.15g}",
    "greater_than_equal": "a number from {ge:,.15g} on",
    "less_than": "a number below {lt:,.15g}",
    "less_than_equal": "a number up to {le:,.15g}",
    "literal_error": "{expected}",
    "is_instance_of": "a {class}",
    "model_type": "a {class_name}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}


def _sentence(model: type[BaseModel], errors: list[ErrorDetails]) -> tuple[str, str]:
    """Return the field that was refused first, and what is to be said of it."""
    # Of a union's branches the one that got furthest has most to say.
    first = max(
        (item for item in errors if item["loc"][:1] == errors[0]["loc"][:1]),
        key=lambda item: len(item["loc"]),
    )
    field, owner, inner = "", model, model
    for part in first["loc"]:
        if part in inner.model_fields:
            field, owner = str(part), inner
            inside = inner.model_fields[field].annotation
            if isinstance(inside, type) and issubclass(inside, BaseModel):
                inner = inside
    if first["type"] == "value_error":
        return "", first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing" and not isinstance(first["loc"][-1], str):
        return field, f"is {first['input']!r:.60}, but one number more was expected. Add it."
    if first["type"] == "missing":
        return field, f"is missing in {owner.__name__}. Give it."
    if first["type"] == "extra_forbidden":
        fields = ", ".join(inner.model_fields)
        return str(first["loc"][-1]), f"is not known here. {inner.__name__} takes {fields}."
    same = [e for e in errors if e["input"] is first["input"] and e["type"] != "value_error"]
    expected = " or ".join(dict.fromkeys(_wanted(item) for item in same))
    return field, f"is {first['input']!r:.60}, but {expected} was expected. Correct it."


def _wanted(error: ErrorDetails) -> str:
    """Say what was expected in place of what came."""
    words = _WANTED.get(error["type"])
    if words is None:
        return error["msg"].removeprefix("Input should be ").removeprefix("Input should ")
    return words.format(**error.get("ctx", {}))
