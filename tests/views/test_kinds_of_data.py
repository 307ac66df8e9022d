"""Noise, weights, holes, known classes and transforms, through every page, section and file."""

from __future__ import annotations

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.sharing import files
from gmm_core.words.segments import Segment

from . import test_fit


def page_text(app):
    return " ".join(test_fit.page_text(app).split())


def table(D, everything):
    """Two groups with some points far from both, and with all else there may be."""
    rng = np.random.default_rng(D)
    x = np.concatenate([rng.normal(10, 1, (25, D)), rng.normal(17, 1, (25, D))])
    x = np.concatenate([x, rng.uniform(2, 60, (6, D))])
    names = ["length", "mass"][:D]
    if not everything:
        return gmm.Dataset.from_values(x, names, "birds")
    if D > 1:
        x[::7, 0] = x[3::7, 1] = np.nan
    rows = np.arange(len(x))
    classes = [("b" if n > 24 else "a") if n % 3 == 0 and n < 50 else None for n in rows]
    data = gmm.Dataset.from_values(
        x, names, "birds", missing="keep", weights=1 + rows % 2, classes=classes
    )
    return gmm.transformed(data, {"length": "log"})


CASES = [
    pytest.param(D, everything, id=f"{D} columns, {'everything' if everything else 'noise'}")
    for D in (1, 2)
    for everything in (False, True)
]
ENGINES = {
    "nutpie": {"posterior.draws": 60, "posterior.warmup": 60, "posterior.chains": 2},
    "smc": {"posterior.engine": "smc", "smc.draws": 60, "smc.populations": 2},
}


def settings(data):
    return {
        "dataset": data,
        "noise": True,
        "class_labels": "fix" if data.classes else "ignore",
        "prior": "data",
        "covariance": "diag",
        "tied": False,
        "n_components": 2,
    }


def written(service, run_id):
    """Return every file of a run, as text."""
    spec, result = service.store.specification(run_id), service.result(run_id)
    answer = [Segment("Two groups.")]
    return {file.name: file.write(spec, result, answer) for file in files.of(spec, result)}


@pytest.mark.parametrize(("D", "everything"), CASES)
def test_fit_and_membership_name_the_noise(view, finished, service, D, everything):
    state = settings(table(D, everything))
    app = finished(view("fit", **state))
    shown_text = page_text(app)
    assert "is noise" in shown_text
    assert "Learned parameters" in shown_text
    of_fit = written(service, app.session_state["runs"]["map"])
    assert {name for name, text in of_fit.items() if "noise" in text} >= {
        "script.py",
        "notebook.ipynb",
        "report.html",
    }
    app = view("membership", **state)
    if "guide" in app.session_state["runs"]:
        app = finished(app, "guide")
    shown_text = page_text(app)
    assert "most probably noise" in shown_text
    assert "P(noise)" in shown_text
    assert "omponent 3" not in shown_text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("D", "everything"), CASES)
def test_every_section_of_a_posterior_with_noise(view, service, finished, engine, D, everything):
    state = settings(table(D, everything)) | ENGINES[engine]
    app = view("posterior", **state)
    if app.session_state["runs"].get("posterior") is None:
        app.button(key="start_posterior").click().run()
    app = finished(app, "posterior")
    run_id = app.session_state["runs"]["posterior"]
    texts = [
        page_text(view("posterior", {"run": run_id}, section=section))
        for section in ("What it says", "Labels", "Can I trust it?", "Checks")
    ]
    assert "weight of the noise" in texts[1]
    assert "weight of the noise" in texts[2]
    assert "Points of the noise are drawn evenly" in texts[3]
    assert {"draws.nc", "report.html"} <= written(service, run_id).keys()
