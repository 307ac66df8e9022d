"""What the draws of a posterior say, in plain sentences computed from them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.formatting import count, number, numeral, ordinal
from gmm_core.mixture import Mixture
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.invariants import groups
from gmm_core.posterior.overview import Overview, overview
from gmm_core.posterior.summary import ESS_EACH, R_HAT
from gmm_core.runs.options import NutsOptions, SmcOptions
from gmm_core.words.segments import Segment
from gmm_core.words.weighed import weighed_words

_SMALL = 12  # points that a sentence can still name one by one
_MOVED = 0.9  # target acceptance that is tried against divergences


class Advice(NamedTuple):
    """What to know about a posterior, with the controls that answer it."""

    title: str
    body: str
    trap: bool = False
    label: str = ""
    updates: dict[str, object] | None = None


def posterior_answer(
    dataset: Dataset, mixture: Mixture, posterior: Posterior, summary: Overview | None = None
) -> list[Segment]:
    """Say who shares a component, how labels behaved, and whether the chains can be trusted.

    Parameters
    ----------
    summary : `overview(dataset, posterior)` when it is known already.
    """
    summary = summary or overview(dataset, posterior)
    K = mixture.n_components
    sentences = [_pairs(dataset, summary, K)] if K > 1 else [_single(dataset, posterior)]
    if weighed := weighed_words(summary):
        sentences.append(weighed)
    else:
        if K > 1:
            sentences.append(_labels(summary, K))
        sentences.append(_agreement(summary))
    return [Segment(" ".join(part for part in sentences if part))]


def advice(summary: Overview, mixture: Mixture, options: NutsOptions) -> list[Advice]:
    """Explain what these draws suffer from, and what to do."""
    cures = []
    agreement = summary.agreement
    more = min(20_000, 2 * options.draws)
    if summary.n_chains < 2:
        cures.append(
            Advice(
                "Has it converged?",
                "One chain cannot tell: one that is stuck looks as quiet as one that has arrived. "
                "Run a second one from elsewhere.",
                label="2 chains",
                updates={"chains": 2},
            )
        )
    elif agreement.far:
        cures.append(
            Advice(
                "The chains do not agree.",
                f"R-hat of the {agreement.worst.name} is {_ratio(agreement.r_hat)}: chains keep "
                "to modes of their own, and to draw for longer would only say so again. Weighing "
                "the modes gives each its share.",
                trap=True,
                label="Weigh the modes",
                updates={"engine": "smc"},
            )
        )
    elif agreement.verdict == "apart":
        cures.append(
            Advice(
                "The chains do not agree.",
                f"R-hat of the {agreement.worst.name} is {_ratio(agreement.r_hat)}, and "
                f"above {R_HAT} chains have not all seen the same posterior. Draw for longer, "
                "after a longer warm-up; where chains keep to modes of their own only weighing the "
                "modes helps.",
                trap=True,
                label=f"{more:,} draws",
                updates={"draws": more, "warmup": max(options.warmup, 500)},
            )
        )
    elif agreement.verdict == "few":
        cures.append(
            Advice(
                "Are these enough draws?",
                f"The effective sample size of the {agreement.least.name} is "
                f"{agreement.ess:,.0f}, and {ESS_EACH} for each chain are needed before R-hat "
                "means much.",
                label=f"{more:,} draws",
                updates={"draws": more},
            )
        )
    if summary.divergences:
        total = summary.n_chains * summary.n_draws
        target = _MOVED if options.target_accept < _MOVED else 0.99
        cure = options.target_accept < target
        cures.append(
            Advice(
                f"Why did {count(summary.divergences, 'draw')} diverge?",
                f"In {summary.divergences:,} of {total:,} draws the step size was too large for a "
                "sharply curved region, which is therefore undersampled. "
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
        cures.append(switching(mixture.n_components))
    return cures


def switching(K: int) -> Advice:
    """Explain why labels switch between K components."""
    return Advice(
        "Why do the labels switch?",
        f"Swapping the labels changes nothing, so each mode appears {_often(K)}. A chain that "
        "stays in one has not seen them all, and one that jumps mixes what “component 1” means. "
        "Relabelled draws undo the jumps; the density and who shares a component do not depend on "
        "labels.",
    )


def trust_words(summary: Overview) -> str:
    """Say whether the chains agree on every quantity that does not depend on labels."""
    total = summary.n_chains * summary.n_draws
    agreement = summary.agreement
    if agreement.verdict == "unknown":
        return _agreement(summary)
    needed = ESS_EACH * summary.n_chains
    size = (
        f"the smallest effective sample size of {total:,} draws is {agreement.ess:,.0f} "
        f"({agreement.least.name}; {needed:,} is enough)"
    )
    if agreement.verdict == "apart":
        return (
            f"Not yet: R-hat of the {agreement.worst.name} is {_ratio(agreement.r_hat)}, above "
            f"{R_HAT}, so the chains have not all seen the same posterior; {size}."
        )
    if agreement.verdict == "few":
        return f"Almost: R-hat is at most {_ratio(agreement.r_hat)}, but {size}."
    text = (
        f"R-hat is at most {_ratio(agreement.r_hat)} on all {agreement.known} quantities that do "
        f"not depend on labels; {size}."
    )
    if summary.divergences:
        return f"The chains agree, but {_number(summary.divergences, 'draw')} diverged: {text}"
    return f"Yes: {text}"


def partial_answer(done: Posterior, options: NutsOptions | SmcOptions) -> str:
    """Say that a run was stopped and what it kept."""
    chains = done.n_chains
    n_missing = options.chains - chains
    missing = f" {count(n_missing, 'chain')} had no draw yet." if n_missing else ""
    return (
        f"Stopped early: {count(done.n_draws, 'draw')} of {options.draws:,} in "
        f"{'each of ' if chains > 1 else ''}{count(chains, 'chain')} were kept.{missing}"
    )


def drawn(shown: Posterior) -> str:
    """Say which of a run's draws something is of."""
    return "the draws" if shown.every == 1 else f"every {ordinal(shown.every)} draw"


def some_answer(shown: Posterior) -> str:
    """Say why not every draw of a run is shown; "" where all are."""
    if shown.every == 1:
        return ""
    return (
        f"What is shown is of {drawn(shown)}: labels that mean the same in all of them are found "
        "at a run's end, and this run has none. Draws as a file are all there."
    )


def _pairs(dataset: Dataset, summary: Overview, K: int) -> str:
    N, D = dataset.values.shape
    if len(summary.rows) < N or N > _SMALL or N < 2:
        return _many(dataset, summary, K)
    if D == 1:
        names = [_value(v) for v in in_table(dataset, 0, dataset.values[summary.rows, 0])]
        points = "Points"
    else:
        names, points = [f"{row + 1}" for row in summary.rows], "Rows"
    apart = groups(summary.together)
    named = [g for g in apart if len(g) > 1]
    if not named:
        top = _highest(summary.together)
        return (
            f"No two of these {N} points are together for sure: the likeliest pair shares a "
            f"component with probability {top:.2f}."
        )
    parts = []
    for group in named:
        low = min(summary.together[i, j] for i in group for j in group if i < j)
        who = _listed([names[i] for i in group])
        if len(group) == 2:
            parts.append(f"{who} share a component with probability {_two(low)}")
        else:
            parts.append(f"any two of {who} with at least {_floor(low)}")
    if len(named[0]) > 2:
        group = named[0]
        low = min(summary.together[i, j] for i in group for j in group if i < j)
        who = _listed([names[i] for i in group])
        parts[0] = f"{who} share a component with probability {_floor(low)} or more, pair by pair"
    for n in range(1, len(parts)):
        parts[n] = parts[n].replace(" share a component with probability", " with")
    sentence = f"{points} {', and '.join(parts)}"
    if len(apart) > 1:
        i, j = _closest(summary.together, apart)
        sentence += f"; {names[i]} and {names[j]} with only {_two(summary.together[i, j])}"
    return sentence + "."


def _many(dataset: Dataset, summary: Overview, K: int) -> str:
    N, P = len(dataset.values), len(summary.rows)
    off = summary.together[~np.eye(P, dtype=bool)]
    if not off.size:
        return ""
    sure = float(np.mean((off > 0.95) | (off < 0.05)))
    which = f"these {N:,} points" if P == N else f"{P} of the {N:,} points"
    shared = [g for g in groups(summary.together) if len(g) > 1]
    return (
        f"For {_floor_percent(sure)} of the pairs of {which} it is 95 % certain whether they share "
        f"a component. Grouped that way, the points form {_number(len(shared), 'group')}, of "
        f"{numeral(K)} components."
    )


def _single(dataset: Dataset, posterior: Posterior) -> str:
    locs = posterior.draws["locs"][..., 0, 0]
    low, high = in_table(dataset, 0, np.quantile(locs, (0.05, 0.95))).tolist()
    name = f" of {table_columns(dataset)[0]}" if len(dataset.columns) > 1 else ""
    units = "" if dataset.transforms is None else ", in the units of the table,"
    return (
        f"The component's loc{name} lies between {number(low)} and {number(high)}{units} with "
        "90 % probability."
    )


def _labels(summary: Overview, K: int) -> str:
    modes = "two mirrored modes" if K == 2 else f"{_ways(K)} mirror images of every mode"
    sentence = f"Which one is called “1” is arbitrary: the posterior has {modes}, and "
    chains = "this chain" if summary.n_chains == 1 else "these chains"
    if summary.jumps:
        times = {1: "once", 2: "twice"}.get(summary.jumps, f"{summary.jumps:,} times")
        return f"{sentence}{chains} jumped between them {times}."
    if summary.labellings == 1:
        return f"{sentence}{chains} saw one of them only."
    return (
        f"{sentence}none of these chains ever left its own; together they saw {summary.labellings}."
    )


def _agreement(summary: Overview) -> str:
    agreement = summary.agreement
    if summary.n_chains < 2:
        return "One chain cannot tell whether it has converged: run at least two."
    if agreement.verdict == "unknown":
        return "These are too few draws to compare the chains: take more."
    if agreement.verdict == "apart":
        return (
            f"The chains do not agree yet (R-hat {_ratio(agreement.r_hat)} of the "
            f"{agreement.worst.name}): take more draws, or weigh the modes by SMC."
        )
    if agreement.verdict == "few":
        return (
            f"These are too few draws: the effective sample size of the {agreement.least.name} is "
            f"{agreement.ess:,.0f}. Take more."
        )
    return f"These chains agree (R-hat {_ratio(agreement.r_hat)})."


def _closest(together: NDArray[np.float64], apart: list[list[int]]) -> tuple[int, int]:
    """Return the pair of two groups that is the most likely to be together."""
    of = {i: n for n, group in enumerate(apart) for i in group}
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
    text = f"{r_hat:.2f}"
    return f"{r_hat:.3f}" if r_hat > R_HAT and float(text) <= R_HAT else text


def _often(K: int) -> str:
    return "twice" if K == 2 else f"{_ways(K)} times"


def _number(n: int, what: str) -> str:
    return f"{numeral(n)} {what}{'' if n == 1 else 's'}"


def _ways(K: int) -> str:
    return numeral(math.factorial(K)) if K <= 6 else f"{K}!"
