"""A run as a program in plain Pyro that needs nothing of ours and prints the same numbers.

The text is made of the run's own specification: the priors, the covariance and the start stand in
it as numbers and lines, not as options, so that it reads like the tutorial it grew from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, sites
from gmm_core.mixture.observation import observed
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import GuideOptions, MapOptions, NutsOptions
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.runs.units import Units, rescaled
from gmm_core.sharing.literals import dictionary, tensor
from gmm_core.sharing.script_model import model
from gmm_core.sharing.script_observed import data_lines, file_lines, spread_of
from gmm_core.sharing.script_sites import in_script
from gmm_core.words import transformed

MOST_NUMBERS = 20_000
"""Data of at most this many numbers stands in the script; more is read from data.csv beside it."""


def pyro_script(spec: Specification, result: Any = None) -> str:
    """Write a run as a Python program in plain Pyro.

    Parameters
    ----------
    spec : of a MAP fit, an enumerating guide or a posterior.
    result : of the run; only that of a MAP fit is needed, whose chosen start the script trains.

    Returns
    -------
    A MAP fit's script prints the loss and the parameters that the fit has; a guide's its loss and
    probabilities; a posterior's means that do not depend on labels, within their Monte Carlo error.

    Raises
    ------
    ValueError
        When it is no such run, a MAP fit comes without its result, or the chosen restart failed.
    """
    return "\n\n".join(code for _, code in _cells(spec, result)) + "\n"


def pyro_notebook(spec: Specification, result: Any = None) -> str:
    """Write the same program as a Jupyter notebook (nbformat 4.5); see `pyro_script`."""
    cells: list[dict[str, object]] = []
    for title, code in _cells(spec, result):
        for kind, source in (("markdown", title), ("code", code)):
            cell: dict[str, object] = {
                "cell_type": kind,
                "id": f"cell-{len(cells)}",
                "metadata": {},
                "source": source.splitlines(keepends=True),
            }
            if kind == "code":
                cell |= {"execution_count": None, "outputs": []}
            cells.append(cell)
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    body = {"cells": cells, "metadata": {"kernelspec": python}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(body, indent=1) + "\n"


def needs_data_file(spec: Specification) -> bool:
    """Whether the script reads data.csv beside it, for the data is too long to stand in it."""
    return spec.dataset.values.size > MOST_NUMBERS


def _cells(spec: Specification, result: Any) -> Iterator[tuple[str, str]]:
    """Yield the parts of the program, each with what it does in words."""
    script = _SCRIPTS.get(spec.kind)
    if script is None:
        raise ValueError(
            f"A {spec.kind} run has no script. Export a fit, a membership or a posterior."
        )
    # Data of unusual units is fitted in units that it spreads over one in, and so it is here.
    units = rescaled(spec.dataset, spec.mixture) if script.rescales else None
    mixture = spec.mixture if units is None else units.mixture
    dataset = spec.dataset if units is None else units.dataset
    yield "A Gaussian mixture in plain Pyro", _head(spec, script.imports)
    yield "The data", _data(spec)
    if units is not None:
        yield "Units in which the data spreads over about one", _units(units)
    yield (
        "The model: assignments are enumerated, not drawn",
        model(mixture, dataset, sampled=script.sampled, assigned=script.assigned),
    )
    yield from script.cells(spec, result, units)


def _map_cells(
    spec: Specification, fit: MapFit | None, units: Units | None
) -> Iterator[tuple[str, str]]:
    if fit is None:
        raise ValueError("The script begins at the chosen start: give the fit as well.")
    if fit.verdict[fit.chosen] == "failed":
        raise ValueError(
            "The chosen start failed, so there is nothing to reproduce. Lower the learning rate."
        )
    if fit.trajectory[0][0] != 0:
        raise ValueError(
            "This fit does not tell where its shown restart began. Give the run of that restart."
        )
    options: MapOptions = spec.options
    inside = spec if units is None else units
    method = METHODS[options.method]
    title = "The start" if method.in_pyro else f"The point that {method.label} came to"
    yield title, _start(inside.mixture, fit, units, options)
    yield "The fit", _fit(options)
    if options.polish and fit.verdict[fit.chosen] != "collapsed":
        yield "The rest of the way to the optimum", _polish(inside.mixture, inside.dataset)
    yield "What was found", _print_optimum(inside.mixture, units)


def _guide_cells(spec: Specification, *_: object) -> Iterator[tuple[str, str]]:
    assert spec.parameters is not None
    learned = dictionary("learned", in_script(sites(spec.mixture, spec.parameters)))
    yield "The learned parameters, held fixed", learned
    component = observed(spec.dataset, spec.mixture).component
    if component is not None and np.all(component >= 0):
        probs = _EVERY_KNOWN.format(n="(K + 1)" if spec.mixture.noise else "K")
        yield "The class of every point is known, and nothing is left to fit", probs
        return
    guide = _guide(spec.mixture, spec.options)
    yield "A guide with a probability for each point and component", guide


def _posterior_cells(spec: Specification, *_: object) -> Iterator[tuple[str, str]]:
    yield "NUTS", _nuts(spec.mixture, spec.options)


class _Script(NamedTuple):
    """How runs of a kind are written.

    imports : what the program imports besides Pyro and torch.
    cells : the parts that follow the model, each with what it does in words.
    rescales : whether data of unusual units is computed with in other units.
    sampled : whether the model's density is per unit of its sites.
    assigned : whether the component of each point is what is asked about.
    """

    imports: str
    cells: Callable[[Specification, Any, Units | None], Iterator[tuple[str, str]]]
    rescales: bool = False
    sampled: bool = False
    assigned: bool = False


_SCRIPTS = {
    "map": _Script(
        "from pyro import poutine\n"
        "from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate\n"
        "from pyro.infer.autoguide import AutoDelta",
        _map_cells,
        rescales=True,
    ),
    "guide": _Script(
        "from pyro import poutine\n"
        "from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate\n"
        "from torch.distributions import constraints",
        _guide_cells,
        assigned=True,
    ),
    "posterior": _Script(
        "from pyro.infer import MCMC, NUTS, config_enumerate", _posterior_cells, sampled=True
    ),
}


def _head(spec: Specification, imports: str) -> str:
    N, D = spec.dataset.values.shape
    return (
        f'"""{spec.mixture.label}, {N:,} points in {D} column{"s" if D > 1 else ""}.\n\n'
        f"Made by Mixture Explorer from run {spec.id}.\n"
        'It needs torch and pyro-ppl, and nothing else.\n"""\n\n'
        f"import pyro\nimport pyro.distributions as dist\nimport torch\n{imports}\n\n"
        "torch.set_default_dtype(torch.float64)"
    )


def _data(spec: Specification) -> str:
    """Write the data, or how it is read; a comment says what transformed columns are."""
    comment = "".join(f"# {line}\n" for line in wrap(transformed.units(spec.dataset), 94))
    if not observed(spec.dataset, spec.mixture).plain:
        lines = file_lines if needs_data_file(spec) else data_lines
        return comment + lines(spec.dataset, spec.mixture)
    if not needs_data_file(spec):
        return f"{comment}data = {tensor(spec.dataset.values)}  # [N, D]"
    return (
        f"{comment}# data.csv is exported beside this script.\n"
        "import numpy as np\n\n"
        'data = torch.tensor(np.loadtxt("data.csv", delimiter=",", skiprows=1, ndmin=2))  # [N, D]'
    )


def _units(units: Units) -> str:
    return (
        "# The priors below say the same in these units; the loss differs by a constant.\n"
        f"units, centre = {tensor(units.unit)}, {tensor(units.centre)}\n"
        f"constant = {units.constant!r}\ndata = (data - centre) / units"
    )


def _start(mixture: Mixture, fit: MapFit, units: Units | None, options: MapOptions) -> str:
    # The first frame of the trajectory is where the chosen restart began. Of a method that is no
    # part of Pyro, Pyro can tell whether the point that it came to is an optimum.
    first = fit.trajectory[1][0 if METHODS[options.method].in_pyro else -1]
    if units is not None:
        first = units.inside(first)
    return dictionary("start", in_script(sites(mixture, first)))


def _fit(options: MapOptions) -> str:
    steps = f"losses = [svi.step(data) for _ in range({options.steps})]  # each before its step"
    if not METHODS[options.method].in_pyro:
        steps = "losses = [svi.evaluate_loss(data)]"
    return (
        "guide = AutoDelta(\n"
        "    poutine.block(model, expose=list(start)),\n"
        '    init_loc_fn=lambda site: start[site["name"]].clone(),\n'
        ")\n"
        f"{_adam(options)}"
        "elbo = TraceEnum_ELBO(max_plate_nesting=1)\n"
        "svi = SVI(model, guide, adam, loss=elbo)\n"
        f"{steps}"
    )


def _adam(options: MapOptions | GuideOptions) -> str:
    return (
        f'adam = pyro.optim.Adam({{"lr": {options.learning_rate!r}, "betas": {options.betas!r}}})\n'
    )


_POLISH = """\
# Adam at a fixed rate circles about the optimum; L-BFGS goes the rest of the way. Its steps are in
# units of the data's spread, so that locs and scales are of one size.
named = dict(pyro.get_param_store().named_parameters())
spread = %s
unit = {name: spread if name.endswith("locs") else torch.ones(()) for name in named}
free = {name: (value.detach() / unit[name]).requires_grad_() for name, value in named.items()}
lbfgs = torch.optim.LBFGS(
    list(free.values()), max_iter=2000, max_eval=4000, tolerance_grad=1e-9,
    tolerance_change=0.0, history_size=20, line_search_fn="strong_wolfe",
)


def closure():
    with torch.no_grad():
        for name, value in named.items():
            value.copy_(free[name] * unit[name])
    loss = elbo.differentiable_loss(model, guide, data)
    for name, gradient in zip(named, torch.autograd.grad(loss, list(named.values()))):
        free[name].grad = gradient * unit[name]
    return loss


lbfgs.step(closure)
closure()"""

_FOUND = """\
found = guide.median(data)
print("loss before the first step", losses[0])
print("loss", elbo.loss(model, guide, data))
for name, value in found.items():
    print(name, value.tolist())"""

_FOUND_IN_UNITS = """\
found = guide.median(data)
print("loss before the first step", losses[0] + constant)
print("loss", elbo.loss(model, guide, data) + constant)
found["locs"] = found["locs"] * units + centre
found["scale"] = found["scale"] * %s
for name, value in found.items():
    print(name, value.tolist())"""


def _polish(mixture: Mixture, dataset: Dataset) -> str:
    """Write the polish; balls have one size along all columns, and so have its steps."""
    if dataset.incomplete or dataset.weights is not None:
        spread = spread_of(dataset)
        return _POLISH % (f"{spread}.square().mean().sqrt()" if mixture.family.balls else spread)
    return _POLISH % ("data.var(0).mean().sqrt()" if mixture.family.balls else "data.std(0)")


def _print_optimum(mixture: Mixture, units: Units | None) -> str:
    if units is None:
        return _FOUND
    return _FOUND_IN_UNITS % ("units" if mixture.family.per_column else "units[0]")


def _guide(mixture: Mixture, options: GuideOptions) -> str:
    n = "(K + 1)" if mixture.noise else "K"
    fixed = mixture.classes_fixed
    points = "int((~known).sum())" if fixed else "len(data)"
    return (
        "conditioned = poutine.condition(model, data=learned)\n\n\n"
        "@config_enumerate\n"
        "def guide(data):\n"
        f'    with pyro.plate("data", {points}):\n'
        f"        start = torch.full(({points}, {n}), 1 / {n})\n"
        '        probs = pyro.param("assignment_probs", start, constraint=constraints.simplex)\n'
        '        pyro.sample("assignment", dist.Categorical(probs))\n\n\n'
        f"{_adam(options)}"
        "svi = SVI(conditioned, guide, adam, loss=TraceEnum_ELBO(max_plate_nesting=1))\n"
        f"losses = [svi.step(data) for _ in range({options.steps})]  # each before its step\n"
        'print("loss before the last step", losses[-1])\n' + _PROBS[fixed].format(n=n)
    )


_PROBS = {
    False: 'print("assignment_probs", pyro.param("assignment_probs").tolist())',
    True: "probs = torch.zeros(len(data), {n})\n"
    "probs[known, component[known]] = 1.0\n"
    'probs[~known] = pyro.param("assignment_probs").detach()\n'
    'print("assignment_probs", probs.tolist())',
}
"""How the probabilities are printed, by whether some classes are known."""

_EVERY_KNOWN = """\
trace = poutine.trace(poutine.condition(model, data=learned)).get_trace(data)
print("loss", -trace.log_prob_sum().item())
print("assignment_probs", torch.eye({n})[component].tolist())"""


def _nuts(mixture: Mixture, options: NutsOptions) -> str:
    weights = 'draws["weights"]' + "[..., :K]" * mixture.noise
    return (
        f"pyro.set_rng_seed({options.seed})\n"
        f"kernel = NUTS(\n    model, target_accept_prob={options.target_accept!r}, "
        f"max_tree_depth={options.max_tree_depth},\n"
        "    jit_compile=True, ignore_jit_warnings=True,\n)\n"
        f"mcmc = MCMC(kernel, num_samples={options.draws}, warmup_steps={options.warmup})\n"
        f"# One of the run's {options.chains} chains: for more, run the script with other seeds.\n"
        "mcmc.run(data)\n"
        "draws = mcmc.get_samples()\n\n"
        "# Labels are arbitrary, so what is compared does not depend on them.\n"
        f'mean = ({weights}.unsqueeze(-1) * draws["locs"]).sum(-2).mean(0)\n'
        f'print("mean of the {"components" if mixture.noise else "mixture"}", mean.tolist())\n'
        'print("mean scale", draws["scale"].flatten(1).mean().item()\n'
        '      if draws["scale"].dim() > 1 else draws["scale"].mean().item())'
    )
