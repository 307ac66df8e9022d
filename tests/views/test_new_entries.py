"""What a test registers (a format, a family, an engine, a kind) goes wherever runs go.

From a file's bytes over a fit and the store to the Runs page, the page that opens it, and every
file that it is saved as.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from made_up import Diagonal
from pydantic import BaseModel, ConfigDict

import gmm_core as gmm
from gmm_core import inference, worker
from gmm_core.data import formats
from gmm_core.data.formats import File, Format, RawTable
from gmm_core.engines import compiled_engine
from gmm_core.engines.families import PAIRS
from gmm_core.figures import loss_curves
from gmm_core.inference import kinds
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.m_steps import M_STEPS
from gmm_core.sharing import files
from gmm_core.words.segments import Segment

from .test_runs import page_text


def read_raw(file: File) -> RawTable:
    values = np.frombuffer(file.data[4:], dtype="<f8").reshape(-1, 2)
    return RawTable("Raw", ("width", "height"), tuple(values.T.copy()), len(values), header=False)


def fit_map(dataset, mixture, options, on_progress=None):
    """The compiled engine, with its losses raised by one, which says who computed."""
    training = compiled_engine.fit_map(dataset, mixture, options, on_progress)
    training.loss += 1
    return training


class MedianOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str = "median"


@dataclass(frozen=True, eq=False)
class Median:
    median: np.ndarray


MEDIAN = kinds.Kind(
    name="median",
    label="Median",
    options=MedianOptions,
    results={"Median": __name__},
    engine="sorting",
    run=lambda spec, part, on_progress: Median(np.median(spec.dataset.values, axis=0)),
    evaluations=lambda spec: [kinds.Evaluations(spec.mixture, 1.0)],
    counts="points",
    fewer="fewer points",
    headline=lambda result: f"median {result.median[0]:g}",
    files=("data.csv", "median.txt"),
    mixtures=lambda options: "no mixture at all",
)
SORTING = kinds.Engine("median", "sorting", __name__)
ABACUS = kinds.Engine("map", "abacus", __name__)
TEXT = files.File(
    "median.txt", "text/plain", lambda spec, result, answer: f"{result.median.tolist()}"
)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register one of each, for this test alone."""
    family = Diagonal("EEX", "mine", True, "my ellipses", "all that I like")
    monkeypatch.setitem(FAMILIES, ("mine", True), family)
    monkeypatch.setitem(M_STEPS, "EEX", M_STEPS["EEI"])
    monkeypatch.setitem(PAIRS, "EEX", PAIRS["EEI"])
    raw = Format("Raw floats", ("raw",), lambda file: file.data[:4] == b"RAW2", read_raw)
    formats.FORMATS.insert(0, raw)
    monkeypatch.setattr(files, "FILES", [*files.FILES, TEXT])
    entries = (MEDIAN, SORTING, ABACUS)
    for entry in entries:
        kinds.register(entry)
    yield
    for entry in entries:
        kinds.withdraw(entry)
    formats.FORMATS.remove(raw)


@pytest.fixture
def data():
    """Ten points of each of two groups, from a file of the new format."""
    rng = np.random.default_rng(2)
    values = np.repeat([[0.0, 0.0], [8.0, 8.0]], 10, axis=0) + rng.normal(size=(20, 2))
    dataset = gmm.read_dataset(b"RAW2" + values.astype("<f8").tobytes(), name="boxes")
    np.testing.assert_array_equal(dataset.values, values)
    return dataset


@pytest.fixture
def run(service, owner):
    """Return a function that computes a run here and ends it in the store, as a worker does."""

    def computed(spec):
        run_id = service.store.create_run(spec, owner).id
        assert service.store.claim(run_id, "a" * 32, "here", owners=[owner])
        result = inference.run_part(spec)
        worker.finish(service.store, run_id, "a" * 32, [worker.PartOutcome("", "", result)])
        assert service.store.state(run_id).state == "done"
        return run_id

    yield computed
    for row in service.store.runs(owner):
        service.delete(row.id)


def test_a_new_family_engine_and_format_go_from_the_file_to_every_page_and_file(
    service, view, run, data
):
    mixture = gmm.Mixture(covariance="mine", tied=True, priors=gmm.Priors.for_data(data))
    options = gmm.MapOptions(restarts=3, steps=20, choose="final")
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options, engine="abacus")
    run_id = run(spec)
    fit = service.result(run_id)
    usual = gmm.fit_map(data, mixture, options)
    np.testing.assert_array_equal(fit.loss, usual.loss + 1)
    assert service.store.specification(run_id) == spec

    text = page_text(view("runs"))
    assert "Fit** of **boxes** (20 points, 2 columns) · K = 2, my ellipses" in text

    answer = [Segment("Two boxes of things.")]
    written = {file.name: file.write(spec, fit, answer) for file in files.of(spec, fit)}
    assert list(written) == ["script.py", "notebook.ipynb", "data.csv", "report.html"]
    assert mixture.label in written["script.py"].splitlines()[0]
    assert "abacus" in written["report.html"]
    assert "Two boxes of things." in written["report.html"]
    assert written["data.csv"].startswith("width,height")
    figure = loss_curves.losses(fit.loss, fit.chosen, fit.verdict)
    assert len(figure.data) > 0


def test_a_new_kind_stands_on_the_runs_page_and_brings_its_own_file(service, view, run, data):
    spec = gmm.Specification(dataset=data, mixture=gmm.Mixture(), options=MedianOptions())
    run_id = run(spec)
    text = page_text(view("runs"))
    assert "Median** of **boxes** (20 points, 2 columns) · no mixture at all" in text
    middle = np.median(data.values[:, 0])
    assert re.search(rf"median {middle:g}", text)
    result = service.result(run_id)
    written = {file.name: file.write(spec, result, []) for file in files.of(spec, result)}
    assert list(written) == ["data.csv", "median.txt"]
    assert written["median.txt"] == str(np.median(data.values, axis=0).tolist())
    opened = view("runs", {"run": run_id})
    assert not opened.exception
