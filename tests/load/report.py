"""The report of a measurement: each target beside what was measured, met or missed."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gmm_core.formatting import listing

from .mix import FIRST, IDLE, LONG_STEPS, PAUSE, SHARES, SHORT_DRAWS, THINK, Measured
from .server import Usage
from .stranger import BOMBS

PACKAGES = ("streamlit", "distributed", "plotly", "numpy", "numba", "nutpie", "torch")


@dataclass
class Found:
    """All that was measured. Times are in seconds.

    waits : from asking for a fit of the crowd to its start on a worker.
    stranger : how often a stranger did what.
    usage : at "start", at the "peak", at the "end" and "after" everybody left.
    """

    people: int
    seconds: float
    measured: Measured = field(default_factory=Measured)
    errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    runs: int = 0
    stranger: Counter[str] = field(default_factory=Counter)
    usage: dict[str, Usage] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    ours: float = 0.0
    bare: float = 0.0


def text(results: Found) -> str:
    """Return the report as markdown."""
    m, use = results.measured, results.usage
    start, peak, end, after = (use[n] for n in ("start", "peak", "end", "after"))
    grown, left = end.web - start.web, after.web - start.web
    allowed = 150 * results.people / 50
    slowest = min(results.rates)
    mix = ", ".join(f"{what} {share:.0%}" for what, share in SHARES.items())
    did = ", ".join(f"{m.did[what]:,} × {what}" for what in SHARES)
    slid, waited = float(np.percentile(m.slides, 95)), max(results.waits, default=np.nan)
    targets = [
        ("errors", "none", f"{len(results.errors)}", not results.errors),
        (
            f"memory of the web process, {results.people} sessions on it",
            f"+{allowed:.0f} MB at most",
            f"{grown:+.0f} MB",
            grown <= allowed,
        ),
        ("the same, after they left", "+50 MB at most", f"{left:+.0f} MB", left <= 50),
        (
            "threads, after they left",
            f"{start.threads} as at the start",
            f"{after.threads}",
            after.threads <= start.threads,
        ),
        ("moving the slider to the new fit's figure, p95", "3 s", f"{slid:.2f} s", slid <= 3),
        (
            "asking for a fit to its start on a worker, the longest",
            "5 s",
            f"{waited:.2f} s",
            waited <= 5,
        ),
        (
            "first screen in a browser, against a bare page with one chart",
            "1.5 × at most",
            f"{results.ours / results.bare:.2f} × ({results.ours:.2f} s, {results.bare:.2f} s)",
            results.ours <= 1.5 * results.bare,
        ),
        (
            f"frames a second, {len(results.rates)} people, {len(results.rates)} fits at once",
            "3 at least for each",
            f"{slowest:.2f} for the slowest, {np.median(results.rates):.2f} in the middle",
            slowest >= 3,
        ),
    ]
    return "\n".join(
        [
            "# Under load",
            "",
            "`make load` wrote this: people without browsers speak Streamlit's websocket with the "
            "app as `streamlit run app.py` serves it, SQLite and local workers.",
            "",
            f"{results.people} sessions for {results.seconds:.0f} s on {machine()}. The people and "
            "the browser run on the same cores as the server. Beside them a stranger, who comes "
            "from elsewhere with another cookie each time, asks for the largest fit and the "
            f"longest sampling that the page takes, and uploads one of {listing(list(BOMBS))}.",
            "",
            "| what | target | measured | |",
            "|---|---|---|---|",
            *(
                f"| {what} | {target} | {value} | {'met' if met else '**missed**'} |"
                for what, target, value, met in targets
            ),
            "",
            "An error is an exception or an error box on a page, a connection that closed, an "
            "answer that did not come in two minutes, a failed run, or an error in the server's "
            "log.",
            "",
            "## Seconds",
            "",
            "| from … to … | p50 | p95 | times |",
            "|---|---|---|---|",
            _row("moving the slider to the new fit's figure", m.slides),
            _row("opening the page to its finished fit, over the websocket", m.screens),
            _row("asking for a fit to its start on a worker", results.waits),
            "",
            f"Watched fits drew {np.median(m.rates):.1f} frames a second in the middle."
            if m.rates
            else "No fit was watched.",
            "",
            "## Memory and threads",
            "",
            "| | web process, MB | its children, MB | threads of the web process |",
            "|---|---|---|---|",
            *(
                f"| {what} | {u.web:.0f} | {u.children:.0f} | {u.threads} |"
                for what, u in (
                    (f"start: {FIRST} people have done everything at once and left", start),
                    ("peak of each", peak),
                    ("end: everybody is still there", end),
                    ("after: everybody left, and their sessions were given up", after),
                )
            ),
            "",
            "## What they did",
            "",
            f"{did}; {results.runs:,} runs. The server sent {m.bytes / 2**20:,.0f} MB. The "
            f"stranger asked {results.stranger['fit']:,} times for a fit and "
            f"{results.stranger['posterior']:,} times for draws, uploaded "
            f"{results.stranger['upload']:,} files and was turned away "
            f"{results.stranger['turned away']:,} times.",
            "",
            f"A person comes within the first tenth of the time and then chooses again and again: "
            f"{mix}. A slide is five moves of K with {PAUSE:.0f} s to look at each; open is to "
            f"leave and come again; fit is {LONG_STEPS} steps of Pyro, streamed; posterior is "
            f"{SHORT_DRAWS} draws of NUTS after as many of warm-up, in 4 chains; idle is "
            f"{IDLE[0]:.0f} to {IDLE[1]:.0f} s. Between two of them {THINK[0]:.0f} to "
            f"{THINK[1]:.0f} s pass. Everybody's starts are their own, so that runs are computed "
            "and not found.",
            *(
                ["", "## Errors", "", *(f"    {line[:200]}" for line in results.errors[:50])]
                if results.errors
                else []
            ),
            "",
        ]
    )


def machine() -> str:
    """Say what it was measured on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, Python {platform.python_version()}, {versions}"


def _row(what: str, times: Sequence[float]) -> str:
    if not times:
        return f"| {what} | – | – | 0 |"
    middle, high = np.percentile(times, [50, 95])
    return f"| {what} | {middle:.2f} | {high:.2f} | {len(times):,} |"
