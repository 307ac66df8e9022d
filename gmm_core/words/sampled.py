"""Of data whose rows stay in partitions: what was computed on all of them, and what on a sample."""

from __future__ import annotations

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import count
from gmm_core.runs import kinds
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification


def everywhere(spec: Specification) -> bool:
    """Whether a run goes to all the rows, which stay in partitions."""
    return kinds.engine_of(spec).passes > 0


def lead(spec: Specification) -> str:
    """Say, in front of an answer, that it is of a sample; "" where it is of all rows."""
    if spec.dataset.whole is None or everywhere(spec):
        return ""
    return f"On {of(spec.dataset)}: "


def not_exported(sample: Dataset) -> str:
    """Say which files there are not, and why; "" for data that is all here."""
    if sample.whole is None:
        return ""
    return (
        f"Files with a line for each row are not made here: the {sample.n:,} rows stay with the "
        "workers, which write memberships as Parquet from the Membership page. Scripts and reports "
        "hold all data, and so there are none."
    )


def fit_beyond(sample: Dataset, fit: MapFit) -> str:
    """Say how a fit to all rows came about, and what there is of the sample alone."""
    passes = int(fit.steps_made[fit.chosen])
    optima = count(len(fit.loss), "optimum") if len(fit.loss) == 1 else f"{len(fit.loss)} optima"
    return (
        f"The search made its starts on {of(sample)}, and the best of what it found, {optima}, "
        f"went on to all {count(sample.n, 'row')}; the best one took {count(passes, 'step')} "
        "there, whose losses are the curve. The starts one by one, their playback, slices of "
        "the objective and the bootstrap would each pass over all rows again and again, and are "
        "not drawn. On the sample by itself all of them are, with an answer that is as unsure as "
        "a sample is."
    )


def of(sample: Dataset) -> str:
    """Name a sample, as `Whole.sampled` does."""
    assert sample.whole is not None
    return sample.whole.sampled(len(sample.values), sample.total)
