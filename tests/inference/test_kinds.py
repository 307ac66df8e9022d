"""A new kind of run and a new engine are an entry each: nothing else has to know of them.

Both are made here and carried through all that a run meets: specification, limits, a worker, the
store, the list of runs, and the files that it is saved as.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from distributed import LocalCluster
from pydantic import BaseModel, ConfigDict, Field

import gmm_core as gmm
from gmm_core import inference
from gmm_core.engines import compiled_engine
from gmm_core.figures import loss_curves
from gmm_core.inference import kinds
from gmm_core.inference.cost import size
from gmm_core.jobs import JobService, limits
from gmm_core.runs.progress import Progress
from gmm_core.runs.serialize import pack, unpack
from gmm_core.serving.metrics import Figures, Metrics
from gmm_core.sharing.report import report
from gmm_core.sharing.tables import curves_csv
from pages.parts.pages import showing
from pages.views.runs import labels

DATA = gmm.example("tutorial")


class MedianOptions(BaseModel):
    """Options of a kind of run that the app does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    parts: int = Field(default=2, ge=1)


@dataclass(frozen=True, eq=False)
class Median:
    """Its result."""

    median: np.ndarray


def median_part(spec, part, on_progress):
    if on_progress is not None:
        on_progress(Progress(part + 1, spec.options.parts))
    return kinds.engine_of(spec).load().median(spec.dataset.values)


def median(values):
    return Median(np.median(values, axis=0))


def fit_map(dataset, mixture, options, on_progress=None):
    """A MAP engine: the compiled one, with its losses raised by one, which says who computed."""
    training = compiled_engine.fit_map(dataset, mixture, options, on_progress)
    training.loss += 1
    return training


MEDIAN = kinds.Kind(
    name="median",
    label="Median",
    options=MedianOptions,
    results={"Median": __name__},
    engine="sorting",
    run=median_part,
    parts=lambda spec: spec.options.parts,
    evaluations=lambda spec: [kinds.Evaluations(spec.mixture, 3.0 * spec.options.parts)],
    counts="parts",
    fewer="fewer parts",
    headline=lambda result: f"median {result.median[0]:g}",
    final_state=lambda result: ("done", "Sorted."),
)
SORTING = kinds.Engine("median", "sorting", __name__, per_evaluation=0.5, per_number=0.0)
ABACUS = kinds.Engine("map", "abacus", __name__)


@pytest.fixture(autouse=True)
def registered():
    entries = (MEDIAN, SORTING, ABACUS)
    for entry in entries:
        kinds.register(entry)
    yield
    for entry in entries:
        kinds.withdraw(entry)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """A service whose worker is a thread of this process, which knows what was registered here."""
    url = f"sqlite:///{tmp_path_factory.mktemp('kinds') / 'runs.db'}"
    cluster = LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with cluster, JobService(scheduler=cluster.scheduler_address, database=url) as service:
        yield service


def median_spec(**options):
    return gmm.Specification(dataset=DATA, mixture=gmm.Mixture(), options=MedianOptions(**options))


def abacus_spec():
    return gmm.Specification(
        dataset=DATA,
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(restarts=3, steps=20),
        engine="abacus",
    )


def test_a_new_kind_is_a_specification_with_its_engine_and_comes_back_from_json():
    spec = median_spec()
    assert (spec.kind, spec.engine) == ("median", "sorting")
    assert gmm.Specification.from_json(spec.to_json(), DATA) == spec
    with pytest.raises(ValueError, match="does not run a median fit. Choose 'sorting'"):
        gmm.Specification(
            dataset=DATA, mixture=gmm.Mixture(), options=MedianOptions(), engine="pyro"
        )


def test_a_new_kind_is_limited_and_estimated_by_its_one_count():
    spec = median_spec(parts=4)
    assert size(spec) == 5 * 1 * 2 * 12
    assert inference.estimate_seconds(spec) == pytest.approx(12 * 0.5)
    with pytest.raises(ValueError, match=r"components × parts make 120 .* Use fewer parts\."):
        limits.check_size(spec, 100)
    assert limits.too_long(5, "median").endswith("Use fewer parts.")


def test_a_new_kind_runs_on_a_worker_is_stored_listed_and_counted(jobs):
    spec = median_spec()
    run_id = jobs.submit(spec, "ann")
    status = jobs.wait(run_id, 100)
    assert (status.state, status.kind, status.message) == ("done", "median", "Sorted.")
    result = jobs.result(run_id)
    assert isinstance(result, Median)
    np.testing.assert_array_equal(result.median, [10.0])
    (row,) = jobs.store.runs("ann", kinds=("median",))
    assert (row.kind, row.engine, row.headline) == ("median", "sorting", "median 10")
    assert jobs.store.specification(run_id) == spec
    assert labels()["median"] == "Median"
    assert showing("median").name == "runs"  # it has no page of its own
    assert 'gmm_runs_submitted_total{kind="median"} 0.0' in Metrics(Figures).render()[0].decode()


def test_a_result_of_a_kind_that_is_not_known_is_not_built():
    packed = pack(Median(np.array([1.0])))
    kinds.withdraw(MEDIAN)
    try:
        with pytest.raises(ValueError, match="'Median', which this version does not know"):
            unpack(packed)
    finally:
        kinds.register(MEDIAN)


def test_a_kind_without_report_says_so():
    with pytest.raises(ValueError, match="A median run has no report"):
        report(median_spec(), Median(np.array([1.0])))


def test_a_new_engine_fits_is_stored_and_written_into_every_file(jobs):
    spec = abacus_spec()
    usual = gmm.fit_map(DATA, spec.mixture, spec.options)
    run_id = jobs.submit(spec, "ben")
    assert jobs.wait(run_id, 100).state == "done"
    fit = jobs.result(run_id)
    np.testing.assert_array_equal(fit.loss, usual.loss + 1)
    (row,) = jobs.store.runs("ben")
    assert (row.kind, row.engine) == ("map", "abacus")
    assert "abacus" in report(spec, fit)
    assert f"{fit.loss[fit.chosen, 0]!r}".removeprefix("np.float64(").rstrip(")") in curves_csv(fit)
    assert len(loss_curves.losses(fit.loss, fit.chosen, fit.verdict).data) > 0


def test_a_new_engine_is_one_of_the_choices():
    names = [engine.name for engine in kinds.engines("map", sampled=False)]
    assert names == ["compiled", "abacus", "pyro"]


@pytest.mark.parametrize("entry", [MEDIAN, ABACUS], ids=["kind", "engine"])
def test_a_name_that_is_taken_is_refused(entry):
    with pytest.raises(ValueError, match="already"):
        kinds.register(entry)


def test_every_engine_of_the_folder_is_found_with_the_function_that_its_kind_calls():
    registered = {(engine.kind, engine.name) for engine in kinds.engines()}
    assert registered >= {
        ("map", "compiled"),
        ("map", "pyro"),
        ("guide", "pyro"),
        ("posterior", "nutpie"),
        ("posterior", "pyro"),
        ("compare", "compiled"),
        ("em", "scikit-learn"),
    }
    assert all(kind.engine in {e.name for e in kinds.engines(kind.name)} for kind in kinds.every())
