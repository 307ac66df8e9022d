"""What a run costs: its size, which a server limits, and about how many seconds it takes.

Both stand on one count, the evaluations of the run's kind: passes over all points for the log joint
and its gradient at one point of the mixture.
"""

from __future__ import annotations

from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification

CLIMB = 300
"""The most passes of a climb on rows that stay in partitions, where the options say none."""

PASSES = 15
"""About how many it makes: between two of them the sample says where EM leads."""

_PACKING = 8 / 40e6
"""Seconds to pack a number of a result: curves and draws hardly compress, at 40 MB a second."""


def size(spec: Specification) -> float:
    """Numbers that a run looks at: points × columns × components × evaluations of them all.

    The columns of a full covariance count squared: each point is multiplied by its factor.
    """
    return sum(numbers * count for _, _, numbers, count in _passes(spec))


def estimate_seconds(spec: Specification) -> float:
    """Estimate how long a run takes on one core, its result stored, to about a factor of two.

    The engine says how long an evaluation takes, as measured on two cores of a virtual machine.
    """
    kind, engine = kinds.named(spec.kind), kinds.engine_of(spec)
    evaluations = sum(
        count
        * (engine.per_evaluation + engine.per_density * densities + engine.per_number * numbers)
        for engine, densities, numbers, count in _passes(spec)
    )
    begin = kinds.parts(spec) * engine.begin
    return begin + evaluations + kind.overhead(spec) + _PACKING * kind.stored(spec)


def _passes(spec: Specification) -> list[tuple[kinds.Engine, int, int, float]]:
    """For each mixture that a run fits, densities and numbers of an evaluation, and their count.

    In front stands the engine that makes them: where a run goes to all rows of a sample, the sample
    itself is searched by another one.
    """
    N, D = spec.dataset.values.shape
    passes = []
    engine = kinds.engine_of(spec)
    first_engine = kinds.usual(spec.kind) if engine.passes else engine
    for mixture, count in kinds.named(spec.kind).evaluations(spec):
        K = mixture.n_components
        of_a_density = D if mixture.family.diagonal(D) else D * D
        passes.append((first_engine, N * K, N * K * of_a_density, count))
        if engine.passes:
            n = spec.dataset.n
            passes.append((engine, n * K, n * K * of_a_density, engine.passes))
    return passes
