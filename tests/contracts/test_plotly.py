"""What Plotly does not document and gmm_core/figures/plotly_internals.py builds on."""

from __future__ import annotations

import plotly
import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs_version

from gmm_core.figures import plotly_internals

from .promises import files_that_match

VERSION = f"plotly {plotly.__version__}"


def test_one_file_uses_what_plotly_does_not_document():
    inside = r"package_data|_validate=|from plotly\._|import plotly\._|\b(fig|layout)\._"
    assert files_that_match(inside, ("pages", "gmm_core")) == {
        "gmm_core/figures/plotly_internals.py"
    }


def test_the_package_brings_the_script_of_its_version():
    head = plotly_internals.script().read_text(encoding="utf-8")[:200]
    assert f"plotly.js v{get_plotlyjs_version()}" in head, (
        f"{VERSION} brings a script that begins with {head!r}, and not plotly.js "
        f"{get_plotlyjs_version()}: what browsers load would not be what figures are written for."
    )


def test_a_layout_is_taken_unchecked_and_what_comes_later_is_checked():
    template = go.layout.Template(layout={"colorway": ["#0072B2"]})
    layout = {"title": {"text": "Loss"}, "template": template}
    fig = plotly_internals.unchecked(layout)
    plain = {"title": {"text": "Loss"}, "template": template.to_plotly_json()}
    assert fig.to_plotly_json() == {"data": [], "layout": plain}, (
        f"{VERSION} adds to a figure made with _validate=False: figures would each carry, and "
        "check, Plotly's own template."
    )
    for change in (lambda: fig.add_scatter(x=[0], colour="red"), lambda: fig.layout.update(y=1)):
        try:
            change()
        except ValueError:
            continue
        pytest.fail(f"{VERSION} no longer checks a figure whose _validate was set back to True.")
    assert isinstance(fig, go.Figure)


@pytest.mark.parametrize("name", ["_dragging", "_fullLayout"])
def test_the_script_has_the_inner_names_that_the_browser_side_reads(name):
    assert name in plotly_internals.script().read_text(encoding="utf-8"), (
        f"{VERSION}: plotly.js has no {name} any more, which pages/parts/stream/figure.js or the "
        "browser tests read to leave a figure alone that somebody drags."
    )
