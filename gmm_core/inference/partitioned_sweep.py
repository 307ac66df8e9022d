"""Mixtures of data that stays on the workers: searched on a sample, compared on all of it."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import TYPE_CHECKING, Any

from gmm_core.comparison.criteria import CRITERIA, At
from gmm_core.comparison.sweep import ComparisonRow, mixture_of
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.inference import sweep
from gmm_core.inference.partitioned import CORESET, climb
from gmm_core.mixture import Mixture, Priors
from gmm_core.partitions.held import Held, held
from gmm_core.runs.progress import OnProgress

if TYPE_CHECKING:
    from distributed import Client


def compare(
    data: PartitionedDataset,
    n_components: Iterable[int],
    covariances: Iterable[str | tuple[str, bool | None]] | None = None,
    *,
    restarts: int = 20,
    steps: int = 300,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> list[ComparisonRow]:
    """Compare mixtures by their maximum likelihood on all the data, as `compare` does.

    Each cell is searched on the sample and climbs on the full data from its optimum there.

    Returns
    -------
    Rows as of `compare`, with BIC, AIC, AICc, SABIC and CAIC at full size. What needs every point's
    membership is NaN.

    Raises
    ------
    ValueError
        As `fit` says.
    """
    with held(data, client) as there:
        sample = there.coreset(data.columns, data.name, CORESET, 0)
        rows = sweep.compare(sample, n_components, covariances, restarts=restarts)  # type: ignore[arg-type]
        return [_at_full_size(there, row, steps, on_progress) for row in rows]


def _at_full_size(
    there: Held, row: ComparisonRow, steps: int, on_progress: OnProgress | None
) -> ComparisonRow:
    """Climb from a cell's optimum on the sample, and judge where that ends."""
    row = row._replace(class_probability=(), higher=(), icl=nan, icl_most_probable=nan, entropy=nan)
    if row.parameters is None:
        return row
    mixture = mixture_of(row.cell, Mixture(priors=Priors.flat()))
    fit = climb(there, mixture, row.parameters.reshape(1), steps, on_progress)
    at = At(-float(fit.final_loss[0]), row.n_parameters, there.whole.total, nan, nan)
    judged: dict[str, Any] = {
        name: each.value(at) for name, each in CRITERIA.items() if each.value is not None
    }
    point = fit.parameters
    return row._replace(
        **judged,
        parameters=point,
        verdict=str(fit.verdict[0]),
        smallest=float(point.weights.min() * there.whole.total),
    )
