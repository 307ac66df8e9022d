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
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def jobs(folder, out, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMM_DATA", str(folder))
        patch.setenv("GMM_OUT", str(out))
        database = f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'runs.db'}"
        # One worker with one thread: which has to do what its own part waits for.
        with JobService(database=database, n_workers=1) as service:
            yield service


@pytest.fixture(scope="module")
def sample(jobs, folder):
    reports = []
    data = Folder(str(folder)).partitioned(SOURCE)
    made = jobs.sample(data, size=600, source=SOURCE, shared=True, on_progress=reports.append)
    assert (reports[-1].done, reports[-1].total) == (6, 6)
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
    opened = Folder(str(folder))
    for name in ("../secret.parquet", str(tmp_path / "secret.parquet"), "big/../../x.parquet"):
        with pytest.raises(ValueError, match="leads out of the folder"):
            opened.partitioned(name)
    link = folder / "big" / "link.parquet"
    link.symlink_to(tmp_path / "secret.parquet")
    try:
        assert opened.partitioned(SOURCE).rows == 4000
        with pytest.raises(ValueError, match="is a link that leads out of the folder"):
            opened.partitioned("big/link.parquet")
    finally:
        link.unlink()


POINT = gmm.Parameters([0.5, 0.5], CENTRES, [np.eye(2)] * 2)


def memberships_of(sample, point=POINT):
    return gmm.Specification(
        dataset=sample, mixture=MIXTURE, options=gmm.MembershipsOptions(), parameters=point
    )


def test_memberships_are_written_into_a_folder_of_their_own(jobs, sample, out):
    spec = memberships_of(sample)
    run_id = jobs.submit(spec, owner="ann")
    status = jobs.wait(run_id, 60)
    assert (status.state, status.message) == ("done", "")
    memberships = jobs.result(run_id)
    assert memberships.folder == f"big-memberships-{run_id[:8]}"
    written = out / memberships.folder
    assert [file.name for file in sorted(written.iterdir())] == [
        f"part-{i:05}.parquet" for i in range(6)
    ]
    table = pa.concat_tables([pq.read_table(file) for file in sorted(written.iterdir())])
    component = gmm.assign(POINT, VALUES) + 1
    np.testing.assert_array_equal(table["component"], component)
    np.testing.assert_allclose(table["log density"], gmm.log_density(POINT, VALUES), rtol=1e-12)
    assert memberships.assigned.tolist() == np.bincount(component)[1:].tolist()
    (row,) = [listed for listed in jobs.store.runs("ann") if listed.kind == "memberships"]
    assert row.headline == f"4,000 rows in 6 files in {memberships.folder}"

    with pytest.raises(ValueError, match="would be written once more"):
        jobs.verify(run_id)
    # Somebody who asks again after it was deleted gets another folder, and the first one stays.
    jobs.delete(run_id)
    before = {file.name: file.read_bytes() for file in written.iterdir()}
    assert jobs.wait(jobs.submit(spec), 60).state == "done"
    assert jobs.result(run_id).folder == f"{memberships.folder}-2"
    assert {file.name: file.read_bytes() for file in written.iterdir()} == before


def test_a_stopped_writing_leaves_nothing(jobs, folder, out):
    (folder / "many").mkdir()
    table = pa.table({"a": VALUES[:2000, 0], "b": VALUES[:2000, 1]})
    pq.write_table(table, folder / "many" / "0.parquet", row_group_size=4)  # a task for each
    name = "many/0.parquet"
    sample = jobs.sample(Folder(str(folder)).partitioned(name), source=name, shared=True)
    before = set(out.iterdir())
    run_id = jobs.submit(memberships_of(sample))
    until(lambda: jobs.status(run_id).done, 60)
    assert len(set(out.iterdir()) - before) == 1
    jobs.cancel(run_id)
    status = jobs.wait(run_id, 20)
    assert (status.state, status.done < status.total) == ("cancelled", True)
    until(lambda: set(out.iterdir()) == before, 20)


def test_what_there_is_no_room_for_is_refused_before_it_begins(jobs, sample, out):
    before, client = set(out.iterdir()), jobs._workers._client
    client.run(exec, "import os; os.environ['GMM_OUT_BYTES'] = '200000'")
    point = gmm.Parameters([0.3, 0.7], CENTRES, [np.eye(2)] * 2)
    try:
        status = jobs.wait(jobs.submit(memberships_of(sample, point)), 60)
    finally:
        client.run(exec, "import os; del os.environ['GMM_OUT_BYTES']")
    assert status.state == "failed"
    assert "of the 0.2 MB that it may have (GMM_OUT_BYTES)" in status.message
    assert set(out.iterdir()) == before


def test_what_cannot_be_written_is_said_and_leaves_nothing(jobs, sample, folder, out):
    before = set(out.iterdir())
    file = folder / "big" / "2.parquet"
    content = file.read_bytes()
    pq.write_table(pa.table({"a": VALUES[:9, 0], "b": VALUES[:9, 1]}), file)
    other = gmm.Parameters([0.4, 0.6], CENTRES, [np.eye(2)] * 2)
    try:
        changed = jobs.wait(jobs.submit(memberships_of(sample, other)), 60)
    finally:
        file.write_bytes(content)
    assert changed.state == "failed"
    assert "the files have changed. Open the data again." in changed.message
    assert set(out.iterdir()) == before
