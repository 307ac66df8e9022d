"""What a script minds of data besides complete values: weights, known classes, noise, holes.

The lines are those of `engines.pyro_observed`, of this data alone: what the data does not have is
not mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.mixture.observation import Observation, observed
from gmm_core.sharing.literals import tensor
from gmm_core.sharing.script_sites import spread


def columns_of_file(dataset: Dataset) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return names and values [N] of the columns that data.csv has behind the data's own."""
    names: list[str] = []
    columns: list[tuple[object, ...]] = []
    if dataset.weights is not None:
        names.append("weight")
        columns.append(tuple(dataset.weights.tolist()))
    if dataset.classes is not None:
        names.append("class")
        columns.append(tuple("" if name is None else name for name in dataset.classes))
    return names, columns


def data_lines(dataset: Dataset, mixture: Mixture) -> str:
    """Write the data, and beside it what else is known of each point, into the script."""
    seen = observed(dataset, mixture)
    lines = [f"data = {tensor(dataset.values)}  # [N, D]".replace("NaN", 'float("nan")')]
    if seen.weights is not None:
        lines.append(f"counts = {tensor(seen.weights)}  # how often each point counts")
    if seen.component is not None:
        lines.append(f"component = torch.tensor({seen.component.tolist()})  # -1 where not known")
    return "\n".join(lines)


def file_lines(dataset: Dataset, mixture: Mixture) -> str:
    """Read the same from data.csv, whose columns behind the data's are `columns_of_file`'s."""
    seen, D = observed(dataset, mixture), dataset.values.shape[1]
    lines = [
        "# data.csv is exported beside this script; an empty cell is a missing value.",
        "import csv\n",
        'with open("data.csv", newline="", encoding="utf-8") as file:',
        "    cells = list(csv.reader(file))[1:]",
        f'data = torch.tensor([[float(cell or "nan") for cell in row[:{D}]] for row in cells])',
    ]
    if seen.weights is not None:
        lines.append(f"counts = torch.tensor([float(row[{D}]) for row in cells])")
    if seen.component is not None:
        lines += [
            "# Component k is the class that comes k-th; -1 where none is known.",
            f"classes = [row[{D + (seen.weights is not None)}] for row in cells]",
            "names = list(dict.fromkeys(name for name in classes if name))",
            "component = torch.tensor([names.index(name) if name else -1 for name in classes])",
        ]
    return "\n".join(lines)


def density_lines(seen: Observation) -> Iterator[str]:
    """Write the function of the components' log densities, and what it takes."""
    if seen.component is not None:
        yield "known = component >= 0"
    if seen.box is not None:
        yield f"log_box = {tensor(seen.box)}.log()  # [D], of the box in which noise is uniform"
    if seen.incomplete:
        yield "there = ~data.isnan()"
        yield "# Points that have the same columns, and these columns."
        yield (
            "patterns = [((there == has).all(1), has) for has in torch.unique(there, dim=0)]\n\n"
        )
    else:
        yield "\n"
    width = "K + 1" if seen.box is not None else "K"
    yield "def log_densities(locs, factors, data):"
    if seen.incomplete:
        yield "    # What is missing of a point is integrated out."
        yield f"    joint = locs.new_zeros(len(data), {width})"
        yield "    for rows, has in patterns:"
        yield "        some = factors[:, has]"
        yield "        factor = torch.linalg.cholesky(some @ some.mT)"
        yield "        each = dist.MultivariateNormal(locs[:, has], scale_tril=factor)"
        yield "        joint[rows, :K] = each.log_prob(data[rows][:, None, has])"
        if seen.box is not None:
            yield "        joint[rows, K] = -log_box[has].sum()"
    else:
        yield "    each = dist.MultivariateNormal(locs, scale_tril=factors)"
        yield "    joint = each.log_prob(data.unsqueeze(1))"
        if seen.box is not None:
            yield "    noise = (-log_box.sum()).expand(len(data), 1)"
            yield "    joint = torch.cat([joint, noise], 1)"
    yield "    return joint\n\n"


def observing_lines(mixture: Mixture, D: int, seen: Observation, assigned: bool) -> Iterator[str]:
    """Write how the model comes upon the data.

    Parameters
    ----------
    assigned : whether assignments are asked about: then each point has one, however often it
        counts.
    """
    factors = f"{spread(mixture, D)}.expand(K, D{'' if mixture.family.diagonal(D) else ', D'})"
    if mixture.family.diagonal(D):
        factors = f"torch.diag_embed({factors})"
    yield f"factors = {factors}"
    yield "joint = log_densities(locs, factors, data)"
    counted = "counts * " if seen.weights is not None and not assigned else ""
    if seen.component is not None:
        yield "# A point of known class comes from its component."
        yield "own = (joint + weights.log())[known, component[known]]"
        yield f'pyro.factor("known", ({counted and "counts[known] * "}own).sum())'
        if np.all(seen.component >= 0):
            return
        yield "joint = joint[~known]"
    if counted:
        some = "counts[~known]" if seen.component is not None else "counts"
        yield "total = torch.logsumexp(joint + weights.log(), 1)"
        yield f'pyro.factor("obs", ({some} * total).sum())'
        return
    yield 'with pyro.plate("data", len(joint)):'
    yield '    z = pyro.sample("assignment", dist.Categorical(weights))'
    yield '    pyro.factor("obs", joint[torch.arange(len(joint)), z])'


def spread_of(dataset: Dataset) -> str:
    """Write the standard deviation of each column [D], of what is there."""
    return tensor(np.sqrt(dataset.moments()[1]))
