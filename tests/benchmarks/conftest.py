"""Collects what the benchmarks measured, prints it, and puts it into the README when asked to.

`BENCH_README` names the README, which gets the rows that answer a newcomer; docs/speed.md beside it
gets all rows and the figure, and those of data in partitions in a table of their own. Each table
stands between two marks, so that a run replaces what the last one wrote. A row that misses the
least that holds fails its benchmark and is still written. The first table is not written when one
of its benchmarks was left out; sizes of data in partitions can be measured one by one.
"""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import pytest

ALT = "Time of one gradient against points, components and columns, on log axes"
# Rows and pictured sizes of a whole run.
ROWS = 27
PAGE = Path("docs/speed.md")
PICTURE = Path("docs/scaling.svg")
# The rows of the README, by work and the beginning of the peer's name.
SHORT = {
    ("tutorial, 100 restarts × 200 steps", "the tutorial's Pyro loop"),
    ("faithful, K = 3, full, 100 restarts to convergence", "scikit-learn"),
    ("10⁵ × 4, K = 5, full: one gradient", "one EM iteration"),
    ("tutorial: effective draws a second", "Pyro NUTS"),
    ("tutorial: effective draws a second", "NumPyro, compiled"),
}


class Report:
    """One row for each comparison: our median, the peer's, their ratio, the least it has to be."""

    def __init__(self, *packages):
        self.packages = packages  # that were measured
        self.rows = []
        self.sizes = {}  # axis -> [(size, seconds)], power

    def row(self, work, ours, theirs, peer, ratio, least, unit="ms"):
        """Print and keep a row; fail when the ratio is below the least."""
        self.rows.append((work, ours, theirs, peer, ratio, least, unit))
        print(
            f"\n| {work} | {ours:.4g} {unit} | {peer} {theirs:.4g} {unit} | {ratio:.3g} × "
            f"(at least {least:g} ×) |"
        )
        assert ratio >= least

    def times(self, work, ours, theirs, peer, least):
        """Add a row of times in seconds: how many times faster we are."""
        self.row(work, 1e3 * ours, 1e3 * theirs, peer, theirs / ours, least)

    def table(self, short=False):
        """Return the rows, or those of the README, with the machine they were measured on."""
        head = "| work | ours | peer | ratio | at least |\n|---|---|---|---|---|\n"
        lines = [
            f"| {work} | {three_digits(ours)} {unit} | {peer}: {three_digits(theirs)} {unit} "
            f"| **{three_digits(ratio)} ×** | ≥ {three_digits(least)} × |"
            for work, ours, theirs, peer, ratio, least, unit in self.rows
            if not short or any(work == w and peer.startswith(p) for w, p in SHORT)
        ]
        return head + "\n".join(lines) + f"\n\nMeasured on {machine(self.packages)}.\n"


def three_digits(value):
    """Write three digits or, where there are more before the point, all of those: 1.59, 12,900."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine(names):
    """Name the machine and what was installed, as a reader needs it to compare."""
    match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    cores = len(os.sched_getaffinity(0))
    processor = match[1] if match else platform.processor()
    return f"{cores} cores of {processor}, Python {platform.python_version()}, {packages}"


_REPORT = Report("numpy", "numba", "nutpie", "torch", "pyro-ppl", "scikit-learn", "jax", "numpyro")
_PARTITIONED = Report("numpy", "numba", "dask", "pyarrow", "scikit-learn", "pyspark")


@pytest.fixture(scope="session")
def report():
    return _REPORT


@pytest.fixture(scope="session")
def partitioned_report():
    return _PARTITIONED


def pytest_sessionfinish(session, exitstatus):
    readme = os.environ.get("BENCH_README")
    if not readme:
        return
    page = Path(readme).parent / PAGE
    if len(_REPORT.rows) + len(_REPORT.sizes) >= ROWS:
        replace(Path(readme), "measured", _REPORT.table(short=True))
        replace(page, "measured", f"{_REPORT.table()}\n![{ALT}]({PICTURE.name})\n")
        draw(_REPORT.sizes, PICTURE)
    if _PARTITIONED.rows:
        replace(page, "partitions", _PARTITIONED.table())


def replace(path, mark, table):
    """Put a table between the marks of a file, in place of the last one."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = path.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n{table}{end}{after}", encoding="utf-8")


def draw(sizes, path):
    """Draw seconds against each size, on log axes, with the line the arithmetic allows."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same figure every time: no date, no random names.
    mpl.rcParams.update({"svg.hashsalt": "scaling", "svg.fonttype": "none", "font.size": 10})
    import matplotlib.pyplot as plt

    names = {"N": "points N", "K": "components K", "D": "columns D"}
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    for axis, (name, (points, power)) in zip(axes, sizes.items(), strict=True):
        x, y = zip(*points, strict=True)
        axis.loglog(x, [1e3 * v for v in y], "o-", color="#0072B2")
        axis.set_xlabel(names[name])
        axis.set_xticks(x, [f"{v:,}" for v in x])
        axis.minorticks_off()
        axis.set_title(f"grows as {name}$^{{{power:.2f}}}$", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("one gradient, ms")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
