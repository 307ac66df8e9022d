"""Where memberships were written, and how many rows belong where, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmm_core.formatting import count, member, percent
from gmm_core.words.segments import NOISE, Segment

if TYPE_CHECKING:
    from gmm_core.partitions.memberships import Memberships

WRITTEN_HEAD = ("Most probable", "rows", "share")

NO_PLACE = (
    "This server names no folder to write to: whoever runs it does so by GMM_OUT. Wherever the "
    "data can be read, the command line writes them from this page's parameters.json:"
)


def written_words(written: Memberships) -> str:
    """Say how many rows were written, where the files lie, and what was left out."""
    rows, files = count(written.rows, "row"), count(written.files, "file")
    sentence = (
        f"Memberships of {rows} lie in {files} of Parquet, in the folder {written.folder} of the "
        "server's folder of results (GMM_OUT)."
    )
    empty = written.rows - int(written.assigned.sum())
    if empty:
        sentence += f" {count(empty, 'row')} lack what was fitted, and have none."
    return sentence


def written_rows(written: Memberships, n_components: int) -> list[tuple[Segment, str, str]]:
    """Write a row of `WRITTEN_HEAD` for each component, and behind them for the noise."""
    total = max(int(written.assigned.sum()), 1)
    return [
        (
            Segment(member(k, n_components), NOISE if k == n_components else k),
            f"{n:,}",
            percent(n / total),
        )
        for k, n in enumerate(written.assigned.tolist())
    ]
