"""From any earlier schema to the present one, by itself, by one of many, and never back."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import gmm_core as gmm
from gmm_core.runs import serialize
from gmm_core.store import Store, migrations, schema

TOP = Path(__file__).parents[2]
# What SQLite said of a database that the last program without versions had made.
UNVERSIONED = Path(__file__).with_name("unversioned.sql")


@pytest.fixture
def engine(url):
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def specification():
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(n_components=3),
        options=gmm.MapOptions(steps=10),
    )


def make_unversioned(engine):
    """Make a database as before there were versions, with a run of everything."""
    spec, moment = specification(), "2026-01-02 03:04:05.000000"
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for statement in UNVERSIONED.read_text().split(";"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
        else:
            migrations.upgrade(connection, "0001")
            connection.execute(sa.text("DROP TABLE alembic_version"))
        rows = {
            "datasets": {
                "fingerprint": spec.dataset.fingerprint,
                "name": "tutorial",
                "columns": '["value"]',
                "n": 5,
                "d": 1,
                "values": serialize.pack(spec.dataset.values),
                "created": moment,
            },
            "runs": {
                "id": spec.id,
                "kind": "map",
                "dataset": spec.dataset.fingerprint,
                "specification": spec.to_json(),
                "engine": "compiled",
                "state": "done",
                "message": "",
                "headline": "loss 1",
                "created": moment,
                "finished": moment,
            },
            "run_owners": {"run_id": spec.id, "owner": "ann", "created": moment},
            "results": {"run_id": spec.id, "blob": serialize.pack(np.arange(3.0))},
        }
        for table, row in rows.items():
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)
    return spec


def differences(engine):
    """What Alembic would change to come from the database to `schema.py`."""
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), schema.metadata)


def test_a_new_database_is_as_the_schema_says(url, engine):
    Store(url).close()
    assert differences(engine) == []
    with engine.connect() as connection:
        assert migrations.version(connection) == migrations.HEAD
        # The comparison sees what is missing.
        connection.execute(sa.text("DROP TABLE parts"))
        changes = compare_metadata(MigrationContext.configure(connection), schema.metadata)
        assert [(change, table.name) for change, table in changes] == [("add_table", "parts")]


def test_the_newest_migration_is_the_head():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrations.HEAD]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"r{script.revision}_")


def test_a_database_without_a_version_is_taken_over_with_all_that_is_in_it(url, engine):
    spec = make_unversioned(engine)
    with Store(url) as store:
        (row,) = store.runs("ann")
        assert (row.id, row.headline, row.mixture["n_components"]) == (spec.id, "loss 1", 3)
        assert row.options["steps"] == 10
        assert store.specification(spec.id) == spec
        np.testing.assert_array_equal(store.result(spec.id), np.arange(3.0))
    assert differences(engine) == []


def test_opening_it_again_changes_nothing_and_loads_no_alembic(url):
    Store(url).close()
    code = (
        "import sys; from gmm_core.store import Store\n"
        f"with Store({url!r}) as store: assert store.runs() == []\n"
        "assert 'alembic' not in sys.modules and 'mako' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=TOP, check=True)


def test_of_several_programs_that_start_at_once_one_migrates_and_all_start(tmp_path, postgres):
    """Three programs open the same database in the same moment; one after the other, four."""
    code = (
        "import sys; from gmm_core.store import Store\n"
        "print('ready', flush=True)\n"
        "for url in sys.stdin:\n"
        "    with Store(url.strip()) as store: print(len(store.runs()), flush=True)"
    )
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=TOP,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [program.stdout.readline() for program in programs] == ["ready\n"] * 3
    for kind in ("sqlite", "postgresql"):
        for before in ("empty", "unversioned"):
            url = f"sqlite:///{tmp_path / before}" if kind == "sqlite" else postgres.new_database()
            engine = sa.create_engine(url)
            if before == "unversioned":
                make_unversioned(engine)
            for program in programs:
                program.stdin.write(f"{url}\n")
                program.stdin.flush()
            expected = "1\n" if before == "unversioned" else "0\n"
            assert [program.stdout.readline() for program in programs] == [expected] * 3
            assert differences(engine) == []
            engine.dispose()
    for program in programs:
        program.communicate(timeout=60)
        assert program.returncode == 0


def test_a_newer_database_is_refused_without_its_password(url, engine):
    Store(url).close()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ValueError, match=r"has schema '9999', but .* Start that version"):
        Store(url)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(url, engine):
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (id INTEGER)"))
    with pytest.raises(ValueError, match=r"that this program did not make: it lacks attempt"):
        Store(url)
    assert sa.inspect(engine).get_table_names() == ["runs"]
