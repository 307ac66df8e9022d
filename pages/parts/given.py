"""Points that runs begin at: they came with an opened run, and are of its data and mixture."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification
from pages.parts import settings


def giving(spec: Specification) -> dict[str, Any]:
    """Return the settings by which the run of a specification begins at its points."""
    return {"given": ((spec.dataset, spec.mixture), spec.parameters)}


def points(kind: str, data: Dataset, mixture: Mixture) -> Parameters | None:
    """Return the points that a kind is set to begin at, where they are of this data and mixture."""
    if not kinds.named(kind).starts_from_point(settings.options(kind)):
        return None
    of, parameters = st.session_state.get("given", (None, None))
    return parameters if of == (data, mixture) else None


def forget(data: Dataset, mixture: Mixture) -> None:
    """Let kinds begin where they do by default whose points are of other data or mixtures.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """
    for kind in kinds.every():
        begins = kind.options()
        if (
            not kind.starts_from_point(begins)
            and kind.starts_from_point(settings.options(kind.name))
            and points(kind.name, data, mixture) is None
        ):
            st.session_state.update(settings.named(kind.name, {"start": begins.start}))
