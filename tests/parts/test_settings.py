"""An option is declared once, in its kind's model: pages keep, limit and hand on what that says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from pydantic import Field
from streamlit.testing.v1 import AppTest

from gmm_core.mixture.fields import Whole
from gmm_core.mixture.refusals import Model
from gmm_core.runs import kinds

Share = Annotated[float, Field(ge=0, lt=1)]


class MeasureOptions(Model):
    """Options of a kind of run that the app does not have."""

    times: Annotated[Whole, Field(ge=1, le=9)] = 3
    rate: Annotated[float, Field(gt=0, le=2)] = 0.5
    window: tuple[Share, Share] = (0.25, 0.75)
    by: Literal["hand", "eye"] = "eye"
    twice: bool = False
    at: tuple[int, ...] = (1, 4)


@pytest.fixture(autouse=True)
def measure() -> Iterator[kinds.Kind]:
    kind = kinds.Kind(
        name="measure",
        label="Measure",
        options=MeasureOptions,
        results={},
        engine="ruler",
        run=lambda spec, part, report: None,
        evaluations=lambda spec: [],
        counts="times",
        fewer="fewer times",
        headline=str,
    )
    entries = [kind, *(kinds.Engine("measure", name, __name__) for name in ("tape", "ruler"))]
    for entry in entries:
        kinds.register(entry)
    yield kind
    for entry in entries:
        kinds.withdraw(entry)


def page() -> None:
    import streamlit as st

    from pages.parts import settings

    settings.begin()
    for field in ("times", "rate", "window.0", "window.1"):
        st.number_input(**settings.number("measure", field))
    for field in ("by", "engine"):
        st.selectbox(**settings.choice("measure", field))
    st.toggle(**settings.switch("measure", "twice"))
    try:
        st.session_state["read"] = settings.options("measure"), settings.engine("measure")
    except ValueError as error:
        st.error(str(error))


def test_settings_begin_at_the_models_defaults_and_are_read_as_its_options() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.session_state["read"] == (MeasureOptions(), "ruler")


def test_limits_and_types_are_those_of_the_model() -> None:
    app = AppTest.from_function(page).run()
    times, rate = app.number_input(key="measure.times"), app.number_input(key="measure.rate")
    later = app.number_input(key="measure.window.1")
    assert (times.min, times.max, times.value) == (1, 9, 3)
    assert (0 < rate.min < 1e-5, rate.max, rate.value) == (True, 2, 0.5)
    assert (later.min, 0.9999 < later.max < 1, later.value) == (0, True, 0.75)
    assert app.selectbox(key="measure.by").options == ["hand", "eye"]
    assert app.selectbox(key="measure.engine").options == ["ruler", "tape"]  # the default first
    assert [widget.label for widget in app.number_input] == [
        "Times",
        "Rate",
        "Window.0",
        "Window.1",
    ]


def test_what_is_turned_reaches_the_options() -> None:
    app = AppTest.from_function(page).run()
    app.number_input(key="measure.times").set_value(7)
    app.number_input(key="measure.window.0").set_value(0.5)
    app.selectbox(key="measure.by").set_value("hand")
    app.selectbox(key="measure.engine").set_value("tape")
    app.toggle(key="measure.twice").set_value(True).run()
    turned = MeasureOptions(times=7, window=(0.5, 0.75), by="hand", twice=True)
    assert app.session_state["read"] == (turned, "tape")


def test_what_is_out_of_range_is_refused_by_the_model() -> None:
    app = AppTest.from_function(page)
    app.session_state["measure.at"] = ["a"]
    app.run()
    assert "at is ['a']" in app.error[0].value or "at is 'a'" in app.error[0].value


def test_a_run_brings_all_its_options_also_those_without_a_widget() -> None:
    class Specification:
        kind, engine = "measure", "tape"
        options = MeasureOptions(rate=1.5, at=(2, 3, 5), window=(0.0, 0.5))

    from pages.parts import settings

    def link() -> None:
        import streamlit as st

        from pages.parts import settings

        settings.begin()
        settings.take(st.session_state["opened"])
        st.session_state["read"] = settings.options("measure"), settings.engine("measure")

    app = AppTest.from_function(link)
    app.session_state["opened"] = Specification()
    app.run()
    assert app.session_state["read"] == (Specification.options, "tape")
    assert settings.named("measure", {"rate": 2.0}) == {"measure.rate": 2.0}
