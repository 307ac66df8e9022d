"""The Data page: what every page works on, and four ways to work on something else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from gmm_core import entering
from gmm_core.dataset import Dataset, listing
from gmm_core.example_data import describe, example, examples, generate
from gmm_core.figures import data as figures
from gmm_core.figures.style import number
from gmm_core.reading import MAX_BYTES, Reading, read_table
from gmm_core.words import Segment, count
from gmm_core.words_data import cautions, constant_columns
from pages.parts import figure, frame, header, session, text

EDITABLE = 2_000  # rows: a table of more is no longer edited by hand, and each change resends it
CHIPS = 12  # columns that can be picked one by one; of more, all are taken first
ROWS = 8  # of the table of columns

WAYS = ("Example", "Upload", "Generate", "Edit")
_MEGABYTES = MAX_BYTES // 2**20


def body() -> None:
    """Draw the page from top to bottom."""
    data = session.dataset()
    with st.container():  # whatever it says, the tabs below keep their place and their choice
        header.show("Data", answer(data))
        notice()
    warn(data)
    left, right = st.columns([5, 2], gap="large")
    with right:
        columns = pick(data)
        summary(data)
    with left:
        # A node of its own for each look: nothing of other columns' axes can stay behind.
        shown = data.fingerprint[:8] if columns is None else f"{data.fingerprint[:8]}_{columns}"
        figure.show(figures.look(data, columns), key=f"data_{shown}")
    st.subheader("Work on other data", anchor=False)
    ways = st.tabs(WAYS, key="ways")
    for tab, way in zip(ways, (example_way, upload_way, generate_way, edit_way), strict=True):
        with tab:
            way()


def answer(data: Dataset) -> list[Segment]:
    """Say what the data is, and what was left out of it."""
    N, D = data.values.shape
    said = f'"{data.name}" has {count(N, "point")} in {count(D, "column")}'
    said += f", {listing(data.columns, 6)}." if D > 1 else f', "{data.columns[0]}".'
    account = st.session_state.get("data_account")
    if account and account[0] == data.fingerprint:
        said += " " + account[1]
    return [Segment(said)]


def notice() -> None:
    """Say that other data is in use now, with the way on."""
    said = st.session_state.get("data_notice")
    if said and said[0] == session.dataset().fingerprint:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.success(text.plain(said[1]), width="stretch")
            if st.button("Fit a mixture to them", type="primary", key="to_fit"):
                st.switch_page("pages/views/fit.py")


def warn(data: Dataset) -> None:
    """Say what is hard about the data, with the cure of a constant column one click away."""
    said = _cautions(data.fingerprint, data)
    if not said:
        return
    text.note("Before you fit:", " ".join(said))
    constant = constant_columns(data)
    rest = [name for name in data.columns if name not in constant]
    if constant and rest:
        st.button(
            f"Leave out {count(len(constant), 'constant column')}",
            key="drop_constant",
            on_click=lambda: use(
                data.select(rest), f"Left out, being constant: {listing(constant)}."
            ),
        )


@st.cache_data(max_entries=16, show_spinner=False)
def _cautions(fingerprint: str, _data: Dataset) -> list[str]:
    return cautions(_data)


def use(data: Dataset, account: str = "") -> None:
    """Work on these points on every page; `account` says what was left out of them."""
    session.use_dataset(data)
    state = st.session_state
    state["data_account"] = (data.fingerprint, account)
    state["data_notice"] = (
        data.fingerprint,
        f"Every page now works on these {count(len(data.values), 'point')}. The priors were "
        "chosen to suit them.",
    )


def pick(data: Dataset) -> list[int] | None:
    """Let the person pick which columns to look at; None for the first few."""
    D = data.values.shape[1]
    if D == 1:
        return None
    chosen = st.multiselect(
        "Columns to look at",
        list(range(D)),
        default=list(range(min(D, figures.MATRIX_COLUMNS))),
        format_func=lambda column: data.columns[column],
        max_selections=figures.MATRIX_COLUMNS,
        key=f"look_{data.fingerprint[:12]}",
        help="One column shows how it is distributed, two are drawn against each other, and up to "
        "five as every pair. All columns are fitted, whatever is looked at.",
    )
    return chosen or None


def summary(data: Dataset) -> None:
    """Show where the numbers of each column lie."""
    x = data.values[:, :ROWS]
    with np.errstate(over="ignore"):
        numbers = zip(x.min(axis=0), x.max(axis=0), x.mean(axis=0), strict=True)
        rows = [
            (name if len(name) <= 14 else name[:13] + "…", f"{low} to {high}", mean)
            for name, (low, high, mean) in zip(
                data.columns[:ROWS],
                (tuple(number(float(v)) for v in three) for three in numbers),
                strict=True,
            )
        ]
    text.table(("column", "range", "mean"), rows)
    if data.values.shape[1] > ROWS:
        st.caption(f"and {count(data.values.shape[1] - ROWS, 'more column')}")


# ---- example ----


def example_way() -> None:
    """Show what each example is about; choosing one applies at once."""
    for start in range(0, len(examples()), 3):
        for column, name in zip(st.columns(3), examples()[start : start + 3], strict=False):
            with column.container(border=True, height="stretch"):
                _card(name)


def _card(name: str) -> None:
    data = example(name)
    N, D = data.values.shape
    used = data.fingerprint == session.dataset().fingerprint
    st.markdown(f"**{text.plain(name)}** · {count(N, 'point')}, {count(D, 'column')}")
    figure.show(figures.thumbnail(data), key=f"example_{name}")
    description, _, source = describe(name).partition(" Source: ")
    st.caption(text.plain(description), help=text.plain(f"Source: {source}") if source else None)
    st.button(
        "In use" if used else "Use",
        key=f"use_{name}",
        on_click=use,
        args=(data,),
        disabled=used,
    )


# ---- upload ----


def upload_way() -> None:
    """Read a file, say what was read and what would be left out, and then use it."""
    file = st.file_uploader(
        f"A table of up to {_MEGABYTES} MB: CSV, TSV, Parquet, Excel or JSON",
        key="upload",
        max_upload_size=_MEGABYTES,
        on_change=_forget_upload,
        help="The delimiter, the decimal sign and the header are detected. Nothing is used before "
        "you say so.",
    )
    state = st.session_state
    # A file is read once, not at each turn of a knob.
    if file is not None and state.get("upload_read", ("",))[0] != file.file_id:
        with st.spinner("Reading"):
            state["upload_read"] = (file.file_id, *_attempt(lambda: read_table(file)))
            state["upload_name"] = file.name
    if "upload_read" not in state:
        return
    if file is None:  # the page was left, and the widget forgot what the session still knows
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.caption(f"Still here from before: {text.plain(state['upload_name'])}")
        right.button("Remove", key="upload_remove", on_click=_forget_upload)
    file_id, reading, problem = state["upload_read"]
    if problem:
        st.error(text.plain(problem))
    else:
        _offer(file_id, reading)


def _forget_upload() -> None:
    """Forget the last file: another one came, or the person removed it."""
    for name in ("upload_read", "upload_made", "upload_name"):
        st.session_state.pop(name, None)


def _offer(file_id: str, reading: Reading) -> None:
    left, right = st.columns(2, gap="large")
    missing = "drop"
    with left:
        columns = _columns(file_id, reading)
        if not columns:
            st.error("No column is chosen. Choose at least one.")
            return
        if dropped := reading.dropped(columns):
            missing = st.radio(
                "Rows with a missing or infinite value",
                ("drop", "refuse"),
                format_func={"drop": f"leave out {dropped:,}", "refuse": "refuse the file"}.get,
                horizontal=True,
                key=f"missing_{file_id}",
                persist_state="session",
            )
        said = reading.sentences(columns)
        for sentence in said:
            st.markdown(text.plain(sentence))
    asked = (file_id, tuple(columns), missing)
    state = st.session_state
    if state.get("upload_made", ("",))[0] != asked:
        made = _attempt(lambda: reading.dataset(columns, missing=missing))
        state["upload_made"] = (asked, *made)
    _, data, problem = state["upload_made"]
    with right:
        # What was read is said in the first sentence and what is used in the last.
        _preview(data, problem, "upload", " ".join(said[1:-1]))


def _columns(file_id: str, reading: Reading) -> list[str]:
    default = list(reading.default)
    if len(default) > CHIPS and st.toggle(
        f"All {len(default):,} columns of numbers",
        value=True,
        key=f"all_{file_id}",
        persist_state="session",
    ):
        return default
    return st.multiselect(
        "Columns to use",
        list(reading.columns),
        default=default if len(default) <= CHIPS else default[:2],
        key=f"columns_{file_id}",
        persist_state="session",
        help="Columns of numbers. Row numbers and columns that are mostly empty are on offer too.",
    )


# ---- generate ----


def generate_way() -> None:
    """Draw points from a mixture that the person sets."""
    left, right = st.columns(2, gap="large")
    with left:
        D = st.segmented_control(
            "Columns",
            (1, 2),
            default=1,
            required=True,
            key="generate_columns",
            persist_state="session",
        )
        rows = _components(D)
        st.caption("One row is one component. Weights count relative to their sum.")
        some, other = st.columns(2)
        n = some.number_input(
            "Points N", 1, 1_000_000, 500, step=100, key="generate_n", persist_state="session"
        )
        seed = other.number_input(
            "Seed",
            0,
            2**32 - 1,
            0,
            key="generate_seed",
            persist_state="session",
            help="The same seed gives the same points.",
        )

    def make() -> Dataset:
        return generate(entering.mixture(rows, D), n, seed)

    asked = (repr(rows), D, n, seed)
    state = st.session_state
    if state.get("generated", ("",))[0] != asked:
        state["generated"] = (asked, *_attempt(make))
    _, data, problem = state["generated"]
    with right:
        _preview(data, problem, "generate", "Generated from a mixture.")


def _components(D: int) -> list[list[object]]:
    """Let the person set a mixture; return its table, one row for each component."""
    start = {
        1: pd.DataFrame({"weight": [0.6, 0.4], "loc": [0.0, 6.0], "sd": [1.0, 1.5]}),
        2: pd.DataFrame(
            {
                "weight": [0.6, 0.4],
                "loc x1": [0.0, 4.0],
                "loc x2": [0.0, 3.0],
                "sd x1": [1.0, 1.0],
                "sd x2": [1.0, 1.0],
                "correlation": [0.0, 0.6],
            }
        ),
    }[D]
    edited = _editor(f"components_{D}", start, "", hide_index=True)
    return edited.astype(object).to_numpy().tolist()


# ---- edit ----


def edit_way() -> None:
    """Let the person change, add and delete points in a table, or type them as numbers."""
    data = session.dataset()
    N = len(data.values)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**In a table**")
        if N <= EDITABLE:
            _table(data)
        else:
            st.caption(
                f"The data has {N:,} points; a table can be edited up to {EDITABLE:,}. "
                "Edit larger data in its file, and upload it again."
            )
    with right:
        st.markdown("**By number**")
        typed = st.text_area(
            "Points",
            key="typed",
            placeholder="0, 1, 10, 11, 12",
            height=150,
            persist_state="session",
            help="A list of numbers is one column. Several lines with the same number of numbers "
            "are points in as many columns. Decimals take a point: 0.5.",
        )
        if typed.strip():
            made = _attempt(lambda: _typed(typed, data))
            _preview(*made, "typed")


def _table(data: Dataset) -> None:
    start = pd.DataFrame(data.values, columns=list(data.columns))
    start.index = pd.RangeIndex(1, len(start) + 1, name="row")
    edited = _editor(
        "edit",
        start,
        data.fingerprint,
        hide_index=False,
        height=300,
        column_config={
            name: st.column_config.NumberColumn(name, format="%.6g") for name in start.columns
        },
    )
    if len(edited) == len(start) and np.array_equal(edited.to_numpy(float), data.values):
        st.caption("Click a cell to change it, the last row to add a point.")
        return
    rows, labels = edited.astype(object).to_numpy().tolist(), list(edited.index)
    account = "Edited by hand."
    holes = edited.isna().any(axis=1).to_numpy()
    if n := int(holes.sum()):
        missing = st.radio(
            "Rows with an empty cell",
            ("refuse", "drop"),
            format_func={"drop": f"leave out {n:,}", "refuse": "say where"}.get,
            horizontal=True,
            key="edit_missing",
            persist_state="session",
        )
        if missing == "drop":
            kept = np.flatnonzero(~holes)
            rows, labels = [rows[i] for i in kept], [labels[i] for i in kept]
            account += f" Left out {count(n, 'row')} of {len(edited):,} with an empty cell."
    name = data.name if data.name.endswith("(edited)") else f"{data.name[:180]} (edited)"
    made = _attempt(lambda: entering.table(rows, data.columns, name, labels))
    _preview(*made, "edit", account)
    st.button("Undo all changes", key="edit_undo", on_click=_forget_edits)


def _forget_edits() -> None:
    """Begin again with the data as it is: a new editor, since a widget cannot be emptied."""
    _, generation, _, _ = st.session_state["edit_kept"]
    st.session_state["edit_kept"] = (None, generation, None, None)


def _typed(typed: str, data: Dataset) -> Dataset:
    values = entering.numbers(typed)
    same = values.shape[1] == data.values.shape[1]
    return Dataset.from_values(values, data.columns if same else None, "typed")


# ---- shared by the ways ----


def _editor(name: str, start: pd.DataFrame, stamp: str, **options: object) -> pd.DataFrame:
    """Draw a table to edit that keeps what was entered when the page is left.

    Parameters
    ----------
    start : what stands there at first; taken anew when `stamp` changes.
    """
    state = st.session_state
    kept_stamp, generation, base, edited = state.get(f"{name}_kept", (None, -1, None, None))
    if kept_stamp != stamp:
        generation, base = generation + 1, start
    elif f"{name}_{generation}" not in state:
        # The widget is gone with the page it stood on; what it showed is where the next one begins.
        generation, base = generation + 1, edited
        base.index = pd.RangeIndex(1, len(base) + 1, name=start.index.name)
    # The editor gets the same frame as long as it lives: fed with its own output it would reset.
    edited = st.data_editor(
        base, num_rows="dynamic", width="stretch", key=f"{name}_{generation}", **options
    )
    state[f"{name}_kept"] = (stamp, generation, base, edited)
    return edited


def _attempt(make: Callable[[], object]) -> tuple[object, str]:
    """Return what `make` makes and "", or None and the sentence that says why not."""
    try:
        return make(), ""
    except ValueError as error:
        return None, text.sentence(error)


def _preview(data: Dataset | None, problem: str, key: str, account: str = "") -> None:
    """Show the points that would be used and the button that uses them, or what is wrong."""
    if data is None:
        st.error(text.plain(problem))
        return
    figure.show(figures.look(data, height=260), key=f"preview_{key}_{data.fingerprint[:8]}")
    for sentence in _cautions(data.fingerprint, data):
        st.caption(text.plain(sentence))
    used = data.fingerprint == session.dataset().fingerprint
    N = len(data.values)
    st.button(
        "In use" if used else f"Use {'this point' if N == 1 else f'these {N:,} points'}",
        type="primary",
        key=f"use_{key}",
        on_click=use,
        args=(data, account),
        disabled=used,
    )


frame.require()
body()
