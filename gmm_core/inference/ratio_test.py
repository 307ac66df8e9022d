"""The likelihood ratio test of K components against K + 1, some replicates of it a part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
from gmm_core.data.dataset import Dataset
from gmm_core.inference.bootstrapping import CLIMB, of_part, parts_of
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture
from gmm_core.runs import kinds
from gmm_core.runs.options import LikelihoodRatioOptions
from gmm_core.runs.progress import Cancelled, OnProgress
from gmm_core.runs.specification import Specification


def likelihood_ratio_test(
    dataset: Dataset,
    mixture: Mixture,
    options: LikelihoodRatioOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> LikelihoodRatio:
    """Test the mixture's K components against K + 1, by parametric bootstrap (McLachlan 1987).

    Parameters
    ----------
    mixture : of K components, without priors for a test of likelihoods alone; with priors they
        hold both fits, and the likelihoods are those at the optima.
    options : replicates, seed and starts. Both sides are the best of their starts; the larger one
        also begins at the smaller one's optimum, each component split in turn.
    on_progress : as in `fit_map`. `Cancelled` leaves with the finished parts as its `partial`.

    Raises
    ------
    ValueError
        When one of the two mixtures has no sound optimum for this data.

    Notes
    -----
    The statistic has no chi-square distribution, since K components lie on the border of K + 1, so
    that its distribution is that of data made by the fitted K components.
    """
    spec = Specification(
        dataset=dataset, mixture=mixture, options=checked_options(LikelihoodRatioOptions, options)
    )
    test: LikelihoodRatio = run_here(spec, on_progress)
    return test


def sequential_likelihood_ratio_tests(
    dataset: Dataset,
    mixture: Mixture,
    options: LikelihoodRatioOptions | None = None,
    *,
    level: float = 0.05,
    on_progress: OnProgress | None = None,
) -> tuple[LikelihoodRatio, ...]:
    """Test K components against K + 1, then K + 1 against K + 2, until one is not rejected.

    The number of components that this chooses is the mixture's own plus that of the tests before
    the last, which is the one that does not reject.

    Parameters
    ----------
    mixture : of the components to begin with, usually one.
    options : of each test, as in `likelihood_ratio_test`.
    level : the largest p-value that rejects. The smallest one that there can be is
        1 / (replicates + 1).
    on_progress : of each test in turn. `Cancelled` leaves with the tests that are finished as its
        `partial`.

    Raises
    ------
    ValueError
        When the level is no probability or no test of so many replicates could reject, and as
        `likelihood_ratio_test` does.

    Notes
    -----
    McLachlan (1987), On bootstrapping the likelihood ratio test statistic for the number of
    components in a normal mixture. Each test is at its own level: that of the sequence is not
    corrected for their number.
    """
    chosen = options or LikelihoodRatioOptions()
    if not 0 < level < 1:
        raise ValueError(
            f"level is {level!r:.60}, but a probability was expected. Give a number above 0 and "
            "below 1, such as 0.05."
        )
    if level < 1 / (chosen.replicates + 1):
        raise ValueError(
            f"With {chosen.replicates} replicates no p-value is below 1 in "
            f"{chosen.replicates + 1:,}, so that none reaches the level {level:g}. Raise "
            "replicates, or the level."
        )
    done: list[LikelihoodRatio] = []
    while not done or done[-1].p_value <= level:
        try:
            done.append(likelihood_ratio_test(dataset, mixture, chosen, on_progress=on_progress))
        except Cancelled as cancelled:
            raise Cancelled(partial=tuple(done)) from cancelled
        mixture = _larger(mixture)
        if len(dataset.values) <= mixture.n_components:
            break
    return tuple(done)


def _larger(mixture: Mixture) -> Mixture:
    return mixture.model_copy(update={"n_components": mixture.n_components + 1})


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> LikelihoodRatio:
    engine, options = kinds.engine_of(spec).load(), spec.options
    statistic, replicates = engine.likelihood_ratios(
        spec.dataset, spec.mixture, options, of_part(part, options.replicates), on_progress
    )
    return LikelihoodRatio(statistic, replicates)


def _combine(spec: Specification, parts: Sequence[LikelihoodRatio | None]) -> LikelihoodRatio:
    done = [part for part in parts if part is not None]
    if not done:
        raise ValueError("No replicate is finished: the run was stopped before.")
    return LikelihoodRatio(done[0].statistic, np.concatenate([part.replicates for part in done]))


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: LikelihoodRatioOptions = spec.options
    climbs = float(CLIMB * options.replicates * (options.starts + 1))
    larger = _larger(spec.mixture)
    return [
        kinds.Evaluations(spec.mixture, climbs),
        # Beside its own starts, one for each component that is split.
        kinds.Evaluations(larger, climbs * (1 + spec.mixture.n_components / (options.starts + 1))),
    ]


def _rule(spec: Specification) -> None:
    _larger(spec.mixture).check(spec.dataset)


KIND = kinds.Kind(
    name="likelihood_ratio",
    label="Likelihood ratio test",
    resamples="simulates as many rows as there are, again and again",
    options=LikelihoodRatioOptions,
    results={"LikelihoodRatio": "gmm_core.comparison.likelihood_ratio"},
    engine="compiled",
    run=_run,
    parts=lambda spec: parts_of(spec.options.replicates),
    combine=_combine,
    evaluations=_evaluations,
    overhead=lambda spec: 4e-3 * spec.options.replicates,
    counts="replicates × starts",
    fewer="fewer points, components, replicates or starts",
    headline=lambda test: f"statistic {test.statistic:.4g}, p = {test.p_value:.3g}",
    rule=_rule,
)
