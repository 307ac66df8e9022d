"""A backup of PostgreSQL, written and read as deploy/README.md says, is the same store again."""

import subprocess

import numpy as np
import sqlalchemy as sa

from gmm_core.store import Store
from store.test_store import specification
from store.test_usage import keep


def test_a_backup_that_is_restored_has_every_run_with_its_data_and_result(postgres):
    def run(program, url, *arguments, **options):
        at = sa.make_url(url)
        where = ["--host", at.host, "--port", str(at.port), "--username", at.username]
        command = [postgres.programs / program, *where, *arguments, at.database]
        return subprocess.run(command, check=True, capture_output=True, **options).stdout

    before, after = postgres.new_database(), postgres.new_database()
    with Store(before) as store:
        done = keep(store, 10, "ann")
        store.pin(done, "ann")
        waiting = specification(11)
        store.create_run(waiting, "ben")
        store.save_dataset(waiting.dataset, "ann")
        result, rows, data = store.result(done), store.runs(), store.datasets()
    backup = run("pg_dump", before)
    run("psql", after, "--quiet", "--set", "ON_ERROR_STOP=1", input=backup)
    with Store(after) as store:
        np.testing.assert_array_equal(store.result(done).loss, result.loss)
        assert store.runs() == rows
        assert store.datasets() == data
        assert store.specification(waiting.id) == waiting
        assert store.claim(waiting.id, "a" * 32, "server")
        assert store.save_result(waiting.id, None)  # and it takes new ones
