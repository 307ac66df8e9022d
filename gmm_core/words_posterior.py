"""What the draws of a posterior say, in plain sentences computed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.figures.style import number
from gmm_core.mixture import Mixture
from gmm_core.options import NutsOptions
from gmm_core.posterior_summary import ESS_EACH, R_HAT, Overview, SummaryRow, overview
from gmm_core.results import Posterior
from gmm_core.words import Segment, count, numeral

_SMALL = 12  # points that a sentence can still name one by one
_TOGETHER = 0.5  # more likely with each other than not
_MOVED = 0.9  # target acceptance that is tried against divergences


class Advice(NamedTuple):
    """What to know about a posterior, with the controls that answer it."""

    title: str
    body: str
    trap: bool = False
    label: str = ""
    updates: dict[str, object] | None = None


def posterior_answer(
    dataset: Dataset, mixture: Mixture, posterior: Posterior, look: Overview | None = None
) -> list[Segment]:
    """Say who shares a component, how labels behaved, and whether the chains can be trusted.

    Parameters
    ----------
    look : `overview(dataset, posterior)` when it is known already.
    """
    look = look or overview(dataset, posterior)
    K = mixture.n_components
    said = [_pairs(dataset, look, K)] if K > 1 else [_single(dataset, posterior)]
    if K > 1:
        said.append(_labels(look, K))
    said.append(_trust(look))
    return [Segment(" ".join(part for part in said if part))]


def advice(look: Overview, mixture: Mixture, options: NutsOptions) -> list[Advice]:
    """Explain what these draws suffer from, and what to do."""
    found = []
    row = look.log_joint
    more = min(20_000, 2 * options.draws)
    if look.n_chains < 2:
        found.append(
            Advice(
                "Has it converged?",
                "One chain cannot tell: one that is stuck looks as quiet as one that has arrived. "
                "Run a second one from elsewhere.",
                label="2 chains",
                updates={"chains": 2},
            )
        )
    elif row.r_hat is not None and row.r_hat > R_HAT:
        found.append(
            Advice(
                "The chains do not agree.",
                f"R-hat of the log joint is {_ratio(row.r_hat)}, and above {R_HAT} chains have "
                "not all seen the same posterior. Draw for longer, after a longer warm-up.",
                trap=True,
                label=f"{more:,} draws",
                updates={"draws": more, "warmup": max(options.warmup, 500)},
            )
        )
    elif row.ess_bulk is not None and row.ess_bulk < ESS_EACH * look.n_chains:
        found.append(
            Advice(
                "Are these enough draws?",
                f"They are worth {row.ess_bulk:,.0f} independent ones, and {ESS_EACH} for each "
                "chain are needed before R-hat means much.",
                label=f"{more:,} draws",
                updates={"draws": more},
            )
        )
    if look.divergences:
        total = look.n_chains * look.n_draws
        target = _MOVED if options.target_accept < _MOVED else 0.99
        cure = options.target_accept < target
        found.append(
            Advice(
                f"Why did {count(look.divergences, 'draw')} diverge?",
                f"The step was too long for where the posterior bends sharply, here in "
                f"{look.divergences:,} of {total:,} draws; what lies beyond is seen too seldom. "
                + (
                    "A higher target acceptance makes shorter steps."
                    if cure
                    else "Priors that keep components from emptying help more than shorter steps."
                ),
                trap=True,
                label=f"Target acceptance {target}" if cure else "",
                updates={"target_accept": target} if cure else None,
            )
        )
    if mixture.n_components > 1:
        found.append(switching(mixture.n_components))
    return found


def switching(K: int) -> Advice:
    """Explain why labels switch between K components."""
    return Advice(
        "Why do the labels switch?",
        f"Calling the components otherwise changes no probability, so every mode has "
        f"{_ways(K)} mirror images, itself included. A chain that stays in one has not seen "
        "them all, and one that jumps mixes what “component 1” means. Relabelled draws "
        "undo the jumps; the density and who shares a component never notice them.",
    )


def trust_words(look: Overview, rows: Sequence[SummaryRow]) -> str:
    """Say whether the chains agree on every quantity that does not depend on labels."""
    total = look.n_chains * look.n_draws
    known = [row for row in rows if row.r_hat is not None and row.ess_bulk is not None]
    if not known:
        return _trust(look)
    worst = max(known, key=lambda row: row.r_hat or 0.0)
    least = min(known, key=lambda row: row.ess_bulk or 0.0)
    r_hat, ess = worst.r_hat or 0.0, least.ess_bulk or 0.0
    needed = ESS_EACH * look.n_chains
    size = (
        f"the {total:,} draws are worth at least {ess:,.0f} independent ones "
        f"({least.name}), and {needed:,} are wanted"
    )
    if r_hat > R_HAT:
        return (
            f"Not yet: R-hat of the {worst.name} is {_ratio(r_hat)}, above {R_HAT}, so the chains "
            f"have not all seen the same posterior; {size}."
        )
    if ess < needed:
        return f"Almost: R-hat is at most {_ratio(r_hat)}, but {size}."
    divergent = f", and {count(look.divergences, 'draw')} diverged" if look.divergences else ""
    return (
        f"Yes: R-hat is at most {_ratio(r_hat)} on all {len(known)} quantities that do not depend "
        f"on labels; {size}{divergent}."
    )


def partial_answer(done: Posterior, options: NutsOptions) -> str:
    """Say that a run was stopped and what it kept."""
    chains = done.n_chains
    lost = options.chains - chains
    missing = f" {count(lost, 'chain')} had no draw yet." if lost else ""
    return (
        f"Stopped early: {count(done.n_draws, 'draw')} of {options.draws:,} in "
        f"{'each of ' if chains > 1 else ''}{count(chains, 'chain')} were kept.{missing}"
    )


def _pairs(dataset: Dataset, look: Overview, K: int) -> str:
    N, D = dataset.values.shape
    if len(look.rows) < N or N > _SMALL or N < 2:
        return _many(dataset, look, K)
    if D == 1:
        names = [_value(v) for v in dataset.values[look.rows, 0]]
        points = "Points"
    else:
        names, points = [f"{row + 1}" for row in look.rows], "Rows"
    groups = _groups(look.together)
    named = [g for g in groups if len(g) > 1]
    if not named:
        top = _highest(look.together)
        return (
            f"No two of these {N} points are together for sure: the likeliest pair shares a "
            f"component with probability {top:.2f}."
        )
    parts = []
    for group in named:
        low = min(look.together[i, j] for i in group for j in group if i < j)
        who = _listed([names[i] for i in group])
        if len(group) == 2:
            parts.append(f"{who} share a component with probability {_two(low)}")
        else:
            parts.append(f"any two of {who} with at least {_floor(low)}")
    if len(named[0]) > 2:
        group = named[0]
        low = min(look.together[i, j] for i in group for j in group if i < j)
        who = _listed([names[i] for i in group])
        parts[0] = f"{who} share a component with probability {_floor(low)} or more, pair by pair"
    for n in range(1, len(parts)):
        parts[n] = parts[n].replace(" share a component with probability", " with")
    said = f"{points} {', and '.join(parts)}"
    if len(groups) > 1:
        i, j = _closest(look.together, groups)
        said += f"; {names[i]} and {names[j]} with only {_two(look.together[i, j])}"
    return said + "."


def _many(dataset: Dataset, look: Overview, K: int) -> str:
    N, P = len(dataset.values), len(look.rows)
    off = look.together[~np.eye(P, dtype=bool)]
    if not off.size:
        return ""
    sure = float(np.mean((off > 0.95) | (off < 0.05)))
    which = f"these {N:,} points" if P == N else f"{P} of the {N:,} points"
    groups = [g for g in _groups(look.together) if len(g) > 1]
    return (
        f"Of {which}, {_floor_percent(sure)} of all pairs are together or apart with 95 % "
        f"certainty; they form {count(len(groups), 'group')}, from {numeral(K)} components."
    )


def _single(dataset: Dataset, posterior: Posterior) -> str:
    locs = posterior.draws["locs"][..., 0, 0]
    low, high = np.quantile(locs, (0.05, 0.95))
    name = f" of {dataset.columns[0]}" if len(dataset.columns) > 1 else ""
    return (
        f"The component's loc{name} lies between {number(float(low))} and {number(float(high))} "
        "with 90 % probability."
    )


def _labels(look: Overview, K: int) -> str:
    modes = "two mirrored modes" if K == 2 else f"{_ways(K)} mirror images of every mode"
    said = f"Which one is called “1” is arbitrary: the posterior has {modes}, and "
    chains = "this chain" if look.n_chains == 1 else "these chains"
    if look.jumps:
        times = {1: "once", 2: "twice"}.get(look.jumps, f"{look.jumps:,} times")
        return f"{said}{chains} jumped between them {times}."
    if look.labellings == 1:
        return f"{said}{chains} saw one of them only."
    return f"{said}none of these chains ever left its own; together they saw {look.labellings}."


def _trust(look: Overview) -> str:
    row = look.log_joint
    if look.n_chains < 2:
        return "One chain cannot tell whether it has converged: run at least two."
    if row.r_hat is None:
        return "These are too few draws to compare the chains: take more."
    if row.r_hat > R_HAT:
        return f"The chains do not agree yet (R-hat {_ratio(row.r_hat)}): take more draws."
    if row.ess_bulk is not None and row.ess_bulk < ESS_EACH * look.n_chains:
        return f"The draws are worth only {row.ess_bulk:,.0f} independent ones: take more."
    return f"The chains agree (R-hat {_ratio(row.r_hat)})."


def _groups(together: NDArray[np.float64]) -> list[list[int]]:
    """Points that hang together by pairs that are likelier together than apart."""
    left = set(range(len(together)))
    groups = []
    while left:
        group, edge = [], [min(left)]
        left.discard(edge[0])
        while edge:
            i = edge.pop()
            group.append(i)
            near = [j for j in sorted(left) if together[i, j] > _TOGETHER]
            left.difference_update(near)
            edge += near
        groups.append(sorted(group))
    return groups


def _closest(together: NDArray[np.float64], groups: list[list[int]]) -> tuple[int, int]:
    """Return the pair of two groups that is the most likely to be together."""
    of = {i: n for n, group in enumerate(groups) for i in group}
    P = len(together)
    pairs = [(i, j) for i in range(P) for j in range(i + 1, P) if of[i] != of[j]]
    return max(pairs, key=lambda pair: together[pair])


def _highest(together: NDArray[np.float64]) -> float:
    return float(np.max(together - 2 * np.eye(len(together))))


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _value(v: float) -> str:
    return f"{v:.4g}".replace("-", "−")


def _two(p: float) -> str:
    """Two decimals, never rounded to certainty."""
    if 0.995 < p < 1:
        return "more than 0.99"
    if 0 < p < 0.005:
        return "less than 0.01"
    return f"{p:.2f}"


def _floor(p: float) -> str:
    """Two decimals that are a bound: rounded down."""
    return f"{math.floor(100 * p + 1e-9) / 100:.2f}"


def _floor_percent(p: float) -> str:
    return f"{math.floor(100 * p + 1e-9)} %"


def _ratio(r_hat: float) -> str:
    """R-hat as it is read; what is above the limit never looks like it."""
    said = f"{r_hat:.2f}"
    return f"{r_hat:.3f}" if r_hat > R_HAT and float(said) <= R_HAT else said


def _ways(K: int) -> str:
    return numeral(math.factorial(K)) if K <= 6 else f"{K}!"
