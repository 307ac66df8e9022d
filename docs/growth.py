"""Measures how a pass over data in partitions grows with its rows, and draws docs/growth.svg.

Rows are made block by block, read by two workers with a thread each, and passed over by EM, as
`gmm.fit_map` does. Time is what the workers' processors spend, so that whatever else the machine
does counts for little; memory is the most that each worker process ever had, of both together.

    make growth
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, LocalCluster

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import gmm_core as gmm  # noqa: E402
from gmm_core.partitions.held import held  # noqa: E402
from gmm_core.runs.progress import Progress  # noqa: E402

MARKS = ("<!-- growth -->", "<!-- /growth -->")
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
BLOCK = 1_000_000  # rows of a file and of its row groups
D, K = 4, 5
PASSES = 3  # of which the quickest counts
RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(K, D)) * 5


def main(beyond: list[int]) -> None:
    """Measure each size, and others that are asked for, and write the figure and its sentence."""
    measured(SIZES[0])  # compiles, which takes memory of its own
    rows = [measured(n) for n in (*SIZES, *beyond)]
    for n, seconds, megabytes in rows:
        print(f"{n:>11,} rows: a pass takes {seconds:.3f} s, the workers {megabytes:,.0f} MB")
    write(rows)


def measured(n: int) -> tuple[int, float, float]:
    """Return n, seconds of a pass, and megabytes of both workers at their most."""
    point = gmm.Parameters(np.full(K, 1 / K), CENTRES, [np.eye(D)] * K).reshape(1)
    with tempfile.TemporaryDirectory() as folder:
        for i, first in enumerate(range(0, n, BLOCK)):
            block(min(BLOCK, n - first), Path(folder) / f"{i:03}.parquet")
        data = gmm.read_dataset(folder, partitioned=True)
        cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
        )
        with cluster, Client(cluster, set_as_default=False) as client, held(data, client) as there:
            there.moments(point, False, Progress(0, 1), None)  # compiles, or reads what was
            taken = []
            for _ in range(PASSES):
                before = sum(client.run(time.process_time).values())
                there.moments(point, False, Progress(0, 1), None)
                taken.append(sum(client.run(time.process_time).values()) - before)
            kilobytes = sum(
                used.ru_maxrss
                for used in client.run(resource.getrusage, resource.RUSAGE_SELF).values()
            )
    return n, min(taken), kilobytes / 1024


def block(n: int, path: Path) -> None:
    """Write n rows of the mixture."""
    x = RNG.normal(size=(n, D)) + CENTRES[RNG.integers(0, K, n)]
    table = pa.table({f"x{d + 1}": x[:, d] for d in range(D)})
    # In halves, so that both workers have something to do.
    pq.write_table(table, path, row_group_size=(n + 1) // 2)


def write(rows: list[tuple[int, float, float]]) -> None:
    """Draw the figure, and say in docs/speed.md what it shows."""
    n, seconds, megabytes = (np.array(each) for each in zip(*rows, strict=True))
    said, lines = [], []
    for what, y, unit in (("a pass takes", seconds, "s"), ("the workers", megabytes, "MB")):
        # The line that is nearest in proportion: small sizes count as much as large ones.
        slope, start = np.polyfit(n, y, 1, w=1 / y)
        lines.append(start + slope * n)
        off = np.abs(lines[-1] / y - 1).max()
        said.append(
            f"{what} {start:.3g} {unit} and {1e6 * slope:.3g} {unit} for each million rows, "
            f"within {100 * off:.0f} %"
        )
    draw(n, (seconds, megabytes), lines)
    sentence = (
        f"Data in partitions, from {n[0]:,} to {n[-1]:,} rows of {D} columns, K = {K}, full, on "
        f"two workers: {said[0]}; {said[1]}. `make growth` measures it.\n\n"
        "![Processor time of a pass and memory of the workers against rows, on log axes, "
        "with the straight lines that fit them](growth.svg)\n"
    )
    page = HERE / "speed.md"
    before, rest = page.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    page.write_text(f"{before}{MARKS[0]}\n{sentence}{MARKS[1]}{after}", encoding="utf-8")
    print(sentence)


def draw(n: np.ndarray, measured: tuple[np.ndarray, ...], lines: list[np.ndarray]) -> None:
    """Draw what was measured, and the lines."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same figure every time: no date, no random names.
    mpl.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 10})
    import matplotlib.pyplot as plt

    names = ("a pass, processor seconds", "memory of both workers, MB")
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, name, y, line in zip(axes, names, measured, lines, strict=True):
        axis.loglog(n, line, color="#999999", linewidth=1)
        axis.loglog(n, y, "o", color="#0072B2")
        axis.set_xlabel("rows")
        axis.set_ylabel(name)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "growth.svg", metadata={"Date": None})


if __name__ == "__main__":
    main([int(float(each)) for each in sys.argv[1:]])
