"""A shared table that is too large for a page: opened by reference, fitted where its rows are."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gmm_core as gmm
from gmm_core.data import folder
from pages.parts import pages

RNG = np.random.default_rng(19)
CENTRES = np.array([[0.0, 0.0], [6.0, 1.0]])
VALUES = RNG.normal(size=(30_000, 2)) + CENTRES[RNG.integers(0, 2, 30_000)]


def page_text(app):
    kinds = ("markdown", "caption", "error", "success", "title", "info")
    pieces = [e.value for kind in kinds for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    text = re.sub(r"<[^>]+>", "", " ".join(map(str, pieces)))
    return text.replace("\\", "").replace("&quot;", '"')


@pytest.fixture
def shared(service, tmp_path, monkeypatch):
    """A folder of shared data with one table, which is large where pages hold 10,000 rows."""
    big = tmp_path / "big"
    big.mkdir()
    for i, rows in enumerate(np.split(VALUES, [12_000])):
        table = pa.table({"a": rows[:, 0], "b": rows[:, 1], "kind": ["x"] * len(rows)})
        pq.write_table(table, big / f"{i}.parquet", row_group_size=6000)
    monkeypatch.setattr(folder, "MAX_POINTS", 10_000)
    monkeypatch.setattr(
        service, "settings", service.settings.model_copy(update={"data": str(tmp_path)})
    )
    # As an administrator gives the variable to every process, also to those that come later.
    monkeypatch.setenv("GMM_DATA", str(tmp_path))
    client = service._workers._client
    places = {"GMM_DATA": str(tmp_path), "GMM_OUT": str(tmp_path / "out")}
    client.run(exec, f"import os; os.environ.update({places!r})")
    yield
    client.run(exec, "import os; [os.environ.pop(each) for each in ('GMM_DATA', 'GMM_OUT')]")


def test_a_large_table_is_fitted_on_every_page_and_its_link_opens_it(
    service, view, finished, shared, tmp_path, monkeypatch
):
    app = view("data")
    app.button(key="shared_big/*.parquet").click().run()
    assert "30,000 rows are more than a page holds" in page_text(app)
    app.button(key="read_reference").click().run()
    assert not app.exception, app.exception[0].stack_trace
    app.button(key="use_reference").click().run()
    assert '"big" has 30,000 points in 2 columns' in page_text(app)
    data = app.session_state["dataset"]
    assert f"a weighted sample of {len(data.values):,} of 30,000 rows (seed 0)" in page_text(app)

    state = {n: app.session_state[n] for n in ("n_components", "covariance", "tied")}
    state |= {"n_components": 2, "covariance": "full", "tied": False, "prior": "flat"}
    query = {"data": data.fingerprint}
    app = view("fit", query=query)
    app.session_state["suggest"] = None  # this person has chosen
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert app.session_state["map.engine"] == "partitions"
    if "start_map" in {button.key for button in app.button}:
        app.button(key="start_map").click().run()
    app = finished(app)
    text = page_text(app)
    assert "Two components explain these 30,000 points: 50 % near" in text.replace("\u202f", " ")
    assert "The objective, split" in text
    assert "of 30,000 rows (seed 0)" in text
    assert "went on to all 30,000 rows" in text
    assert app.button(key="use_sample")
    assert app.toggle(key="play_on_top").disabled
    whole = gmm.fit_map(
        gmm.Dataset.from_values(VALUES),
        gmm.Mixture(n_components=2, covariance="VVV", tied=None, priors=gmm.Priors.flat()),
        gmm.MapOptions(start="search", restarts=10),
    )
    run_id = app.session_state["runs"]["map"]

    again = view("fit", query={"run": run_id})
    assert "Two components explain these 30,000 points" in page_text(again)
    assert again.session_state["dataset"].whole.source == "big/*.parquet"
    assert "stay with the workers" in page_text(again)  # beside the files that it can be saved as
    labels = {button.label for button in again.get("download_button")}
    assert "parameters.json" in labels
    assert not labels & {"data.csv", "memberships.csv", "script.py", "report.html"}

    alone = view("fit", query={"run": run_id})
    alone.button(key="use_sample").click().run()
    assert not alone.exception, alone.exception[0].stack_trace
    itself = alone.session_state["dataset"]
    assert (itself.whole, itself.name) == (None, "sample of big")
    np.testing.assert_array_equal(itself.values, data.values)
    np.testing.assert_array_equal(itself.weights, data.weights)

    members = again.switch_page(pages.entry("membership").script)
    members.query_params.clear()
    members.run()
    assert not members.exception, members.exception[0].stack_trace
    assert "Two components explain these 30,000 points" in page_text(members)
    # There is no folder to write memberships to.
    assert "names no folder to write to" in page_text(members)
    assert any("score" in code.value for code in members.code)

    out = tmp_path / "out"
    out.mkdir()
    settings = service.settings.model_copy(update={"out": str(out)})
    monkeypatch.setattr(service, "settings", settings)
    members.run()
    assert not any("score" in code.value for code in members.code)
    members.button(key="start_memberships").click().run()
    members = finished(members, "memberships")
    (written,) = out.iterdir()
    text = page_text(members)
    assert (
        f"Memberships of 30,000 rows lie in 5 files of Parquet, in the folder {written.name}"
        in text
    )
    parts = [pq.read_table(file) for file in sorted(written.glob("*.parquet"))]
    component = pa.concat_tables(parts)["component"].to_numpy()
    assert len(component) == 30_000
    assert f"component 1{np.sum(component == 1):,}" in text

    opened = view("membership", query={"run": members.session_state["runs"]["memberships"]})
    assert f"in the folder {written.name}" in page_text(opened)
    assert "map" not in opened.session_state["runs"]
    labels = {button.label for button in opened.get("download_button")}
    assert {"parameters.csv", "parameters.json"} <= labels

    listed = view("runs")
    assert f"30,000 rows in 5 files in {written.name}" in page_text(listed)
    assert "(30,000 points, 2 columns)" in page_text(listed)
    assert f"{whole.final_loss[whole.chosen]:.6g}" in page_text(listed)


def test_what_is_wrong_with_a_large_table_is_said(view, shared, tmp_path):
    app = view("data")
    app.button(key="shared_big/*.parquet").click().run()
    (tmp_path / "big" / "1.parquet").unlink()
    (tmp_path / "big" / "1.parquet").write_bytes(b"PAR1 no longer")
    app.button(key="read_reference").click().run()
    assert not app.exception
    assert "1.parquet is not a Parquet file, or is damaged" in page_text(app)


def test_columns_to_see_in_pairs_are_chosen_where_there_are_many(view, shared, tmp_path):
    names = [f"c{d}" for d in range(10)]
    values = RNG.normal(size=(12_000, 10))
    (tmp_path / "wide").mkdir()
    table = pa.table(dict(zip(names, values.T, strict=True)))
    pq.write_table(table, tmp_path / "wide" / "0.parquet")
    app = view("data")
    app.button(key="shared_wide/0.parquet").click().run()
    key = "reference_pairs_wide/0.parquet_10"
    assert app.multiselect(key=key).value == names[:8]

    def read(chosen):
        app.multiselect(key=key).set_value(chosen).run()
        app.button(key="read_reference").click().run()
        app.button(key="use_reference").click().run()
        assert not app.exception, app.exception[0].stack_trace
        return app.session_state["dataset"]

    first = read(["c0", "c9"])
    assert first.whole.pairs == [(0, 9)]
    app.session_state["n_components"] = 3
    both = read(["c8", "c9"])
    assert both.fingerprint == first.fingerprint
    assert both.whole.pairs == [(0, 9), (8, 9)]
    counts, _ = np.histogramdd(values[:, [8, 9]], bins=60)
    np.testing.assert_array_equal(both.whole.maps[1], counts)
    assert app.session_state["n_components"] == 3  # what was chosen for the rows stays
    again = view("data", query={"data": first.fingerprint})
    assert again.session_state["dataset"].whole.pairs == both.whole.pairs

    # Of columns that were not counted together the figure is of the sample, until they are.
    look = f"look_{first.fingerprint[:12]}"
    again.multiselect(key=look).set_value([1, 2]).run()
    again.button(key="count_pair").click().run()
    assert not again.exception, again.exception[0].stack_trace
    more = again.session_state["dataset"]
    assert more.whole.pairs == [*both.whole.pairs, (1, 2)]
    counts, _ = np.histogramdd(values[:, [1, 2]], bins=60)
    np.testing.assert_array_equal(more.whole.maps[2], counts)
    assert "count_pair" not in {button.key for button in again.button}
    (tmp_path / "wide" / "0.parquet").unlink()
    again.multiselect(key=look).set_value([1, 3]).run()
    again.button(key="count_pair").click().run()
    assert "There is no Parquet file" in page_text(again)
    assert again.session_state["dataset"].whole.pairs == more.whole.pairs
