"""Which points belong where, and how surely, in plain sentences computed from the parameters."""

from __future__ import annotations

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.formatting import count, member, number, numeral, percent, place
from gmm_core.membership.against_classes import AgainstClasses
from gmm_core.membership.certainty import overview, visible_range
from gmm_core.membership.scoring import Score
from gmm_core.mixture import Parameters, boundaries, responsibilities
from gmm_core.mixture.expectation import Expectation
from gmm_core.runs.results import GuideFit
from gmm_core.words.segments import NOISE, Segment

CLOSE = 0.001
"""Nats between the guide's loss and the MAP loss, which is the Kullback-Leibler divergence of all
points together: below this nobody sees a difference. The probabilities themselves are no measure.
They look right long before, while those that should be 1e-50 still are 1e-4."""


def membership_answer(
    dataset: Dataset, parameters: Parameters, classes_fixed: bool = False
) -> list[Segment]:
    """Say where the boundary is, and how many points are certain or doubtful.

    Parameters
    ----------
    parameters : components by weight, largest first.
    classes_fixed : whether the fit took known classes for components. Certain is here what the
        numbers say without them, and the answer says so.
    """
    K, noisy = len(parameters.weights), parameters.noise is not None
    certainty = overview(dataset, parameters)
    N = certainty.total
    if K == 1 and not noisy:
        return [Segment(f"There is one component, so {_all(N)} belong{_s(N)} to it.")]
    words = _boundary(dataset, parameters) if parameters.locs.shape[1] == 1 else []
    words.append(Segment(_certain(certainty.certain, N, noisy)))
    n = certainty.doubtful
    if n:
        probs = certainty.weakest_probs
        first, second = (int(k) for k in np.argsort(-probs, kind="stable")[:2])
        many = "All" if n == N > 1 else _capital(_times(n))
        row = f"row {certainty.weakest + 1:,}"
        single = n == 1 and dataset.weights is None
        words += [
            Segment(
                f" {many} {_is(n)} below 90 %: {row if single else f'the least certain is {row}'}, "
            ),
            _share(float(probs[first]), first, K),
            Segment(" and "),
            _share(float(probs[second]), second, K),
            Segment("."),
        ]
    elif certainty.certain < N:
        words.append(Segment(" No point is below 90 %."))
    if noisy:
        of = certainty.sizes[K]
        words += [
            Segment(f" {_capital(_times(of))} {_is(of)} most probably "),
            Segment("noise", NOISE),
            Segment("."),
        ]
    if classes_fixed:
        known = sum(name is not None for name in dataset.classes or ())
        words.append(
            Segment(
                " This goes by the numbers alone, though the fit was told the component of "
                f"{count(known, 'point')}."
            )
        )
    return words


def classes_answer(comparison: AgainstClasses, n_components: int) -> str:
    """Say how far the components agree with the known classes.

    Names of classes stand in it as they are: show it as text, not as markup.
    """
    N, wrong = comparison.n_points, round(comparison.error * comparison.n_points)
    own = [
        f'"{name}" is {member(k, n_components)}'
        for name, k in zip(comparison.names, comparison.component, strict=True)
        if k is not None
    ]
    alone = sum(k is None for k in comparison.component)
    sentence = f"By the best matching {', '.join(own[:6])}"
    sentence += f", and {len(own) - 6} more" if len(own) > 6 else ""
    sentence += f"; for {numeral(alone)} no component is left" if alone else ""
    if wrong == 0:
        sentence += f". {_capital(_all(N))} of known class {_is(N)} in the component of their class"
    else:
        sentence += (
            f". {_capital(numeral(wrong))} of {count(N, 'point')} "
            f"{'is' if wrong == 1 else 'are'} in another one, {percent(comparison.error)}"
        )
    return (
        sentence
        + f". The adjusted Rand index is {number(comparison.ari)}: 1 is agreement, 0 is chance."
    )


def expectation_answer(
    expected: Expectation, dataset: Dataset, given: int, of: int, at: float
) -> str:
    """Say what is expected of one column, by its number, where another has one value.

    Parameters
    ----------
    expected, at : in the units of the table.

    Names of columns stand in it as they are: show it as text, not as markup.
    """
    names = table_columns(dataset)
    mean, sd, low, high = (
        number(float(v[0])) for v in (expected.mean, expected.sd, expected.low, expected.high)
    )
    return (
        f'When "{names[given]}" is {number(at)}, it expects "{names[of]}" to be {mean}, give '
        f"or take {sd}: nine times in ten between {low} and {high}."
    )


def _share(probability: float, k: int, K: int) -> Segment:
    """Say how probable a component is, in its colour."""
    return Segment(f"{percent(probability)} {member(k, K)}", NOISE if k == K else k)


def score_answer(scores: Score) -> str:
    """Say where most of the scored points belong, how surely, and which are outliers."""
    N = len(scores.component)
    rows = (np.flatnonzero(scores.outlier) + 1).tolist()
    if scores.n_draws > 1:
        sentences = f"Averaged over {count(scores.n_draws, 'draw')} of the posterior. "
    else:
        sentences = ""
    if not rows:
        who = "The new point is" if N == 1 else f"{_capital(_all(N))} are"
        return sentences + f"{who} typical of the {'mixture' if sentences else 'fitted mixture'}."
    listed = ", ".join(f"{row:,}" for row in rows[:5])
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    who = f"row {listed} is an outlier" if len(rows) == 1 else f"rows {listed}{more} are outliers"
    return (
        sentences
        + f"{_capital(who)}: less likely than 99 % of the points that the model makes itself."
    )


def guide_answer(fit: GuideFit, optimum: float, gap: float) -> str:
    """Say how close the enumerating guide came to the closed form.

    Parameters
    ----------
    fit : the finished guide.
    optimum : the MAP loss, which the guide's loss reaches when it has the exact membership.
    gap : the largest difference between its probabilities and the closed form.
    """
    finite = fit.loss[np.isfinite(fit.loss)]
    if not finite.size:
        return "The guide has made no step."
    last = float(finite[-1])
    steps = count(len(finite), "step")
    verdict = guide_verdict(fit, optimum)
    if verdict == "failed":
        return (
            f"After {steps} the guide's loss is no longer a number: the learning rate is too "
            "high. Lower it."
        )
    one, other = _apart(last, optimum)
    losses = f"its loss is {one} and the MAP loss {other}"
    if verdict == "converged":
        return (
            f"After {steps} the guide has found the closed form: {losses}, and no probability "
            f"differs by more than {_above(gap)}."
        )
    start = f"After {steps} the guide has not converged: {losses}. Its probabilities differ from "
    if verdict == "stuck":
        return (
            f"{start}the closed form by up to {_above(gap)}, and the loss no longer comes down: "
            "the learning rate is too high. Lower it."
        )
    return (
        f"{start}the closed form by up to {_above(gap)}, and the loss also counts errors in "
        "probabilities that are nearly zero. More steps bring it closer."
    )


def guide_verdict(fit: GuideFit, optimum: float) -> str:
    """Judge a guide: "converged", "moving", "stuck" or "failed".

    It is stuck when its loss is above the MAP loss and did not fall in the last tenth of the
    steps, by a hundredth of what is missing: too high a rate overshoots to where the gradient
    of a softmax vanishes, or wobbles about the optimum.
    """
    loss = fit.loss
    if not (np.isfinite(loss).all() and np.isfinite(fit.assignment_probs).all()):
        return "failed"
    missing = float(loss[-1]) - optimum
    if missing <= CLOSE:
        return "converged"
    T = len(loss)
    before = float(loss[min(9 * T // 10, max(T - 2, 0))])
    return "moving" if T == 1 or before - float(loss[-1]) > 0.01 * missing else "stuck"


def _boundary(dataset: Dataset, parameters: Parameters) -> list[Segment]:
    """Say where the most probable component changes along one column."""
    edges = boundaries(parameters)
    low, high = visible_range(dataset)
    if not len(edges):
        probs = responsibilities(parameters, [(low + high) / 2])[0]
        top = np.sort(probs)[::-1]
        if top[0] - top[1] < 1e-9:
            return [Segment("The largest components lie on each other, without a boundary. ")]
        k, K = int(probs.argmax()), len(parameters.weights)
        return [
            Segment("The noise", NOISE) if k == K else Segment(f"Component {k + 1}", k),
            Segment(" is the most probable everywhere, so there is no boundary. "),
        ]
    if dataset.transforms is not None:
        edges = in_table(dataset, 0, edges)
        low, high = in_table(dataset, 0, [low, high]).tolist()
    listed = [place(float(edge), high - low) for edge in edges]
    if len(listed) == 1:
        return [Segment(f"The boundary is at {listed[0]}. ")]
    if len(listed) > 4:
        return [Segment(f"There are {len(listed)} boundaries, from {listed[0]} to {listed[-1]}. ")]
    return [Segment(f"The boundaries are at {', '.join(listed[:-1])} and {listed[-1]}. ")]


def _certain(n: float, N: float, noisy: bool) -> str:
    whose = _all(N) if n == N else f"{_times(n) if n else 'none'} of {_points(N)}"
    if n == 0 and N == 1:
        whose = "not even the only point"
    return f"{_capital(f'for {whose}')} {_sure(n, noisy)}."


def _sure(n: float, noisy: bool) -> str:
    """Say what is sure of `n` points: the component of each, not one that they share."""
    is_it, they = ("is it" if n == 0 else "it is"), ("it belongs" if n <= 1 else "each belongs")
    or_noise = ", or that it is noise" if noisy else ""
    return f"{is_it} at least 99.9 % certain which component {they} to{or_noise}"


def _all(n: float) -> str:
    few: dict[float, str] = {1: "the only point", 2: "both points"}
    return few.get(n, f"all {_points(n)}")


def _points(n: float) -> str:
    return count(n, "point") if isinstance(n, int) else f"{number(n, 4)} points"


def _times(n: float) -> str:
    """Say how many, or by weights how much of it."""
    return numeral(n) if isinstance(n, int) else number(n, 4)


def _is(n: float) -> str:
    return "is" if n == 1 else "are"


def _s(n: float) -> str:
    return "s" if n == 1 else ""


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _above(gap: float) -> str:
    """Round up to two digits: a bound has to hold as it is printed."""
    if gap == 0:
        return "0"
    unit = 10.0 ** (np.floor(np.log10(gap)) - 1)
    return number(float(np.ceil(gap / unit) * unit), 2)


def _apart(a: float, b: float) -> tuple[str, str]:
    """Print two numbers with as many digits as tell them apart, at least four."""
    for digits in range(4, 13):
        if number(a, digits) != number(b, digits):
            return number(a, digits), number(b, digits)
    return number(a, 4), number(b, 4)
