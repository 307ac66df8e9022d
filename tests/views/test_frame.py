"""What stands beside every page: the data and the mixture that it works on."""

from __future__ import annotations

from gmm_core.data.examples import example


def beside(app) -> str:
    return " ".join(caption.value for caption in app.sidebar.caption).replace("\\", "")


def test_the_mixture_beside_the_page_is_the_one_that_is_chosen(view):
    app = view("fit", **{"map.restarts": 2, "map.steps": 20})
    assert "K = 2" in beside(app)
    app.slider(key="n_components").set_value(3).run()
    assert not app.exception
    assert "K = 3" in beside(app)
    assert "K = 2" not in beside(app)


def test_no_mixture_is_said_to_be_chosen_for_data_without_one(view, finished):
    data = example("faithful")
    quick = {"compare.n_components": [1, 2], "compare.restarts": 1}
    app = view("compare", dataset=data, suggest=data.fingerprint, prior="data", **quick)
    assert "Mixture not chosen yet" in beside(app).replace("*", "")
    assert "K = 2" not in beside(app)
    # Nor does a link to a comparison choose one.
    run_id = finished(app, "compare").session_state["runs"]["compare"]
    app = view("compare", query={"run": run_id})
    assert app.session_state["dataset"] == data
    assert "Mixture not chosen yet" in beside(app).replace("*", "")
    assert app.session_state["prior"] == "data"


def test_every_page_names_its_mixture_once(view):
    for page in ("data", "runs", "compare"):
        app = view(page, **{"n_components": 4, "compare.n_components": [1], "compare.restarts": 1})
        assert beside(app).count("Mixture") == 1
        assert "K = 4" in beside(app)
