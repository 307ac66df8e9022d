"""The files that a run can be saved as, to be read without this program; a kind names its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification
from gmm_core.words.segments import Segment


@dataclass(frozen=True)
class File:
    """One file of a run.

    Attributes
    ----------
    name : as it is saved, and as `Kind.files` names it.
    mime : its type for browsers.
    write : its content: (specification, result, what the page says first).
    rows : whether it holds the data, row by row.
    """

    name: str
    mime: str
    write: Callable[[Specification, Any, Sequence[Segment]], str | bytes]
    rows: bool = True


def _script(spec: Specification, result: Any, answer: Sequence[Segment]) -> str:
    from gmm_core.sharing.script import pyro_script

    return pyro_script(spec, result)


def _notebook(spec: Specification, result: Any, answer: Sequence[Segment]) -> str:
    from gmm_core.sharing.script import pyro_notebook

    return pyro_notebook(spec, result)


def _data(spec: Specification, result: Any, answer: Sequence[Segment]) -> str:
    from gmm_core.sharing.tables import data_csv

    return data_csv(spec.dataset)


def _draws(spec: Specification, result: Any, answer: Sequence[Segment]) -> bytes:
    from gmm_core.sharing.netcdf import draws_netcdf

    return draws_netcdf(spec, result)


def _report(spec: Specification, result: Any, answer: Sequence[Segment]) -> str:
    from gmm_core.sharing.report import report

    return report(spec, kinds.shown(spec, result), list(answer))


FILES = [
    File("script.py", "text/x-python", _script),
    File("notebook.ipynb", "application/x-ipynb+json", _notebook),
    File("data.csv", "text/csv", _data),
    File("draws.nc", "application/x-netcdf", _draws, rows=False),
    File("report.html", "text/html", _report),
]


def of(spec: Specification, result: Any) -> list[File]:
    """Return the files that a run can be saved as, in the order of `FILES`."""
    kind = kinds.named(spec.kind)
    names = kind.files if kind.savable(result) else ()
    has_rows = spec.dataset.whole is None
    return [file for file in FILES if file.name in names and (has_rows or not file.rows)]
