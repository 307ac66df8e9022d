"""The Membership page: it follows the fit, takes new values, and holds the guide to the truth."""

from __future__ import annotations

import io
import re

import gmm_core as gmm
from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example
from gmm_core.data.reading import read_table
from gmm_core.mixture import Mixture
from gmm_core.runs.options import NutsOptions
from gmm_core.runs.specification import Specification

QUICK = {"map.steps": 60, "guide.steps": 20}


def page_text(app):
    """All that the page says, without markup and thin spaces."""
    kinds = ("markdown", "caption", "error", "title", "header")
    pieces = [e.value for kind in kinds for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    text = re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces))).replace("\u202f", " ")
    return re.sub(r"\s+", " ", text.replace("\\", ""))


def ready(app, finished, slot="guide"):
    """The page after its fit and its guide have ended."""
    if "guide" not in app.session_state["runs"]:
        finished(app)
    return finished(app, slot)


def test_first_visit_fits_and_then_answers(view, finished):
    app = view("membership")
    assert "which point belongs where follows from them" in page_text(app) or (
        "The boundary is at 5.72" in page_text(app)
    )
    text = page_text(ready(app, finished))
    assert "The boundary is at 5.72. For all 5 points it is at least" in text


def test_guide_of_200_steps_is_told_apart_from_the_optimum_and_more_steps_reach_it(view, finished):
    app = ready(view("membership"), finished)
    assert "its loss is 17.71 and the MAP loss 17.44." in page_text(app)
    app.button(key="cure_guide_steps").click().run()
    assert app.session_state["guide.steps"] == 2000
    text = page_text(finished(app, "guide"))
    assert "After 2,000 steps the guide has found the closed form" in text
    assert "cure_guide_steps" not in {button.key for button in app.button}


def test_typed_values_are_classified(view, finished):
    app = ready(view("membership"), finished)
    app.text_area(key="typed_1").input("5.7, 5.75").run()
    tables = [e.proto.body for e in app.get("html") if "New values" in e.proto.body]
    rows = re.findall(r"<tr>(.*?)</tr>", tables[0])
    cells = [re.sub(r"<[^>]+>", "|", row).replace("\u202f", " ") for row in rows[1:]]
    assert [re.findall(r"[^|]+", row)[1:4] for row in cells] == [
        ["5.7", "2", "63 %"],
        ["5.75", "1", "67 %"],
    ]


def test_new_values_of_transformed_columns_are_typed_as_they_stand_in_the_table(view, finished):
    values = example("tutorial").values + 1
    data = gmm.transformed(gmm.Dataset.from_values(values), {"value": "log"})
    app = ready(view("membership", dataset=data), finished)
    app.text_area(key="typed_1").input("2 0").run()
    assert "takes values above zero, but 1 of 2" in page_text(app)
    app.text_area(key="typed_1").input("2, 11").run()
    (table,) = [e.proto.body for e in app.get("html") if "New values" in e.proto.body]
    assert "log value" not in table
    assert "<td>11</td>" in table


def test_outlier_is_named(view, finished):
    app = ready(view("membership"), finished)
    app.text_area(key="typed_1").input("0.5, 400, 11").run()
    text = page_text(app)
    assert "Row 2 is an outlier: less likely than 99 %" in text


def test_without_draws_the_way_to_them_is_shown(view, finished):
    other = {"new_by": "The whole posterior", "posterior.seed": 901}
    app = ready(view("membership", **other), finished)
    app.text_area(key="typed_1").input("5").run()
    assert "There are no draws of this mixture's posterior yet" in str(app.info[0].value)
    assert [link.proto.label for link in app.get("page_link")] == ["Go to Posterior"]
    assert "download_new" not in {button.key for button in app.get("download_button")}


def test_new_values_are_averaged_over_the_posterior(view, finished, service):
    app = ready(view("membership", new_by="The whole posterior"), finished)
    options = NutsOptions(draws=200, warmup=200, chains=2, seed=3, target_accept=0.9)
    for name, value in {"draws": 200, "warmup": 200, "chains": 2, "seed": 3}.items():
        app.session_state[f"posterior.{name}"] = value
    spec = Specification(dataset=example("tutorial"), mixture=Mixture(), options=options)
    service.wait(service.submit(spec, ""), timeout=120)
    app.text_area(key="typed_1").input("5, 400").run()
    assert not app.exception
    text = page_text(app)
    assert "Averaged over 400 draws of the posterior. Row 2 is an outlier" in text
    # In brackets stands the spread of the probability of the first point, which is wide.
    low, high = re.findall(r"(\d+) % \((\d+)", text)[0][::-1]
    assert int(low) < int(high)


def test_values_that_cannot_be_read_are_answered_and_kept(view, finished):
    app = ready(view("membership"), finished)
    app.text_area(key="typed_1").input("5.7 five").run()
    assert 'Line 1, is "five", but a finite number was expected' in page_text(app)
    assert app.text_area(key="typed_1").value == "5.7 five"
    assert "The boundary is at 5.72" in page_text(app)


def test_uploaded_file_is_matched_by_column_and_what_is_lost_is_counted(view, finished):
    app = ready(view("membership", new_source="From a file"), finished)
    upload = app.file_uploader(key="new_file")
    upload.upload("new.csv", b"value,other\n5.7,1\n,2\n11,3\n", "text/csv").run()
    text = page_text(app)
    assert "Read 2 rows. 1 row with a missing value left out." in text
    assert "New values" in text


def test_file_without_the_columns_is_answered(view, finished):
    app = ready(view("membership", new_source="From a file"), finished)
    upload = app.file_uploader(key="new_file")
    upload.upload("new.csv", b"a,b\n5.7,1\n1,2\n", "text/csv").run()
    assert 'no column of numbers named "value"' in page_text(app)


def test_broken_file_is_answered(view, finished):
    app = ready(view("membership", new_source="From a file"), finished)
    app.file_uploader(key="new_file").upload("new.csv", b"\x00\x01\xff" * 50, "text/csv").run()
    assert app.error
    assert not app.exception


def test_more_columns_are_drawn_by_pair_without_boundary(view, finished):
    iris = example("iris")
    app = ready(
        view("membership", dataset=iris, prior="data", n_components=3, **QUICK),
        finished,
    )
    text = page_text(app)
    assert "of 150 points it is at least" in text
    assert "Points only: where a region ends also depends on the other 2 columns." in text
    app.toggle(key="doubtful_first").set_value(True).run()
    assert not app.exception


def test_assignment_is_drawn_where_it_differs_from_the_main_figure(view, finished):
    faithful = example("faithful")
    app = ready(view("membership", dataset=faithful, prior="data", **QUICK), finished)
    figures = len(app.get("bidi_component"))
    app.slider(key="temperature").set_value(1.0).run()
    assert len(app.get("bidi_component")) == figures + 1


def test_link_of_a_guide_opens_its_own_parameters(view, finished):
    first = ready(view("membership", **{"map.first_seed": 3, "map.steps": 40}), finished)
    run_id = first.session_state["runs"]["guide"]
    text = page_text(view("membership", query={"run": run_id}))
    assert "The boundary is at 5.7" in text
    assert "After 200 steps the guide" in text


def test_mixture_that_does_not_fit_is_answered(view):
    app = view("membership", n_components=7)
    assert "There is no fit" in page_text(app)
    assert "at least as many points" in page_text(app)


def test_hostile_column_names_are_text_on_the_page_and_harmless_in_the_file(view, finished):
    from gmm_core.mixture import Parameters
    from gmm_core.sharing import tables

    names = ["<script>x</script>", "=cmd|' /C calc'!A0"]
    values = [[0.0, 1.0], [1.0, 0.5], [9.0, 4.0], [10.0, 5.0], [11.0, 4.5], [2.0, 0.0]]
    data = Dataset.from_values(values, columns=names)
    app = ready(view("membership", dataset=data, prior="data", **QUICK), finished)
    assert not any("<script>" in e.proto.body for e in app.get("html"))
    point = Parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.0], [0.0, 1.0]]])
    back = read_table(io.BytesIO(tables.memberships_csv(data, point).encode()))
    assert "'" + names[1] in back.columns


def test_points_are_coloured_by_their_classes(view, finished):
    app = ready(view("membership", dataset=example("iris"), **QUICK), finished)
    (chosen,) = [w for w in app.selectbox if w.label == "Colour by"]
    assert chosen.options == ["component", "known classes"]
    chosen.set_value(0).run()
    assert not app.exception
    assert "A class has the colour of the component that it matches best." in page_text(app)
