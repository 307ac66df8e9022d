"""What a sweep suggests for data, and what another choice costs, in sentences."""

from __future__ import annotations

from gmm_core.comparison.suggestion import Suggestion
from gmm_core.formatting import number, numeral
from gmm_core.mixture import Mixture
from gmm_core.words.comparison import components

_LITTLE = 2.0
"""Differences of BIC that are hardly worth a mention (Kass and Raftery 1995)."""


def chosen(suggestion: Suggestion, n_columns: int) -> str:
    """Say which mixture was chosen for the data, and which came second."""
    best, second = suggestion.best, suggestion.runner_up
    sentence = (
        f"{components(best.cell, n_columns).capitalize()}: chosen by BIC among "
        f"{len(suggestion.rows)} mixtures"
    )
    if second is not None:
        behind = number(second.bic - best.bic)
        sentence += f"; {components(second.cell, n_columns)} came second, {behind} behind"
    most = max(row.n_components for row in suggestion.rows)
    if 1 < best.n_components == most:
        return (
            f"{sentence}. More than {numeral(most)} components were not tried, and may suit "
            "better: the Compare page tells."
        )
    return f"{sentence}."


def not_compared(mixture: Mixture) -> str:
    """Say what this mixture has that those of the sweep had not."""
    more = [
        words
        for words, has in (
            ("noise", mixture.noise),
            ("fixed classes", mixture.classes_fixed),
            ("conjugate priors", mixture.priors.freedom is not None),
        )
        if has
    ]
    return (
        f"The mixture to begin with was chosen without {' or '.join(more)}; the Compare page "
        "weighs mixtures that have the same."
    )


def cost(suggestion: Suggestion, mixture: Mixture, n_columns: int) -> str:
    """Say what it costs to stay with this mixture; "" where it costs hardly anything."""
    behind = suggestion.cost(mixture)
    if behind is not None and behind < _LITTLE:
        return ""
    best = components(suggestion.best.cell, n_columns)
    suit = "suits" if suggestion.best.n_components == 1 else "suit"
    if behind is None:
        return f"By BIC, {best} {suit} these points best of the mixtures that were compared."
    return f"By BIC, {best} {suit} these points better, by {number(behind)}."
