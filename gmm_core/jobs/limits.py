"""What one person may ask for, and the sentences that say what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmm_core.options import CompareOptions, EmOptions, GuideOptions, MapOptions

if TYPE_CHECKING:
    from gmm_core.specification import Specification

_NUTS_GRADIENTS = 8  # gradients a draw, as in inference.estimate_seconds
_EM_STEPS = 200


def size(spec: Specification) -> float:
    """Numbers that a run looks at: points × columns × components × evaluations of them all."""
    N, D = spec.dataset.values.shape
    options = spec.options
    if isinstance(options, CompareOptions):
        from gmm_core import comparison

        each = sum(row.n_components for row in comparison.cells(options))
        return float(N * D * each * options.restarts * options.steps)
    return float(N * D * spec.mixture.n_components * _evaluations(spec))


def check_size(spec: Specification, limit: float) -> None:
    """Refuse a run that is too large for this server.

    Raises
    ------
    ValueError
        With the run's size, the limit, and what to lower.
    """
    found = size(spec)
    if 0 < limit < found:
        N, D = spec.dataset.values.shape
        raise ValueError(
            f"This run is too large for this server: {N:,} points × {D:,} columns × components × "
            f"{_WHAT[spec.kind]} make {found:.3g} evaluations, and {limit:.3g} is the limit "
            f"(GMM_RUN_SIZE). Use {_LESS[spec.kind]}."
        )


def check_waiting(n_waiting: int, limit: int) -> None:
    """Refuse one more run of a person who has many waiting.

    Raises
    ------
    ValueError
        With their number and the limit.
    """
    if 0 < limit <= n_waiting:
        raise ValueError(
            f"{n_waiting:,} of your runs are waiting, and {limit:,} is the limit "
            "(GMM_QUEUED_RUNS). Wait until one has started, or cancel one on the Runs page."
        )


def too_long(seconds: float, kind: str) -> str:
    """Say why a run was stopped at the limit of time."""
    return (
        f"Stopped after {seconds:,g} s, the limit of a run on this server (GMM_RUN_SECONDS). "
        f"What it had is kept. Use {_LESS.get(kind, 'fewer points')}."
    )


_WHAT = {
    "map": "starts × steps",
    "guide": "steps",
    "posterior": "chains × draws",
    "compare": "starts × steps of every mixture",
    "em": "steps",
}
_LESS = {
    "map": "fewer points, components, starts or steps",
    "guide": "fewer points, components or steps",
    "posterior": "fewer points, components, chains or draws",
    "compare": "fewer points, mixtures, starts or steps",
    "em": "fewer points or components",
}


def _evaluations(spec: Specification) -> float:
    options = spec.options
    if isinstance(options, MapOptions):
        return options.restarts * (options.steps if options.choose == "final" else 1) + (
            options.steps
        )
    if isinstance(options, GuideOptions):
        return options.steps
    if isinstance(options, EmOptions):
        return _EM_STEPS
    assert not isinstance(options, CompareOptions)
    return options.chains * (options.warmup + options.draws) * _NUTS_GRADIENTS
