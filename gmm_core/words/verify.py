"""What made a run, and whether it comes out the same again, in words."""

from __future__ import annotations

from collections.abc import Mapping

from gmm_core.runs.sameness import TOLERANCE, Verdict

# As their projects write them, in the order in which they matter to the numbers.
_NAMES = {
    "gmm_core": "Mixture Explorer",
    "python": "Python",
    "torch": "torch",
    "pyro": "Pyro",
    "numba": "numba",
    "nutpie": "nutpie",
    "scikit-learn": "scikit-learn",
    "numpy": "NumPy",
    "scipy": "SciPy",
}


def made_with(versions: Mapping[str, str]) -> str:
    """Say which versions made a run; "" when that is not known."""
    named = [f"{label} {versions[name]}" for name, label in _NAMES.items() if name in versions]
    return f"Made with {', '.join(named)}." if named else ""


def verdict_words(verdict: Verdict) -> str:
    """Say whether a run that was computed again gave the same numbers, and if not, why maybe."""
    if verdict.answer == "equal":
        return f"Computed again{_when(verdict)}: the same numbers, to the last digit."
    if verdict.answer == "failed":
        return (
            f"It could not be computed again: {verdict.message or 'the run ended early.'} "
            "This says nothing about the stored numbers."
        )
    if verdict.answer == "damaged":
        return f"The stored result cannot be compared. {verdict.message}"
    where = verdict.where.replace("_", " ").replace(".", " → ")
    if verdict.answer == "close":
        return (
            f"Computed again{_when(verdict)}: the same but for rounding. The largest relative "
            f"difference is {verdict.difference:.1e}, in {where}; up to {TOLERANCE:.0e} is "
            f"rounding.{_versions(verdict)}"
        )
    how = (
        f"{where} has other values, or another shape"
        if verdict.difference is None
        else f"the largest relative difference is {verdict.difference:.2g}, in {where}"
    )
    why = _versions(verdict) or (
        " The versions are the same: the stored numbers were changed, or another kind of "
        "processor made them."
        if "gmm_core" in verdict.then and "gmm_core" in verdict.now
        else " Which version of Mixture Explorer made the stored numbers is not known."
    )
    return f"Computed again{_when(verdict)}: the numbers do not agree; {how}.{why}"


def _when(verdict: Verdict) -> str:
    return "" if verdict.made is None else f" on {verdict.made:%-d %B %Y, %H:%M} UTC"


def _versions(verdict: Verdict) -> str:
    changed = [
        f"{_NAMES[name]} {then} then and {now} now"
        for name, (then, now) in verdict.changed.items()
        # A run from before the program kept its own version was not made without the program.
        if name in _NAMES and not (name == "gmm_core" and "none" in (then, now))
    ]
    return f" The versions differ: {', '.join(changed)}." if changed else ""
