"""Which run a page starts by itself, and which it leaves as it is."""

from __future__ import annotations

import gc
import weakref

import pytest
import streamlit

import gmm_core as gmm
from gmm_core.data.examples import example


def stopped(service, **options):
    """Return a run that was stopped by somebody else before it began."""
    chosen = gmm.MapOptions(choose="final", polish=True, **options)  # the page's own
    spec = gmm.Specification(dataset=example("tutorial"), mixture=gmm.Mixture(), options=chosen)
    service.store.create_run(spec, "somebody else")
    service.store.set_state(spec.id, "cancelled", "Cancelled.")
    return spec.id


def test_who_comes_without_a_link_gets_what_a_stranger_stopped(view, service):
    run_id = stopped(service, first_seed=8_001)
    app = view("fit", **{"map.first_seed": 8_001})
    assert app.session_state["runs"]["map"] == run_id
    assert service.wait(run_id, timeout=60).state == "done"


def test_a_link_shows_a_stopped_run_as_it_is(view, service):
    run_id = stopped(service, first_seed=8_002)
    view("fit", {"run": run_id})
    assert service.status(run_id).state == "cancelled"


@pytest.mark.parametrize(
    ("name", "slots"),
    [("fit", ["map"]), ("membership", ["map", "guide"]), ("posterior", ["posterior"])],
)
def test_a_page_at_rest_holds_nothing_of_its_result(
    name, slots, view, finished, service, owner, monkeypatch
):
    # The server keeps what writes a file for as long as the page is open.
    downloads = []
    monkeypatch.setattr(streamlit, "download_button", lambda *_, data, **__: downloads.append(data))
    app = view(name)
    for slot in slots:
        app = finished(app, slot)
    run_ids = [app.session_state["runs"][slot] for slot in slots]
    results = [weakref.ref(service.result(run_id)) for run_id in run_ids]
    assert all(result() is not None for result in results)
    for run_id in run_ids:
        service.delete(run_id, owner)
    streamlit.cache_resource.clear()
    gc.collect()
    assert downloads
    assert [result() for result in results] == [None] * len(slots)
