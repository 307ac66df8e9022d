"""What the points are known to be, against the components that they belong to."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.membership.against_classes import against_classes
from gmm_core.mixture import Parameters
from gmm_core.words.membership import classes_answer
from gmm_core.words.segments import Segment
from pages.parts import session, text


def classes(data: Dataset, point: Parameters) -> None:
    """Show the table of known classes against components, where any class is known."""
    comparison = against_classes(data, point)
    if comparison is None:
        return
    K = len(point.weights)
    st.header("Components against known classes", anchor=False)
    st.markdown(text.plain(classes_answer(comparison, K)))
    if session.mixture().classes_fixed:
        st.caption(
            "The fit took each known class for its component. This is where the numbers alone put "
            "these points."
        )
    W = comparison.table.shape[1]
    head = ["class", *("noise" if k == K else f"component {k + 1}" for k in range(W))]
    rows = [
        [
            name[:60],
            *(
                # The component that stands for the class, by its colour.
                Segment(f"{n:,}", k if k == comparison.component[c] and k < K else None)
                for k, n in enumerate(comparison.table[c].tolist())
            ),
        ]
        for c, name in enumerate(comparison.names)
    ]
    text.table(head, rows, caption="Points by class; a dot marks the class's own component.")
