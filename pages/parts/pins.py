"""Pinned fits: two of them stand side by side on the Runs page, and in its link."""

from __future__ import annotations

import streamlit as st

from gmm_core.figures import comparison as figures
from gmm_core.jobs import service
from gmm_core.membership.changed import changes
from gmm_core.mixture import matching
from gmm_core.runs.results import MapFit
from gmm_core.words import comparison as say
from gmm_core.words import two_fits
from gmm_core.words.segments import Segment
from gmm_core.words.two_fits import Run
from pages.parts import text
from pages.parts.membership.points import named_rows
from pages.parts.stream import figure

_KEY, _MANY = "pins", 2
_ROWS = 20  # a longer table folds up
_CHANGED = 200  # points that are listed


def pinned() -> list[str]:
    """Return the ids of the pinned runs, the first pinned first; a link may bring them."""
    state = st.session_state
    pinned_id = st.query_params.get(_KEY)
    if pinned_id is not None and pinned_id != state.get("pins_opened"):
        state["pins_opened"] = pinned_id
        state[_KEY] = [run_id for run_id in pinned_id.split(",") if run_id][:_MANY]
    return list(state.get(_KEY, []))


def button(run_id: str, key: str) -> None:
    """Draw the button that pins a run, or takes the pin away."""
    on = run_id in pinned()
    st.button(
        "Unpin" if on else "Pin",
        key=key,
        on_click=_turn,
        args=(run_id,),
        help="Two pinned fits are compared side by side, above the list.",
    )


def _turn(run_id: str) -> None:
    """Pin a run or take the pin away; of three pins the oldest goes."""
    pins = pinned()
    _keep([p for p in pins if p != run_id] if run_id in pins else [*pins, run_id][-_MANY:])


def _keep(pins: list[str]) -> None:
    state = st.session_state
    state[_KEY] = pins
    state["pins_opened"] = ",".join(pins)
    if pins:
        st.query_params[_KEY] = ",".join(pins)
    else:
        st.query_params.pop(_KEY, None)


def panel() -> None:
    """Draw the two pinned fits side by side; say what is missing while there is one."""
    pins = pinned()
    runs = [run for run in map(_run, pins) if run is not None]
    if len(runs) < len(pins):
        st.warning("A pinned run is not there any more, or is not a finished fit.")
    if not runs:
        return
    with st.container(border=True, key="pinned"):
        if len(runs) < _MANY:
            st.markdown(f"Pinned: {text.plain(runs[0].spec.mixture.label)}. Pin another fit.")
            return
        _side_by_side(*runs)


def _run(run_id: str) -> Run | None:
    try:
        spec, result = service().store.specification(run_id), service().result(run_id)
    except ValueError:
        return None
    return Run(spec, result) if isinstance(result, MapFit) else None


def _side_by_side(a: Run, b: Run) -> None:
    first, second = two_fits.names(a, b)
    st.header("Two fits side by side", anchor=False)
    st.markdown(text.plain(two_fits.answer(a, b)))
    st.caption(f"**A**, solid: {text.plain(first)}. **B**, dashed: {text.plain(second)}.")
    same = two_fits.same_data(a, b)
    left, right = st.columns(2, gap="large")
    with left:
        if same:
            _density(a, b)
        text.table(
            ["Setting", "A", "B"],
            two_fits.settings_that_differ(a, b),
            caption="Settings that differ",
        )
    with right:
        text.table(["Measure", "A", "B", "B − A"], two_fits.measures(a, b), caption="How good")
        if same:
            _parameters(a, b)
    if same:
        _changed(a, b)
    st.button("Unpin both", key="unpin", on_click=_keep, args=([],))


def _changed(a: Run, b: Run) -> None:
    """Show how many points went from which component to which, and which they are."""
    data = a.spec.dataset
    first_point = a.fit.parameters.permuted(a.fit.parameters.order)
    changed = changes(data, first_point, b.fit.parameters)
    K = len(first_point.weights), len(b.fit.parameters.weights)
    st.markdown(text.plain(two_fits.changed_words(len(changed.rows), len(data.values))))
    left, right = st.columns(2, gap="large")
    with left:
        text.table(
            ["", *(f"B: {two_fits.class_name(k, K[1])}" for k in range(changed.table.shape[1]))],
            [
                [Segment(f"A: {two_fits.class_name(k, K[0])}", k), *(f"{n:,}" for n in counts)]
                for k, counts in enumerate(changed.table)
            ],
            caption="Points by their most probable component",
        )
    if not changed.rows.size:
        return
    shown = changed.rows[:_CHANGED]
    head, names = named_rows(data, shown)
    with right, st.container(height=320 if len(shown) > 8 else "content", border=False):
        text.table(
            [*head, "A", "B"],
            [
                [
                    *name,
                    Segment(two_fits.class_name(of_a, K[0]), of_a),
                    Segment(two_fits.class_name(of_b, K[1]), of_b),
                ]
                for name, of_a, of_b in zip(
                    names, changed.here[shown].tolist(), changed.there[shown].tolist(), strict=True
                )
            ],
            caption="Points that changed component"
            + (f", {_CHANGED} of {len(changed.rows):,}" if len(shown) < len(changed.rows) else ""),
        )


def _density(a: Run, b: Run) -> None:
    data = a.spec.dataset
    columns = range(min(2, len(data.columns)))
    points = a.fit.parameters, b.fit.parameters
    figure.show(figures.two_densities(data, points, ("A", "B"), columns), key="two_fits")


def _parameters(a: Run, b: Run) -> None:
    first_point = a.fit.parameters.permuted(a.fit.parameters.order)
    rows = say.difference_rows(matching.differences(a.spec.dataset, first_point, b.fit.parameters))
    head = ["Component", "", "A", "B", "B − A"]
    if len(rows) <= _ROWS:
        text.table(head, rows, caption="Parameters, components matched", words=(1,))
        return
    with st.expander(f"Parameters, components matched: {len(rows)} numbers"):
        text.table(head, rows, words=(1,))
