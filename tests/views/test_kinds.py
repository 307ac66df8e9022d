"""Data of every kind on the pages: counts, holes, known classes, noise."""

import re

import numpy as np
import pytest

from gmm_core.data.examples import example

from .test_data import buttons, page_text, upload


def species_file():
    """Iris as a spreadsheet in a country of decimal commas saves it, with holes and counts."""
    iris = example("iris")
    lines = ["sepal;petal;species;seen"]
    for i, (row, name) in enumerate(zip(iris.values, iris.classes, strict=True)):
        sepal, petal = (f"{row[d]:.1f}".replace(".", ",") for d in (0, 2))
        lines.append(
            f"{'' if i % 10 == 5 else sepal};{'' if i % 10 == 0 else petal};"
            f"{'' if i % 7 == 3 else name};{1 + i % 2}"
        )
    return "\n".join(lines).encode()


def chosen(view):
    app = upload(view("data"), "flowers.csv", species_file())
    boxes = {box.label: box for box in app.selectbox}
    boxes["Counts or weights"].set_value("seen")
    boxes["Known classes"].set_value("species")
    app.run(timeout=60)
    assert not app.exception
    return app


def test_a_file_with_counts_holes_and_species_is_used_whole(view):
    app = chosen(view)
    text = page_text(app)
    assert '30 values are missing, and integrated out: "sepal" lacks 15, "petal" lacks 15.' in text
    assert 'Each row counts as many times as "seen" says.' in text
    assert 'What is known of a row is in "species"; 21 rows without one.' in text
    app.button(key="use_upload").click().run()
    data = app.session_state["dataset"]
    assert data.columns == ("sepal", "petal")
    assert (data.total, data.incomplete) == (225, True)
    assert data.class_names == ("setosa", "versicolor", "virginica")
    text = page_text(app)
    assert "Counted by their weights they are 225 points." in text
    assert '30 values are missing: 15 in "sepal", 15 in "petal".' in text
    # The page says of the data what it lacks: not the account of the reading once more.
    assert "missing" not in app.session_state["data_account"][1]
    assert 'The class is known of 129 points: "setosa", "versicolor", "virginica".' in text
    assert not app.exception


def test_leaving_rows_out_is_one_click(view):
    app = chosen(view)
    radio = next(r for r in app.radio if r.label == "Rows with a missing or infinite value")
    radio.set_value("drop").run()
    app.button(key="use_upload").click().run()
    data = app.session_state["dataset"]
    assert not data.incomplete
    assert len(data.values) == 120


@pytest.mark.parametrize("noise", [False, True])
def test_every_page_takes_such_data(view, finished, noise):
    app = chosen(view)
    app.button(key="use_upload").click().run()
    data = app.session_state["dataset"]
    state = {
        "dataset": data, "n_components": 3, "covariance": "full", "tied": True, "prior": "flat",
        "noise": noise, "map.choose": "final", "map.restarts": 10, "map.polish": True,
    }  # fmt: skip
    fit = finished(view("fit", **state))
    assert not fit.error, fit.error[0].value
    app = view("membership", **state)
    assert not app.exception
    text = page_text(app)
    assert "Components against known classes" in text or "adjusted Rand index" in text
    assert ("P(noise)" in text) == noise
    assert bool(re.search(r"most probably\s+noise", text)) == noise


def test_known_classes_are_compared_with_the_components(view, finished):
    iris = example("iris")
    state = {
        "dataset": iris, "n_components": 3, "covariance": "full", "tied": True, "prior": "flat",
        "map.choose": "final", "map.restarts": 20, "map.polish": True,
    }  # fmt: skip
    finished(view("fit", **state))
    app = view("membership", **state)
    text = page_text(app)
    # The published agreement of the tied full mixture with the species.
    assert "The adjusted Rand index is 0.941" in text
    assert "Three of 150 points are in another one, 2 %" in text.replace("\u202f", " ")


def test_fixed_classes_and_conjugate_priors_are_chosen_beside_the_mixture(view, finished):
    iris = example("iris")
    app = view("fit", dataset=iris, n_components=3, covariance="full", tied=False)
    boxes = {box.label: box for box in app.selectbox}
    boxes["Known classes"].set_value("fix")
    boxes["Priors"].set_value("conjugate")
    app.run(timeout=60)
    app = finished(app)
    service_spec = app.session_state["runs"]["map"]
    from gmm_core.jobs import service

    spec = service().store.specification(service_spec)
    assert spec.mixture.labels == "fix"
    assert spec.mixture.priors.freedom == 6
    assert np.allclose(spec.mixture.priors.covariance_scale, np.cov(iris.values.T))


def test_a_column_that_numbers_the_rows_is_no_class(view):
    lines = "\n".join(f"{i * i},{i + 0.5},name{i}" for i in range(300))
    app = upload(view("data"), "rows.csv", ("a,b,name\n" + lines).encode())
    box = next(box for box in app.selectbox if box.label == "Known classes")
    box.set_value("name").run(timeout=60)
    assert "300 different classes came for 300 points" in page_text(app)
    assert "use_upload" not in buttons(app)
