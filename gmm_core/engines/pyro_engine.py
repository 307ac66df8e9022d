"""The reference engine: restarts and the guide, trained by SVI as the tutorial does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from numpy.typing import NDArray
from pyro import poutine
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta
from pyro.optim import PyroOptim
from torch.distributions import constraints

from gmm_core.data.dataset import Dataset
from gmm_core.engines import pyro_internals
from gmm_core.engines.polish import polish
from gmm_core.engines.pyro_model import isolated, make_model, tensor
from gmm_core.engines.starts import begin
from gmm_core.engines.training import Training
from gmm_core.mixture import Mixture, Parameters, from_sites, sites
from gmm_core.mixture.observation import observed
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import GuideOptions, MapOptions
from gmm_core.runs.progress import OnProgress, Patch, Reporter
from gmm_core.runs.recorded import frame_steps
from gmm_core.runs.results import GuideFit
from gmm_core.runs.units import spreads
from gmm_core.runs.verdicts import gradient_size, is_collapsed

ENGINES = [
    {
        "kind": "map",
        "name": "pyro",
        "packages": ("pyro-ppl", "torch"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "per_evaluation": 0.003,
        "per_number": 3e-08,
        "warm": False,
        "reference": True,
    },
    {
        "kind": "guide",
        "name": "pyro",
        "packages": ("pyro-ppl", "torch"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "per_evaluation": 0.003,
        "per_number": 3e-08,
        "warm": False,
    },
]

Array = NDArray[np.float64]
Tensor = torch.Tensor


def fit_map(
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions,
    on_progress: OnProgress | None = None,
    start: Parameters | None = None,
) -> Training:
    """Train restarts one after the other by SVI, as the tutorial does. See `inference.fit_map`.

    Restarts whose starts are permutations of each other are trained once; all begin at `start` for
    `start="given"`.
    """
    report = Reporter(on_progress)
    data = tensor(dataset.values)
    D, R, T = data.shape[1], options.restarts, options.steps
    every, alike = begin(dataset, mixture, options, start)
    starts = [{name: values[r] for name, values in every.items()} for r in range(R)]
    with isolated():
        seen = observed(dataset, mixture)
        restart = _Restart(make_model(mixture, D, seen), data, options)
        initial = np.full(R, np.nan)
        for r, (first, _) in enumerate(alike):
            initial[r] = restart.begin(starts[r]) if first == r else initial[first]
            report(0, T, dict)
        stacked = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
        training = Training.empty(mixture, options, from_sites(mixture, stacked, seen.box), initial)
        chosen = int(np.nanargmin(initial)) if np.any(np.isfinite(initial)) else 0
        train = sorted({first for first, _ in alike}) if options.trains_all else [chosen]
        work = T + (METHODS["adam"].polishing if options.polish else 0)
        report(0, len(train) * work, training.first_news)
        report.flush()
        for turn, r in enumerate(train):
            restart.begin(starts[r])
            _train(dataset, restart, training, r, options, report, turn * work, len(train) * work)
            report((turn + 1) * work, len(train) * work, dict)
        report.flush()
        if options.trains_all:
            for r, (first, order) in enumerate(alike):
                if first != r:
                    training.copy(first, r, order)
    return training


def _train(
    dataset: Dataset,
    restart: _Restart,
    training: Training,
    r: int,
    options: MapOptions,
    report: Reporter,
    done: int,
    total: int,
) -> None:
    """Make the steps of one restart and close its record; `done` of `total` steps came before."""
    mixture, T = training.mixture, options.steps
    keep = frame_steps(mixture, dataset.values.shape[1], T)
    steps, frames = [0], [restart.unconstrained()]
    last, before, sent = frames[0], frames[0], 0
    broken = False
    for t in range(T):
        loss = restart.step()
        broken = not np.isfinite(loss)
        training.step(r, t, loss, {} if broken else restart.norms)
        if broken:
            break
        # The loss was finite where this step began, so that point is sound; the next may not be.
        before, last = last, restart.unconstrained()
        if t + 1 in keep:
            steps.append(t + 1)
            frames.append(last)

        def news(t: int = t, current: dict[str, Tensor] = last) -> dict[str, Patch]:
            nonlocal sent
            new, sent = slice(sent, t + 1), t + 1
            return training.news(
                r, new, lambda: from_sites(mixture, restart.constrain(current), training.box)
            )

        report(done + t + 1, total, news)
    report.flush()

    end, loss, gradient = last, *restart.loss_and_gradient(last)
    if not np.isfinite(loss) or not all(g.isfinite().all() for g in gradient.values()):
        broken, end = True, before
        loss, gradient = restart.loss_and_gradient(end)
    point = from_sites(mixture, restart.constrain(end), training.box)
    if options.polish and not broken and not is_collapsed(dataset, mixture, point):
        end = restart.polished(
            end, {"locs": spreads(np.sqrt(dataset.moments()[1]), mixture.family)}
        )
        loss, gradient = restart.loss_and_gradient(end)
        point = from_sites(mixture, restart.constrain(end), training.box)
    # The last frame is where the restart ended: polished, or the last sound point.
    stop = max(int(training.made[r]) - int(broken), 0)
    frames = [frame for step, frame in zip(steps, frames, strict=True) if step < stop] + [end]
    steps = [step for step in steps if step < stop] + [stop]
    stacked = {name: torch.stack([frame[name] for frame in frames]) for name in end}
    size = gradient_size(point, {n: g.numpy() for n, g in gradient.items()}, dataset.total)
    training.end(r, np.array(steps), restart.constrain(stacked), loss, size, broken)


class _Restart:
    """One SVI run from one start, with the tutorial's hooks on its gradients."""

    def __init__(self, model: Callable[[Tensor], None], data: Tensor, options: MapOptions) -> None:
        self._model, self._data, self._options = model, data, options
        self._elbo = TraceEnum_ELBO(max_plate_nesting=1)
        self.names: list[str] = []
        self.norms: dict[str, float] = {}
        self._params: dict[str, Tensor] = {}

    def begin(self, start: dict[str, Array]) -> float:
        """Set up guide, optimiser and hooks at a start; return the loss there."""
        pyro.clear_param_store()
        self.names = list(start)
        # AutoDelta keeps the tensor it is given and Adam changes it in place: a fresh one each.
        guide = AutoDelta(
            poutine.block(self._model, expose=self.names),
            init_loc_fn=lambda site: tensor(start[site["name"]]),
        )
        self._guide = guide
        self._svi = SVI(self._model, guide, _adam(self._options), loss=self._elbo)
        loss = self._svi.loss(self._model, guide, self._data)
        # Hooks live on the parameters, and these go with the store at the next start.
        self._params = {
            name.removeprefix("AutoDelta."): value
            for name, value in pyro.get_param_store().named_parameters()
        }
        for name, value in self._params.items():
            value.register_hook(lambda g, name=name: self.norms.__setitem__(name, g.norm().item()))
        return loss

    def step(self) -> float:
        """Make one step of Adam; return the loss before it."""
        return self._svi.step(self._data)

    def unconstrained(self) -> dict[str, Tensor]:
        """Return a copy of the current unconstrained parameters."""
        return {name: value.detach().clone() for name, value in self._params.items()}

    def constrain(self, values: dict[str, Tensor]) -> dict[str, Array]:
        """Map unconstrained parameters, with any leading axes, to the model's sites."""
        return {
            name: pyro_internals.constrained(f"AutoDelta.{name}", value).detach().numpy()
            for name, value in values.items()
        }

    def polished(self, values: dict[str, Tensor], unit: dict[str, Array]) -> dict[str, Tensor]:
        """Return the stationary point that L-BFGS reaches from `values`; `unit` as in `polish`."""

        def objective(point: dict[str, Array]) -> tuple[float, dict[str, Array]]:
            loss, gradient = self.loss_and_gradient({n: tensor(v) for n, v in point.items()})
            return loss, {n: g.numpy() for n, g in gradient.items()}

        optimum = polish(objective, {name: value.numpy() for name, value in values.items()}, unit)
        return {name: tensor(value) for name, value in optimum.items()}

    def loss_and_gradient(self, values: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """Loss and its gradient at a point given in unconstrained coordinates."""
        with torch.no_grad():
            for name, parameter in self._params.items():
                parameter.copy_(values[name])
        loss = self._elbo.differentiable_loss(self._model, self._guide, self._data)
        gradients = torch.autograd.grad(loss, list(self._params.values()))
        return loss.item(), dict(zip(self._params, gradients, strict=True))


def fit_guide(
    dataset: Dataset,
    mixture: Mixture,
    parameters: Parameters,
    options: GuideOptions,
    on_progress: OnProgress | None = None,
) -> GuideFit:
    """Fit assignment probabilities by enumeration in the guide. See `inference.fit_guide`."""
    report = Reporter(on_progress)
    data = tensor(dataset.values)
    K, T = mixture.n_weights, options.steps
    learned = {name: tensor(v) for name, v in sites(mixture, parameters).items()}
    loss, norm = np.full(T, np.nan), np.full(T, np.nan)

    with isolated():
        # How often a point counts is nothing to its assignment.
        seen = replace(observed(dataset, mixture), weights=None)
        model = poutine.condition(make_model(mixture, data.shape[1], seen), data=learned)
        # A point of known class has that one for certain, and nothing to be fitted.
        component = np.full(len(data), -1) if seen.component is None else seen.component
        certain = np.eye(K)[component] * (component >= 0)[:, None]
        N = int((component < 0).sum())
        if not N:
            trace = poutine.trace(model).get_trace(data)
            loss[:], norm[:] = -float(trace.log_prob_sum()), 0.0
            return GuideFit(loss, {"assignment_probs": norm}, certain)

        def every(probs: Tensor) -> Array:
            filled = certain.copy()
            filled[component < 0] = probs.detach().numpy()
            return filled

        @config_enumerate
        def full_guide(data: Tensor) -> None:
            with pyro.plate("data", N):
                probs = pyro.param(
                    "assignment_probs",
                    torch.full((N, K), 1 / K, dtype=data.dtype),
                    constraint=constraints.simplex,
                )
                pyro.sample("assignment", dist.Categorical(probs))

        svi = SVI(model, full_guide, _adam(options), loss=TraceEnum_ELBO(max_plate_nesting=1))
        svi.loss(model, full_guide, data)
        ((_, free),) = pyro.get_param_store().named_parameters()
        t = 0
        hook = free.register_hook(lambda g: norm.__setitem__(t, g.norm().item()))
        sent = 0

        def news() -> dict[str, Patch]:
            nonlocal sent
            new = slice(sent, t + 1)
            patches = {
                "loss": Patch((T,), (sent,), loss[new].copy()),
                "gradient_norm.assignment_probs": Patch((T,), (sent,), norm[new].copy()),
                "assignment_probs": Patch.whole(every(pyro.param("assignment_probs"))),
            }
            sent = t + 1
            return patches

        try:
            for t in range(T):
                loss[t] = svi.step(data)
                report(t + 1, T, news)
        finally:
            hook.remove()
        report.flush()
        probs = every(pyro.param("assignment_probs"))
    return GuideFit(loss, {"assignment_probs": norm}, probs)


def _adam(options: MapOptions | GuideOptions) -> PyroOptim:
    return PyroOptim(torch.optim.Adam, {"lr": options.learning_rate, "betas": options.betas})
