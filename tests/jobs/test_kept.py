"""Whoever keeps too much is told what to do, and others go on."""

import pytest
from store.test_usage import keep

from gmm_core.jobs import JobService
from gmm_core.settings import Settings
from jobs.test_jobs import map_spec

SETTINGS = Settings(keep_bytes=3e6, keep_bytes_all=5e6)


@pytest.fixture
def jobs(tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    with JobService(database=url, n_workers=1, settings=SETTINGS) as service:
        yield service


def test_who_has_too_much_deletes_some_and_who_has_pinned_all_is_told(jobs):
    ids = [keep(jobs.store, steps, "ann") for steps in (10, 11, 12)]
    with pytest.raises(ValueError, match=r"take 3 MB, and 3 MB are kept .*Delete runs"):
        jobs.submit(map_spec(steps=1), "ann")
    other = jobs.submit(map_spec(steps=1), "ben")
    jobs.delete(ids[0], "ann")
    assert jobs.submit(map_spec(steps=1), "ann") == other  # and what is known is no new load
    jobs.cancel(other)

    # In all: ben's unpinned ones make room for others, and pinned ones stay.
    bens = [keep(jobs.store, steps, "ben") for steps in (20, 21)]
    late = keep(jobs.store, 22, "cem")
    jobs.cancel(jobs.submit(map_spec(steps=2), "dee"))
    left = {row.id for row in jobs.store.runs()}
    assert ids[1] not in left
    assert {*bens, late} <= left
    for run in left & {*ids, *bens, late}:
        jobs.store.pin(run, "ann")
    while jobs.store.kept_bytes() < 5e6:
        run = keep(jobs.store, 30 + int(jobs.store.kept_bytes() / 1e5), "eva")
        jobs.store.pin(run, "eva")
    with pytest.raises(ValueError, match=r"keeps \d MB of runs and data, and 5 MB is the limit"):
        jobs.submit(map_spec(steps=3), "fay")
