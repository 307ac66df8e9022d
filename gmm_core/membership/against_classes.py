"""How the components of a fit compare with what the points are known to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.class_columns import ClassColumn
from gmm_core.data.dataset import Dataset
from gmm_core.membership.agreement import agreement
from gmm_core.mixture import Parameters, assign


@dataclass(frozen=True, eq=False)
class AgainstClasses:
    """Points of known classes by their most probable components.

    Attributes
    ----------
    names : the C classes, as they first appear.
    table : [C, K], with noise [C, K + 1], how many points of a class are in a component.
    component : for each class the component that stands for it under the best one-to-one matching;
        None where there are fewer components than classes.
    ari : adjusted Rand index.
    error : share of points that are not in the component of their class.
    """

    names: tuple[str, ...]
    table: NDArray[np.int64]
    component: tuple[int | None, ...]
    ari: float
    error: float

    @property
    def n_points(self) -> int:
        """How many points have a known class."""
        return int(self.table.sum())


def against_classes(dataset: Dataset, parameters: Parameters) -> AgainstClasses | None:
    """Compare the most probable components with the known classes; None where none is known.

    Points of unknown class, and those that count as nothing, are left out.
    """
    from scipy.optimize import linear_sum_assignment

    if dataset.classes is None:
        return None
    names = dataset.class_names
    number = {name: c for c, name in enumerate(names)}
    counted = np.ones(len(dataset.values)) if dataset.weights is None else dataset.weights
    rows = [n for n, name in enumerate(dataset.classes) if name is not None and counted[n] > 0]
    if not rows:
        return None
    classes = np.array([number[str(dataset.classes[n])] for n in rows])
    components = assign(parameters, dataset.values[rows])
    table = np.zeros((len(names), parameters.every_weight.shape[-1]), dtype=np.int64)
    np.add.at(table, (classes, components), 1)
    matched = dict(zip(*(axis.tolist() for axis in linear_sum_assignment(-table)), strict=True))
    agreed = agreement(classes.tolist(), components.tolist())
    component = tuple(matched.get(c) for c in range(len(names)))
    return AgainstClasses(names, table, component, agreed.ari, agreed.error)


def class_colours(dataset: Dataset, parameters: Parameters, column: ClassColumn) -> list[int]:
    """Give each class the number of the component that stands for it, others those behind.

    Returns
    -------
    [C], different numbers; K and more for classes that have no component.
    """
    K = len(parameters.weights)
    classes = tuple(None if c < 0 else column.names[c] for c in column.member.tolist())
    comparison = against_classes(replace(dataset, classes=classes), parameters)
    own = (
        {} if comparison is None else dict(zip(comparison.names, comparison.component, strict=True))
    )
    spare = count(K)
    numbers = []
    for name in column.names:
        k = own.get(name)
        numbers.append(next(spare) if k is None or k >= K else k)
    return numbers
