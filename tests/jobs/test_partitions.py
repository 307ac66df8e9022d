"""Runs on data whose rows stay with the workers: opened, kept, computed, stopped, opened again."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import until

import gmm_core as gmm
from gmm_core.data.folder import Folder
from gmm_core.jobs import JobService

RNG = np.random.default_rng(17)
CENTRES = np.array([[0.0, 0.0], [6.0, 1.0]])
VALUES = RNG.normal(size=(4000, 2)) + CENTRES[RNG.integers(0, 2, 4000)]
MIXTURE = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=gmm.Priors.flat())
OPTIONS = gmm.MapOptions(restarts=4, start="kmeans++", method="em", choose="final", steps=300)
SOURCE = "big/*.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "big").mkdir()
    for i, rows in enumerate(np.split(VALUES, [1500, 1501])):
        table = pa.table({"a": rows[:, 0], "b": rows[:, 1]})
        pq.write_table(table, folder / "big" / f"{i}.parquet", row_group_size=1000)
    return folder


@pytest.fixture(scope="module")
def jobs(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMM_DATA", str(folder))
        database = f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'runs.db'}"
        # One worker with one thread: which has to do what its own part waits for.
        with JobService(database=database, n_workers=1) as service:
            yield service


@pytest.fixture(scope="module")
def sample(jobs, folder):
    told = []
    data = Folder(str(folder)).partitioned(SOURCE)
    made = jobs.sample(data, size=600, source=SOURCE, shared=True, on_progress=told.append)
    assert (told[-1].done, told[-1].total) == (6, 6)
    assert (made.n, made.name) == (4000, "big")
    return made


def spec_of(sample, **options):
    options = OPTIONS.model_copy(update=options)
    return gmm.Specification(dataset=sample, mixture=MIXTURE, options=options)


def test_a_run_is_computed_where_the_rows_are_and_its_link_opens_it(jobs, sample, folder):
    spec = spec_of(sample)
    run_id = jobs.submit(spec, owner="ann")
    status = jobs.wait(run_id, 120)
    assert (status.state, status.message) == ("done", "")
    fit = jobs.result(run_id)
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )
    stored = jobs.store.specification(run_id)
    assert stored.id == spec.id == run_id
    assert stored.dataset.whole.rows == 4000
    np.testing.assert_array_equal(stored.dataset.whole.maps, sample.whole.maps)
    (row,) = jobs.store.runs("ann")
    assert (row.n, row.d, row.engine) == (4000, 2, "partitions")
    # What is kept is the sample, and that is what counts.
    assert jobs.store.kept_bytes() < 4000 * 2 * 8


def test_a_run_is_stopped(jobs, sample):
    # What comes before the first pass takes some seconds here: the search of the sample.
    mixture = MIXTURE.model_copy(update={"n_components": 16})
    options = OPTIONS.model_copy(update={"restarts": 1000, "steps": 1000})
    spec = gmm.Specification(dataset=sample, mixture=mixture, options=options)
    run_id = jobs.submit(spec)
    until(lambda: jobs.status(run_id).total, 60)
    jobs.cancel(run_id)
    assert jobs.wait(run_id, 20).state == "cancelled"


def test_files_that_have_changed_end_the_run_in_words(jobs, sample, folder):
    file = folder / "big" / "2.parquet"
    before = file.read_bytes()
    pq.write_table(pa.table({"a": VALUES[:9, 0], "b": VALUES[:9, 1]}), file)
    try:
        run_id = jobs.submit(spec_of(sample, first_seed=1))
        status = jobs.wait(run_id, 60)
    finally:
        file.write_bytes(before)
    assert status.state == "failed"
    assert "the files have changed. Open the data again." in status.message


def test_nothing_outside_of_the_folder_is_opened(folder, tmp_path):
    pq.write_table(pa.table({"a": [1.0, 2.0]}), tmp_path / "secret.parquet")
    there = Folder(str(folder))
    for name in ("../secret.parquet", str(tmp_path / "secret.parquet"), "big/../../x.parquet"):
        with pytest.raises(ValueError, match="leads out of the folder"):
            there.partitioned(name)
    link = folder / "big" / "link.parquet"
    link.symlink_to(tmp_path / "secret.parquet")
    try:
        assert there.partitioned(SOURCE).rows == 4000
        with pytest.raises(ValueError, match="is a link that leads out of the folder"):
            there.partitioned("big/link.parquet")
    finally:
        link.unlink()
