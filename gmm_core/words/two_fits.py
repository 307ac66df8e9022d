"""Two fits side by side: the settings that differ, their measures, and the numbers they found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gmm_core.comparison.sweep import criteria
from gmm_core.data.transformed import log_jacobian, original
from gmm_core.formatting import count, listing, number
from gmm_core.mixture.matching import largest_gap
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.words.comparison import evidence

_NAMES = {
    "n_components": "components K",
    "covariance": "covariance",
    "tied": "shared covariance",
    "concentration": "prior: concentration",
    "loc_mean": "prior: mean of locs",
    "loc_scale": "prior: spread of locs",
    "scale_log_mean": "prior: mean of log scale",
    "scale_log_sd": "prior: spread of log scale",
    "correlation": "prior: LKJ shape",
    "restarts": "starts",
    "first_seed": "first seed",
    "learning_rate": "learning rate",
    "betas": "Adam's betas",
    "start": "locs begin at",
    "start_scale": "starting scale",
    "choose": "chosen by",
    "polish": "polished",
    "method": "method",
}


class Run(NamedTuple):
    """A finished MAP fit: what it was made of, and what it found."""

    spec: Specification
    fit: MapFit

    @property
    def n_parameters(self) -> int:
        """Free numbers of the mixture."""
        return self.spec.mixture.n_parameters(self.spec.dataset.values.shape[1])


def names(a: Run, b: Run) -> tuple[str, str]:
    """Name two runs by what tells them apart: their mixtures, or else their ids."""
    one, other = a.spec.mixture.label, b.spec.mixture.label
    if one != other:
        return one, other
    return f"run {a.spec.id[:8]}", f"run {b.spec.id[:8]}"


def same_data(a: Run, b: Run) -> bool:
    """Whether both were fitted to the same numbers."""
    return a.spec.dataset.fingerprint == b.spec.dataset.fingerprint


def same_table(a: Run, b: Run) -> bool:
    """Whether both were fitted to the same numbers, whatever the transforms of their columns."""
    one, other = a.spec.dataset, b.spec.dataset
    if same_data(a, b):
        return True
    comparable = np.isfinite([log_jacobian(one), log_jacobian(other)]).all()
    return bool(comparable) and original(one).fingerprint == original(other).fingerprint


def settings_that_differ(a: Run, b: Run) -> list[tuple[str, str, str]]:
    """List the settings in which two runs differ as rows (setting, here, there)."""
    of_a, of_b = dict(_settings(a.spec)), dict(_settings(b.spec))
    return [
        (name, of_a[name], of_b.get(name, "–")) for name in of_a if of_a[name] != of_b.get(name)
    ]


def _settings(spec: Specification) -> Iterator[tuple[str, str]]:
    data = spec.dataset
    yield "data", f"{data.name:.40} ({count(len(data.values), 'point')})"
    # Equal names of other numbers are other data.
    yield "data's fingerprint", data.fingerprint[:8]
    yield "columns", listing(data.columns, 6)
    mixture, options = spec.mixture.model_dump(), spec.options.model_dump()
    for name, value in (mixture | mixture.pop("priors") | options).items():
        if name != "priors":
            yield _NAMES.get(name, name), _text(value)
    yield "engine", spec.engine


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return number(value, 4) if isinstance(value, int | float) else str(value)


def measures(a: Run, b: Run) -> list[tuple[str, str, str, str]]:
    """List how good the two fits are as rows (measure, here, there, there less here)."""
    rows = []
    of_a, of_b = (
        criteria(run.spec.dataset, run.spec.mixture, run.fit.parameters) for run in (a, b)
    )
    listed = {
        "loss": tuple(float(run.fit.final_loss[run.fit.chosen]) for run in (a, b)),
        "log likelihood": (of_a["log_likelihood"], of_b["log_likelihood"]),
        "parameters p": (of_a["n_parameters"], of_b["n_parameters"]),
        "BIC": (of_a["bic"], of_b["bic"]),
        "AIC": (of_a["aic"], of_b["aic"]),
        "ICL": (of_a["icl"], of_b["icl"]),
    }
    for name, (x, y) in listed.items():
        digits = 0 if name == "parameters p" else 3
        # A loss is one of the columns that were fitted, all else of the table.
        alike = same_data(a, b) if name == "loss" else same_table(a, b)
        gap = f"{y - x:+,.{digits}f}".replace("-", "−") if alike else "–"
        rows.append((name, f"{x:,.{digits}f}", f"{y:,.{digits}f}", gap))
    agree = [
        f"{int((run.fit.basin == run.fit.basin[run.fit.chosen]).sum())} of {len(run.fit.loss)}"
        if run.fit.basin[run.fit.chosen] >= 0
        else "–"
        for run in (a, b)
    ]
    rows.append(("starts agree", agree[0], agree[1], ""))
    return [(n, x.replace("-", "−"), y.replace("-", "−"), gap) for n, x, y, gap in rows]


def changed_words(changed: int, total: int) -> str:
    """Say how many points have another component in the second fit, components matched."""
    if not changed:
        return "Every point has the same component in both."
    verb = "is" if changed == 1 else "are"
    return f"{changed:,} of {count(total, 'point')} {verb} in another component in B than in A."


def class_name(k: int, n_components: int) -> str:
    """Name a component, or what stands behind the last of them."""
    return str(k + 1) if k < n_components else "noise"


def answer(a: Run, b: Run) -> str:
    """Say in a sentence or two how the two fits differ."""
    first, second = names(a, b)
    if not same_table(a, b):
        return (
            "The two runs are of different data, so their losses and criteria cannot be compared; "
            "only settings can."
        )
    x, y = (criteria(r.spec.dataset, r.spec.mixture, r.fit.parameters)["bic"] for r in (a, b))
    alike = same_data(a, b) and a.spec.mixture.label == b.spec.mixture.label
    if alike and a.n_parameters == b.n_parameters:
        gap = largest_gap(a.fit.parameters.permuted(a.fit.parameters.order), b.fit.parameters)
        if gap < 0.01:
            return f"Both found the same optimum: nothing differs by more than {number(gap, 2)}."
        return (
            f"They ended apart: after matching, the parameters differ by up to {number(gap, 2)} of "
            "a scale."
        )
    better, worse = (first, second) if x <= y else (second, first)
    lead = abs(x - y)
    return f"{better} has the smaller BIC, by {number(lead, 3)}: {evidence(lead)} against {worse}."
