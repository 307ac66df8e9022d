"""New values, typed or from a file: which component they belong to, by the fit or the posterior."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st

from gmm_core.data import cage, formats
from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import complete_rows, in_table, like, table_columns
from gmm_core.data.typed import match_columns, parse_values
from gmm_core.formatting import MINUS, count, number, percent
from gmm_core.jobs import service
from gmm_core.membership.scoring import Score, aligned, score
from gmm_core.mixture import Parameters
from gmm_core.posterior.draws import Posterior
from gmm_core.runs import kinds
from gmm_core.sharing import tables
from gmm_core.words.membership import score_answer
from gmm_core.words.segments import NOISE, Segment
from pages.parts import links, pages, specifications, text
from pages.parts.data import held
from pages.parts.membership.points import ROWS, WIDE, chance
from pages.parts.platform import widget_state


def classify(data: Dataset, point: Parameters) -> None:
    """Take new values, typed or from a file, and say where they belong."""
    st.header("Classify new values", anchor=False)
    left, right = st.columns([1, 2], gap="large")
    with left:
        source = st.segmented_control(
            "New values",
            ["Typed", "From a file"],
            required=True,
            **widget_state.value("new_source", "Typed", name="default"),
            label_visibility="collapsed",
        )
        new = typed(data) if source == "Typed" else uploaded(data)
        by = st.segmented_control(
            "By",
            ["The best fit", "The whole posterior"],
            required=True,
            **widget_state.value("new_by", "The best fit", name="default"),
            wrap=True,
            help="The best fit (MAP) takes its parameters for certain. The posterior does not: "
            "probabilities and densities are means over its draws, and their 5–95 % range says "
            "how much of the doubt is about the mixture itself.",
        )
    with right:
        if new is None:
            st.caption("Their components and probabilities appear here.")
            return
        averaged = by == "The whole posterior"
        scored = averaged_scores(data, point, new) if averaged else scores(point, new)
        if scored is None:
            return
        scored_table(new, scored)
        st.download_button(
            "Download as CSV",
            data=lambda: tables.scores_csv(new, scored),
            file_name="classified.csv",
            mime="text/csv",
            key="download_new",
            on_click="ignore",
        )


def scores(point: Parameters, new: Dataset) -> Score:
    """Return what the fit says of new values, computed once."""
    return _scores(new.fingerprint, _digest(point), "", point, new)


def averaged_scores(data: Dataset, point: Parameters, new: Dataset) -> Score | None:
    """Return what the posterior says of new values; None, with the way to it, without one."""
    try:
        spec = specifications.posterior()
        run_id = links.stored_id(spec)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None
    try:
        posterior = service().result(run_id)
    except ValueError:  # nobody has asked for this run
        posterior = None
    if posterior is None:
        st.info("There are no draws of this mixture's posterior yet. Draw them on its page first.")
        st.page_link(pages.entry("posterior").script, label="Go to Posterior")
        return None
    posterior = kinds.shown(spec, posterior)
    labelled = _labelled(run_id, _digest(point), posterior, point, data)
    return _scores(new.fingerprint, _digest(point), run_id, labelled, new)


# A live page asks at every tick; the names with an underscore are not part of the key.
@st.cache_resource(max_entries=16, show_spinner=False)
def _scores(
    fingerprint: str, point: str, run_id: str, _source: Parameters | Posterior, _new: Dataset
) -> Score:
    return score(_source, _new)


@st.cache_resource(max_entries=4, show_spinner="Relabelling the draws")
def _labelled(
    run_id: str, point: str, _found: Posterior, _point: Parameters, _data: Dataset
) -> Posterior:
    return aligned(_found.relabelled(_data), _point, _data)


def _digest(point: Parameters) -> str:
    return hashlib.sha256(b"".join(a.tobytes() for a in point.arrays().values())).hexdigest()


def scored_table(new: Dataset, scored: Score) -> None:
    """Show new values with their components, probabilities and densities, and their spread."""
    text.note("Outliers." if scored.outlier.any() else "As expected.", score_answer(scored))
    (N, W), K = scored.probs.shape, scored.n_components
    D, spread = min(len(new.columns), WIDE), scored.n_draws > 1
    head = ["Row", *(name[:30] for name in table_columns(new)[:D]), "component", "probability"]
    components = range(W) if 1 < W <= WIDE and not spread else range(0)
    head += [chance(k, K) for k in components] + ["log density", ""]
    values = [in_table(new, d, new.values[:ROWS, d]) for d in range(D)]
    lines = []
    for n in range(min(N, ROWS)):
        k = int(scored.component[n])
        prob = percent(float(scored.probs[n, k]))
        density = number(float(scored.log_density[n]))
        if spread:
            low, high = float(scored.probs_low[n, k]), float(scored.probs_high[n, k])
            prob += f" ({percent(low)} to {percent(high)})"
            low, high = float(scored.log_density_low[n]), float(scored.log_density_high[n])
            density += f" ({number(low)} to {number(high)})"
        lines.append(
            [
                f"{n + 1:,}",
                *("" if np.isnan(x[n]) else f"{x[n]:.6g}".replace("-", MINUS) for x in values),
                Segment("noise", NOISE) if k == K else Segment(str(k + 1), k),
                prob,
                *(percent(float(scored.probs[n, j])) for j in components),
                density,
                "outlier" if scored.outlier[n] else "",
            ]
        )
    with st.container(height=380 if len(lines) > 10 else "content", border=False):
        text.table(head, lines, caption="New values")
    remark = "In brackets: 5 % to 95 % of the draws. " if spread else ""
    if N > ROWS:
        remark += f"{ROWS} of {N:,} points; the download has them all."
    if remark:
        st.caption(remark)


def typed(data: Dataset) -> Dataset | None:
    """Read what is typed; what cannot be read is answered and stays."""
    names = table_columns(data)
    if len(names) == 1:
        label, rows = "Numbers, separated by spaces, commas or lines", 3
    else:
        rows = 1
        shown = ", ".join(names[:WIDE]) + (", …" if len(names) > WIDE else "")
        label = f"One point per line: {text.plain(shown)}"
    entered = st.text_area(
        label,
        **widget_state.value(f"typed_{len(names)}", ""),
        placeholder=", ".join(f"{x:g}" for row in complete_rows(data, rows) for x in row[:WIDE]),
        height=120,
        max_chars=200_000,
    )
    if not entered.strip():
        return None
    try:
        new = Dataset.from_values(parse_values(entered, names), names, "typed")
        return like(new, data.transforms)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None


def uploaded(data: Dataset) -> Dataset | None:
    """Read a file, with its columns matched by name."""
    holes = bool(np.isnan(data.values).any())
    file = st.file_uploader(
        "A file with the columns of the fit",
        type=formats.endings(),
        key="new_file",
        help=f"{formats.listed()}. Columns are matched by name; others are ignored, "
        + (
            "and a row with missing values is judged by those that it has."
            if holes
            else "and rows with a missing value are left out."
        ),
    )
    if file is None:
        return None
    state = st.session_state
    read_id, reading_key, problem = state.get("new_reading", (None, None, ""))
    reading = None if reading_key is None else held.get(reading_key)
    try:
        if read_id != file.file_id or (reading is None and not problem):
            problem = ""
            state.pop("new_reading", None)
            try:
                reading = cage.read_table(file.getvalue(), file.name)
                state["new_reading"] = file.file_id, held.keep(reading, held.size(reading)), ""
            except ValueError as error:
                problem = text.sentence(error)
                state["new_reading"] = file.file_id, None, problem
        if problem:
            raise ValueError(problem)
        matched = match_columns(reading, table_columns(data), missing="keep" if holes else "drop")
        new = like(matched, data.transforms)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None
    n_left_out = reading.n_rows - len(new.values)
    partly = int(np.isnan(new.values).any(axis=1).sum())
    sentence = f"Read {count(len(new.values), 'row')}."
    if partly:
        sentence += f" {count(partly, 'row')} of them judged by the values that are there."
    if n_left_out:
        what = "nothing in it" if holes else "a missing value"
        sentence += f" {count(n_left_out, 'row')} with {what} left out."
    st.caption(sentence)
    return new
