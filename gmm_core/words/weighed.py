"""What to say of a posterior whose modes were weighed: their shares, the evidence, its error."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.formatting import MINUS, count, number, numeral, percent
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.overview import Overview

_GOOD_K, _BAD_K = 0.5, 0.7
_SURE = 0.2  # nats of error of a log evidence that still compare mixtures

EVIDENCE_HEAD = ("Population", "log evidence", "Pareto k of its weights", "draws")


def weighed_words(posterior: Posterior | Overview) -> str:
    """Say which modes share the posterior, and the log evidence; "" where none were weighed."""
    evidence, shares = posterior.log_evidence, posterior.weights_of_modes
    if evidence is None or shares is None:
        return ""
    modes = [share for name, share in shares.items() if name != "elsewhere" and share > 0]
    elsewhere = shares.get("elsewhere", 0.0)
    modes.sort(reverse=True)
    if not modes:
        sentences = "No single mode stands out: the draws come from all over the prior. "
    elif modes[0] > 0.995:
        sentences = "All of the posterior is in one mode, up to the order of its components. "
    else:
        listed = ", ".join(percent(share) for share in modes[:4])
        rest = f", and {percent(elsewhere)} lies elsewhere" if elsewhere > 0.005 else ""
        what = f"{numeral(len(modes))} mode{'' if len(modes) == 1 else 's'}"
        verb = "holds" if len(modes) == 1 else "share the posterior:"
        sentences = f"{what[0].upper()}{what[1:]} {verb} {listed}{rest}. "
    error = f" ± {number(evidence.mcse, 2)}" if evidence.mcse == evidence.mcse else ""
    sentences += f"Log evidence {_signed(evidence.value)}{error}"
    unsure = evidence.mcse > _SURE
    return sentences + (": too unsure to compare mixtures by; draw more." if unsure else ".")


def populations_words(pareto_k: Sequence[float]) -> str:
    """Say whether importance weights did alone, or how much temperatures had to mend."""
    worst = max(pareto_k)
    sentence = f"Pareto's k of the first weights is at most {number(worst, 2)}: "
    if worst < _GOOD_K:
        return (
            sentence
            + "draws of the known modes, weighed, are the posterior; no temperature needed."
        )
    if worst < _BAD_K:
        return sentence + "weights alone would do, and temperatures made them better."
    return (
        sentence
        + "weights alone would not do, so the draws were led to the posterior by temperatures. "
        "The error of the evidence, measured between the populations, is what to look at."
    )


def evidence_rows(posterior: Posterior) -> list[tuple[str, ...]]:
    """Write each population as a row of `EVIDENCE_HEAD`."""
    logs, k = posterior.stats["log_evidence"], posterior.stats["pareto_k"]
    return [
        (f"{c + 1}", _signed(float(logs[c])), number(float(k[c]), 2), f"{posterior.n_draws:,}")
        for c in range(len(logs))
    ]


def so_far_words(temperatures: Sequence[float], log_evidence: Sequence[float]) -> str:
    """Say how far the populations of a running sampler are."""
    started = [(t, e) for t, e in zip(temperatures, log_evidence, strict=True) if t == t]
    arrived = [e for t, e in started if t >= 1]
    sentence = f"{len(arrived)} of {count(len(temperatures), 'population')} have arrived"
    going = [t for t, _ in started if t < 1]
    if going:
        sentence += f"; one is at temperature {number(going[-1], 2)} of 1"
    if arrived:
        low, high = _signed(min(arrived)), _signed(max(arrived))
        sentence += f". Log evidence so far: {low}" + (f" to {high}" if len(arrived) > 1 else "")
    return sentence + "."


def _signed(value: float) -> str:
    return f"{value:,.2f}".replace("-", MINUS)
