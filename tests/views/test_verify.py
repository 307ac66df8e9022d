"""Share says what made a run and, on demand, whether it comes out the same again."""

from __future__ import annotations

from gmm_core import __version__
from gmm_core.data.examples import example
from gmm_core.jobs import verify
from gmm_core.mixture import Mixture
from gmm_core.runs.options import MapOptions
from gmm_core.runs.specification import Specification


def test_share_says_what_made_the_run_and_verifies_it(view, service):
    spec = Specification(
        dataset=example("tutorial"),
        mixture=Mixture(),
        options=MapOptions(restarts=2, steps=20, first_seed=77),
    )
    service.wait(service.submit(spec), timeout=120)
    app = view("fit", query={"run": spec.id})
    versions = service.store.state(spec.id).versions
    made = next(c.value for c in app.caption if c.value.startswith("Made with"))
    assert versions["gmm_core"] == __version__
    assert f"Mixture Explorer {__version__}" in made.replace("\\", "")
    assert versions["torch"] in made.replace("\\", "")
    assert not app.success
    app.button(key="verify").click().run()
    check = service.store.check(spec.id)
    if check.verdict is None:  # it may be over already
        service.wait(check.check_id, timeout=120)
    app.run()
    assert not app.exception
    assert "the same numbers, to the last digit" in app.success[0].value
    assert verify.verdict_on(service, spec.id).answer == "equal"
    # Whoever opens the run later sees what was found.
    assert "the same numbers" in view("fit", query={"run": spec.id}).success[0].value
