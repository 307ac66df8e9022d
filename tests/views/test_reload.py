"""A reload never loses data: the address says what a page works on, and the store has it."""

from __future__ import annotations

import re

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example
from gmm_core.data.rows import Rows

MINE = Dataset.from_values([[1.0, 5.0], [2.0, 4.0], [8.0, 1.0]], ["a", "b"], "mine.csv")
ROWS = Rows(np.array([1, 2, 4]), {"who": np.array(["Ann", "Ben", "Dee"])})


def page_text(app) -> str:
    pieces = [e.value for kind in ("caption", "warning", "markdown") for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    return re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces))).replace("\\", "")


def working(app) -> str:
    return app.session_state["dataset"].fingerprint


def test_typed_points_are_there_again_on_every_page_after_a_reload(view):
    app = view("data")
    app.text_area(key="typed").input("3, 1, 4, 1, 5, 9").run()
    app.button(key="use_typed").click().run()
    fingerprint = working(app)
    for page in ("data", "runs", "compare", "tour"):
        again = view(page, query={"data": fingerprint}, **{"compare.restarts": 1})
        assert working(again) == fingerprint
        assert "typed" in page_text(again)


def test_what_the_persons_table_says_of_its_rows_comes_back_with_it(view, service, owner):
    service.store.save_dataset(
        Dataset(MINE.values, MINE.columns, "hers.csv", ROWS), "person:somebody else"
    )
    service.store.save_dataset(Dataset(MINE.values, MINE.columns, MINE.name, ROWS), owner)
    data = view("data", query={"data": MINE.fingerprint}).session_state["dataset"]
    assert data.name == "mine.csv"
    assert data.rows is not None
    assert list(data.rows.columns["who"]) == ["Ann", "Ben", "Dee"]
    assert list(data.rows.numbers) == [1, 2, 4]


def test_an_example_goes_by_its_name(view):
    assert working(view("data", query={"data": "faithful"})) == example("faithful").fingerprint


def test_data_that_is_not_there_any_more_is_told_and_the_tutorials_shown(view):
    app = view("data", query={"data": "0" * 64})
    assert "No dataset has the fingerprint" in page_text(app)
    assert working(app) == example("tutorial").fingerprint
    app.run()
    assert "No dataset has the fingerprint" not in page_text(app)


def test_earlier_data_is_listed_used_and_forgotten(view, service, owner):
    service.store.save_dataset(MINE, owner)
    app = view("data")
    assert "mine.csv" in page_text(app)
    app.button(key=f"use_saved_{MINE.fingerprint}").click().run()
    assert working(app) == MINE.fingerprint
    app.button(key=f"forget_{MINE.fingerprint}").click().run()
    assert f"forget_{MINE.fingerprint}" not in {button.key for button in app.button}
