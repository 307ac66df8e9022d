"""Which run a page starts by itself, and which it leaves as it is."""

from __future__ import annotations

import gmm_core as gmm
from gmm_core.example_data import example


def stopped(service, **options):
    """Return a run that was stopped by somebody else before it began."""
    chosen = gmm.MapOptions(choose="final", polish=True, **options)  # the page's own
    spec = gmm.Specification(dataset=example("tutorial"), mixture=gmm.Mixture(), options=chosen)
    service.store.create_run(spec, "somebody else")
    service.store.set_state(spec.id, "cancelled", "Cancelled.")
    return spec.id


def test_who_comes_without_a_link_gets_what_a_stranger_stopped(view, service):
    run_id = stopped(service, first_seed=8_001)
    app = view("fit", first_seed=8_001)
    assert app.session_state["runs"]["map"] == run_id
    assert service.wait(run_id, timeout=60).state == "done"


def test_a_link_shows_a_stopped_run_as_it_is(view, service):
    run_id = stopped(service, first_seed=8_002)
    view("fit", {"run": run_id})
    assert service.status(run_id).state == "cancelled"
