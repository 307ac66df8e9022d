"""Where runs expire, the Runs page says so and lets a person keep what is to stay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.runs.options import MapOptions
from gmm_core.runs.specification import Specification


@pytest.fixture
def expiring(service):
    """Runs go after 30 days."""
    service.store.keep_days = 30.0
    yield
    service.store.keep_days = 0.0


def ended(service, owner, seed):
    spec = Specification(
        dataset=Dataset.from_values([1.0, 2.0, 5.0]),
        mixture=Mixture(),
        options=MapOptions(restarts=1, steps=20, first_seed=seed),
    )
    service.store.create_run(spec, owner)
    service.store.set_state(spec.id, "cancelled", "Cancelled.")
    return spec.id


def test_a_run_that_is_kept_outlives_one_that_is_not(view, service, owner, expiring):
    pinned, gone = ended(service, owner, 901), ended(service, owner, 902)
    app = view("runs")
    assert any("goes 30 days after it was last asked for" in c.value for c in app.caption)
    app.button(key=f"keep_{pinned}").click().run()
    assert app.button(key=f"keep_{pinned}").label == "Kept"
    assert app.button(key=f"keep_{gone}").label == "Keep"
    service.store.expire(datetime.now(UTC))
    assert service.store.state(pinned).state == "cancelled"
    with pytest.raises(ValueError, match="No run has the id"):
        service.store.state(gone)
    app.run()
    app.button(key=f"keep_{pinned}").click().run()
    assert app.button(key=f"keep_{pinned}").label == "Keep"
    service.delete(pinned)


def test_where_nothing_expires_nothing_is_said(view, service, owner):
    run_id = ended(service, owner, 903)
    app = view("runs")
    assert f"keep_{run_id}" not in {button.key for button in app.button}
    assert not any("last asked for" in c.value for c in app.caption)
    service.delete(run_id)
