"""Memberships of all the rows that a dataset is a sample of, written as Parquet by the workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gmm_core.formatting import count
from gmm_core.mixture.observation import EVERYTHING
from gmm_core.runs import kinds
from gmm_core.runs.options import MembershipsOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.specification import Specification

if TYPE_CHECKING:
    from gmm_core.partitions.memberships import Memberships

ENGINES = [
    kinds.Engine(
        kind="memberships",
        name="partitions",
        module=__name__,
        packages=("distributed", "pyarrow"),
        per_evaluation=1e-2,
        per_density=1e-6,
        per_number=1e-8,
        warm=False,
        observes=EVERYTHING,
        passes=1,
    ),
]


def run(spec: Specification, on_progress: OnProgress | None = None) -> Memberships:
    """Have workers write where each row belongs, into a new folder in that of results (GMM_OUT).

    Raises
    ------
    ValueError
        When no such folder is named, there is no room in it, the rows are no longer those that the
        dataset was drawn from, or as `new_folder` and `write_memberships` say.
    """
    from gmm_core import settings
    from gmm_core.partitions.memberships import bytes_at_most, write
    from gmm_core.partitions.new_folder import check_room, new_folder
    from gmm_core.partitions.opened import referred

    allowed = settings.read()
    place, whole = allowed.out, spec.dataset.whole
    assert whole is not None  # the engine is for nothing else
    assert spec.parameters is not None
    if not place:
        raise ValueError(
            "No folder is named that results are written to (GMM_OUT). Ask whoever runs this "
            "server."
        )
    data = referred(spec.dataset)
    check_room(place, bytes_at_most(data, spec.parameters), allowed.out_bytes)
    with new_folder(place, f"{data.name}-memberships-{spec.id[:8]}") as (name, folder):
        expected = whole.fingerprint
        written = write(data, spec.parameters, folder, expected=expected, on_progress=on_progress)
    return replace(written, folder=name)


def _headline(written: Memberships) -> str:
    return f"{count(written.rows, 'row')} in {count(written.files, 'file')} in {written.folder}"


KIND = kinds.Kind(
    name="memberships",
    label="Written memberships",
    options=MembershipsOptions,
    results={"Memberships": "gmm_core.partitions.memberships"},
    engine="partitions",
    run=lambda spec, part, on_progress: run(spec, on_progress),
    evaluations=lambda spec: [kinds.Evaluations(spec.mixture, 0.0)],
    counts="rows",
    fewer="fewer rows or components",
    headline=_headline,
    starts_from_point=lambda options: True,
    verb="write-memberships",
    leaves_files=True,
)
