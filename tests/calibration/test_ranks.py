"""All samplers are calibrated in one and two columns; the ranks are drawn into docs/.

`make calibrate` runs this. It takes minutes, so it stands outside `make test`, which has a short
form in tests/test_calibration.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .picture import picture
from .simulation import LIMIT, ONE_COLUMN, TWO_COLUMNS, Plan, p_values, ranks

FIGURE = Path(__file__).parents[2] / "docs" / "calibration.svg"
PROCESSES = os.cpu_count() or 1

Found = dict[str, tuple[dict[str, np.ndarray], int]]

# In one data set of ten the modes are so far apart that 800 draws are worth fewer than 100: ranks
# among every eighth of them are not uniform, and 1,000 sets see it.
# Pyro's gradients cost a thousand times more: fewer sets, fewer draws of each.
LONG = {"n_sets": 600, "warmup": 300, "kept": 49, "thin": 60}
# Draws that are weighed depend on each other through their resampling alone.
WEIGHED = {"n_sets": 600, "warmup": 0, "kept": 49, "thin": 10}
SHORT = {"n_sets": 100, "warmup": 60, "kept": 19, "thin": 5}


@pytest.fixture(scope="module")
def collected() -> Iterator[Found]:
    """What the tests found, drawn when all have."""
    ranks_by_sampler: Found = {}
    yield ranks_by_sampler
    if len(ranks_by_sampler) == 6:
        FIGURE.parent.mkdir(exist_ok=True)
        n_draws = {label: k for label, (_, k) in ranks_by_sampler.items()}
        FIGURE.write_text(
            picture({label: r for label, (r, _) in ranks_by_sampler.items()}, n_draws)
        )


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("engine", "size"), [("nutpie", LONG), ("pyro", SHORT), ("smc", WEIGHED)])
@pytest.mark.parametrize(("D", "mixture"), [(1, ONE_COLUMN), (2, TWO_COLUMNS)])
def test_ranks_are_uniform(engine, size, D, mixture, collected):
    plan = Plan(D, mixture, **{n: v for n, v in size.items() if n != "n_sets"})
    by_quantity = ranks(size["n_sets"], plan, engine, PROCESSES)
    name = {"pyro": "Pyro", "smc": "SMC"}.get(engine, engine)
    collected[f"{name}, D = {D}"] = by_quantity, plan.kept
    # At least ten expected in each bin, which the chi-square distribution is good for.
    p = p_values(by_quantity, plan.kept, 10)
    print(f"\n{name}, D = {D}:", {of: round(value, 3) for of, value in p.items()})
    assert min(p.values()) > LIMIT, p
