"""One start among others: its name in a list, where it ended, and why it stays there."""

from __future__ import annotations

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import count, number
from gmm_core.mixture import Mixture
from gmm_core.runs.results import MapFit
from gmm_core.words import collapse
from gmm_core.words.fit import point_answer
from gmm_core.words.segments import Segment


def opened_answer(dataset: Dataset, mixture: Mixture, fit: MapFit) -> list[Segment]:
    """Say what the opened restart, `fit.chosen`, found; the best one is told by `fit_answer`."""
    r, verdict = fit.chosen, str(fit.verdict[fit.chosen])
    if verdict == "untrained":
        return [Segment(f"Start {r} was not trained: this is where it begins.")]
    if verdict == "failed":
        return [
            Segment(
                f"Start {r} failed: its loss stopped being a number. The learning rate is too "
                "high for it."
            )
        ]
    loss = number(float(fit.final_loss[r]), 4)
    if verdict == "collapsed":
        reason = collapse.cause(dataset, mixture, fit).reason
        return [Segment(f"Start {r} collapsed at a loss of {loss}: {reason}")]
    basin = int(fit.basin[r])
    unsettled = verdict == "moving" and fit.count("converged") > 0
    if basin >= 0:
        where = f"which ended in {_the(basin)}"
    else:
        where = "which came to no optimum" if unsettled else "which was trained by itself"
    words = [Segment(f"Start {r}, {where} (loss {loss}): "), *point_answer(dataset, fit.parameters)]
    if basin >= 0:
        agree = int((fit.basin == basin).sum())
        words.append(Segment(f"{agree:,} of {count(len(fit.loss), 'start')} ended there."))
    if verdict == "moving":
        words.append(Segment(" It was still moving when its steps ran out."))
    return words


def start_name(fit: MapFit, r: int) -> str:
    """Name restart `r` in a list: "3: optimum 2, loss 19.3", "17: collapsed"."""
    verdict, basin = str(fit.verdict[r]), int(fit.basin[r])
    if verdict == "untrained":
        return f"{r}: begins at {number(float(fit.loss[r, 0]), 4)}, not trained"
    if basin < 0:
        return f"{r}: {verdict}"
    return f"{r}: {optimum(basin)}, loss {number(float(fit.final_loss[r]), 4)}"


def local_optimum(fit: MapFit, r: int) -> str:
    """Explain why restart `r` stays where it is, though another optimum is better."""
    gap = float(fit.final_loss[r] - fit.final_loss[fit.basin == 0].min())
    n_same = int((fit.basin == fit.basin[r]).sum())
    return (
        f"It is a local optimum: the gradient vanishes as it does in the best one, but the loss is "
        f"{number(gap)} higher. From here every way leads up at first, and a fit only goes down, "
        f"so where it begins decides where it ends. {n_same:,} of {count(len(fit.loss), 'start')} "
        "ended here: more starts, or starts from far-apart points, find the best."
    )


def optimum(b: int) -> str:
    """Name an optimum by its number among the basins: 0 is the best."""
    return "best optimum" if b == 0 else f"optimum {b + 1}"


def _the(basin: int) -> str:
    return f"the {optimum(basin)}" if basin == 0 else optimum(basin)
