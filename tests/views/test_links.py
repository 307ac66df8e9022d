"""A link opens by the stored row, whatever id today's program computes for what is in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from gmm_core.data.examples import example
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs.options import MapOptions
from gmm_core.runs.specification import Specification

_TABLES = {"runs": "id", "results": "run_id", "parts": "run_id", "run_owners": "run_id"}


def write(*statements: tuple[str, tuple[str, ...]]) -> None:
    """Change the database behind the program's back; its foreign keys are not watched here."""
    path = os.environ["GMM_DATABASE"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        for statement, values in statements:
            connection.execute(statement, values)


def listed(run_id: str) -> tuple[list[tuple[object, ...]], list[tuple[str]]]:
    """Return what the list says of a run, without when it was looked at, and the ids of all."""
    path = os.environ["GMM_DATABASE"].removeprefix("sqlite:///")
    row = (
        "SELECT id, kind, specification, state, attempt, attempts, created, finished "
        "FROM runs WHERE id = ?"
    )
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return (
            connection.execute(row, (run_id,)).fetchall(),
            connection.execute("SELECT id FROM runs ORDER BY id").fetchall(),
        )


def done(service, owner: str, seed: int) -> Specification:
    spec = Specification(
        dataset=example("tutorial"),
        mixture=Mixture(),
        options=MapOptions(restarts=2, steps=20, first_seed=seed),
        engine="pyro",  # nothing to compile first
    )
    assert service.wait(service.submit(spec, owner), timeout=300).state == "done"
    return spec


def test_a_run_whose_id_is_no_longer_its_hash_is_shown_and_verified_as_it_is(view, service, owner):
    spec = done(service, owner, 4711)
    forged = "f0" * 16
    write(
        *(
            (f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (forged, spec.id))
            for table, column in _TABLES.items()
        )
    )
    before = listed(forged)
    app = view("fit", query={"run": forged})
    assert app.query_params["run"] == forged
    assert app.session_state["runs"]["map"] == forged
    assert any(caption.value.startswith("Done in") for caption in app.caption)
    assert any(f"run={forged}" in block.value for block in app.code)
    assert not app.warning
    assert listed(forged) == before
    app.button(key="verify").click().run()
    check = service.store.check(forged)
    if check.verdict is None:  # it may be over already
        service.wait(check.check_id, timeout=300)
    app.run()
    assert not app.exception
    assert "the same numbers, to the last digit" in app.success[0].value
    assert app.query_params["run"] == forged
    assert listed(forged) == before


def test_a_fit_that_begins_at_a_given_point_opens_as_it_is(view, service, owner):
    spec = Specification(
        dataset=example("tutorial"),
        mixture=Mixture(),
        options=MapOptions(start="given", restarts=1, steps=20),
        engine="pyro",
        parameters=Parameters([0.5, 0.5], [[1.0], [9.0]], [[[1.0]], [[1.0]]]),
    )
    assert service.wait(service.submit(spec, owner), timeout=300).state == "done"
    app = view("fit", query={"run": spec.id})
    assert not app.exception
    assert not app.error
    assert app.session_state["runs"]["map"] == spec.id
    assert any(caption.value.startswith("Done in") for caption in app.caption)
    app.run()
    assert app.session_state["runs"]["map"] == spec.id
    assert app.selectbox(key="map.start").value == "given"
    app.session_state["n_components"] = 3
    app.run()
    assert not app.exception
    assert app.selectbox(key="map.start").value == "subsample"
    assert "A given point" not in app.selectbox(key="map.start").options


def test_settings_of_other_data_do_not_say_that_its_run_begins_at_a_given_point(view):
    data, mixture = example("tutorial"), Mixture()
    point = Parameters([0.5, 0.5], [[1.0], [9.0]], [[[1.0]], [[1.0]]])
    state = {"map.start": "given", "map.restarts": 1, "given": ((data, mixture), point)}
    app = view("fit", dataset=example("galaxies"), prior="data", **state)
    assert app.selectbox(key="map.start").value == "subsample"
    smc = {"posterior.engine": "smc", "smc.engine": "smc", "smc.start": "given"}
    app = view("posterior", dataset=example("galaxies"), prior="data", **state | smc)
    assert app.session_state["smc.start"] != "given"
    assert not any("an earlier run" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"tied":true', '"tied":true,"wavy":1', "mixture.wavy = 1"),
        ('"kind":"map"', '"kind":"dream"', "the kind 'dream'"),
    ],
)
def test_what_a_newer_version_made_is_answered_in_words(view, service, owner, old, new, words):
    spec = done(service, owner, 4712)
    kind = "dream" if "dream" in new else "map"
    write(
        (
            "UPDATE runs SET kind = ?, specification = replace(specification, ?, ?) WHERE id = ?",
            (kind, old, new, spec.id),
        )
    )
    try:
        before, _ = listed(spec.id)
        app = view("fit", query={"run": spec.id})
        problem = app.warning[0].value.replace("\\", "")
        assert "made by another version of Mixture Explorer" in problem
        assert words in problem
        assert listed(spec.id)[0] == before
        if kind == "dream":
            return  # the list holds the kinds that it can name
        runs = view("runs")
        runs.button(key=f"open_{spec.id}").click().run()
        assert not runs.exception
        assert any(words in warning.value.replace("\\", "") for warning in runs.warning)
    finally:
        service.delete(spec.id)
