"""Columns that say nothing usable are refused in words on the page, and nothing entered is lost."""

from __future__ import annotations

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.data.examples import example

from .test_data import buttons, page_text, upload


def chosen(app, label):
    return next(box for box in app.selectbox if box.label == label)


def table(**columns):
    """A file of these columns, an empty cell for None."""
    rows = zip(*columns.values(), strict=True)
    lines = [";".join("" if cell is None else str(cell) for cell in row) for row in rows]
    return "\n".join([";".join(columns), *lines]).encode()


LENGTH = [f"{n * n % 17 + 0.5}".replace(".", ",") for n in range(300)]
WIDTH = [f"{n * 3 % 11 + 0.25}".replace(".", ",") for n in range(300)]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([2, -3, *[1, 4] * 149], "1 of 300 weights is negative or no number; the first is -3 in"),
        ([0] * 300, "All weights are zero, so that no point counts"),
    ],
    ids=["negative", "zero"],
)
def test_weights_that_count_nothing_are_refused(view, counts, message):
    app = upload(view("data"), "a.csv", table(length=LENGTH, width=WIDTH, times=counts))
    chosen(app, "Counts or weights").set_value("times").run()
    assert message in page_text(app)
    assert "use_upload" not in buttons(app)
    assert app.session_state["dataset"] == example("tutorial")
    # All else stays as it was chosen, and one choice mends it.
    assert chosen(app, "Counts or weights").value == "times"
    chosen(app, "Counts or weights").set_value(None).run()
    assert "use_upload" in buttons(app)


def test_a_row_without_its_weight_is_left_out_and_said(view):
    counts = [2, None, *[1, 4] * 149]
    app = upload(view("data"), "a.csv", table(length=LENGTH, width=WIDTH, times=counts))
    chosen(app, "Counts or weights").set_value("times").run()
    assert 'Dropped 1 row without a number in "times".' in page_text(app)
    assert buttons(app)["use_upload"].label == "Use these 299 points"


def test_a_class_for_each_row_is_refused(view):
    app = upload(view("data"), "a.csv", table(length=LENGTH, width=WIDTH, who=range(7, 307)))
    chosen(app, "Known classes").set_value("who").run()
    assert "300 different classes came for 300 points" in page_text(app)
    assert "use_upload" not in buttons(app)
    assert chosen(app, "Known classes").value == "who"


def test_a_column_without_any_value_is_not_taken(view):
    app = upload(view("data"), "a.csv", table(length=LENGTH, width=WIDTH, none=[None] * 300))
    assert "none" in page_text(app)
    picker = next(m for m in app.multiselect if m.label == "Columns to use")
    assert picker.value == ["length", "width"]
    app.button(key="use_upload").click().run()
    assert app.session_state["dataset"].columns == ("length", "width")


def test_more_classes_than_components_are_answered_on_the_fit_page(view):
    app = view("fit", dataset=example("iris"), n_components=2, class_labels="fix")
    text = page_text(app)
    assert "The data has 3 known classes" in text
    assert "Raise K to 3 at least" in text
    assert app.session_state["n_components"] == 2
    assert app.session_state["class_labels"] == "fix"


def test_noise_around_one_value_is_answered_on_the_fit_page(view):
    data = gmm.Dataset.from_values(np.full(12, 2.0))
    app = view("fit", dataset=data, noise=True)
    assert "are equal (2), so it has no spread to fit" in page_text(app)
    assert app.session_state["noise"]
