"""The reference engine: the one place that says in Pyro what the mixture is.

Pyro's parameter store, handler stack and random state belong to the whole process. Every public
function here takes the process-wide lock, works in a fresh store and a forked random state, and
leaves nothing behind; two fits in one process run one after the other.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from numpy.typing import ArrayLike, NDArray
from pyro import poutine
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate, infer_discrete
from pyro.infer.autoguide import AutoDelta
from pyro.optim import PyroOptim
from torch.distributions import constraints

from gmm_core.dataset import Dataset
from gmm_core.diagnostics import gradient_size, is_collapsed
from gmm_core.engines.polish import polish
from gmm_core.engines.starts import start_locs, start_sites, twins
from gmm_core.engines.training import Training, frame_steps
from gmm_core.mixture import Mixture, Parameters, from_sites, sites
from gmm_core.options import GuideOptions, MapOptions
from gmm_core.progress import OnProgress, Patch, Reporter
from gmm_core.results import GuideFit

Array = NDArray[np.float64]
Tensor = torch.Tensor

_LOCK = threading.RLock()


@contextmanager
def isolated(seed: int = 0) -> Iterator[None]:
    """Run a block alone in this process, with an empty parameter store and its own random state."""
    # Validation would raise on the NaN of a diverged restart, and Pyro warns of it at every step;
    # it is a finding, to be reported as such.
    with (
        _LOCK,
        pyro.get_param_store().scope(),
        torch.random.fork_rng(devices=[]),
        pyro.validation_enabled(False),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Encountered (NaN|inf)")
        torch.manual_seed(seed)
        yield


def make_model(mixture: Mixture, n_columns: int) -> Callable[[Tensor], None]:
    """Return the mixture as a Pyro model of data [N, D], with its assignments enumerated.

    Sites: weights [K], scale of `mixture.scale_shape(D)`, correlation (Cholesky factors, only
    when there are any), locs [K, D], assignment [N], obs [N, D]. A flat prior is a site whose
    density is masked out.
    """
    K, D = mixture.n_components, n_columns
    tensor = _tensor
    priors = mixture.priors

    def masked(distribution: Any, keep: bool) -> Any:
        # A mask of Python's False would make a term of torch's default type, single precision,
        # which does not add up with the others.
        return distribution if keep else distribution.mask(torch.tensor(False))

    c = priors.concentration
    weights_prior = masked(dist.Dirichlet(tensor(np.full(K, c or 1.0))), c is not None)
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    locs_prior = masked(
        dist.Normal(
            tensor(np.zeros(D) if loc_mean is None else loc_mean),
            tensor(np.ones(D) if loc_scale is None else loc_scale),
        ),
        loc_scale is not None,
    ).to_event(1)
    log_mean, log_sd = mixture.scale_prior(D) or (0.0, 1.0)
    per_column = () if mixture.covariance == "spherical" else (D,)
    scale_prior = masked(
        dist.LogNormal(tensor(log_mean), tensor(log_sd)).expand(per_column),
        priors.scale_log_sd is not None,
    ).to_event(len(per_column))
    correlated = mixture.has_correlations(D)
    eta = priors.correlation
    # LKJ is defined from two columns on; without correlations it is not used.
    correlation_prior = masked(dist.LKJCholesky(max(D, 2), tensor(eta or 1.0)), eta is not None)

    def covariance() -> tuple[Tensor, Tensor | None]:
        scale = pyro.sample("scale", scale_prior)
        return scale, pyro.sample("correlation", correlation_prior) if correlated else None

    @config_enumerate
    def model(data: Tensor) -> None:
        weights = pyro.sample("weights", weights_prior)
        if mixture.tied:
            scale, correlation = covariance()
        with pyro.plate("components", K):
            if not mixture.tied:
                scale, correlation = covariance()
            locs = pyro.sample("locs", locs_prior)
        scale_tril = None if correlation is None else scale.unsqueeze(-1) * correlation
        with pyro.plate("data", len(data)):
            z = pyro.sample("assignment", dist.Categorical(weights))
            if scale_tril is not None:
                L = scale_tril if mixture.tied else scale_tril[z]
                obs = dist.MultivariateNormal(locs[z], scale_tril=L)
            else:
                s = scale if mixture.tied else scale[z]
                if not mixture.tied and mixture.covariance == "spherical":
                    s = s.unsqueeze(-1)
                obs = dist.Normal(locs[z], s).to_event(1)
            pyro.sample("obs", obs, obs=data)

    return model


def log_joint(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> float:
    """Log joint of the Pyro model at one point, assignments summed out: the definition itself."""
    with isolated():
        data = _tensor(dataset.values)
        values = {name: _tensor(v) for name, v in sites(mixture, parameters).items()}
        model = poutine.condition(make_model(mixture, data.shape[1]), data=values)
        return -TraceEnum_ELBO(max_plate_nesting=1).loss(model, lambda data: None, data)


def fit_map(
    dataset: Dataset, mixture: Mixture, options: MapOptions, on_progress: OnProgress | None = None
) -> Training:
    """Train restarts one after the other by SVI, as the tutorial does. See `inference.fit_map`.

    Restarts whose starts are permutations of each other are trained once.
    """
    report = Reporter(on_progress)
    data = _tensor(dataset.values)
    D, R, T = data.shape[1], options.restarts, options.steps
    starts = [
        start_sites(dataset, mixture, locs, options.start_scale)
        for locs in start_locs(dataset, mixture.n_components, options)
    ]
    alike = twins([start["locs"] for start in starts])
    with isolated():
        restart = _Restart(make_model(mixture, D), data, options)
        initial = np.full(R, np.nan)
        for r, (first, _) in enumerate(alike):
            initial[r] = restart.begin(starts[r]) if first == r else initial[first]
            report(0, T, dict)
        stacked = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
        training = Training.empty(mixture, options, from_sites(mixture, stacked), initial)
        chosen = int(np.nanargmin(initial)) if np.any(np.isfinite(initial)) else 0
        train = [chosen] if options.choose == "initial" else sorted({first for first, _ in alike})
        report(0, len(train) * T, training.first_news)
        report.flush()
        for turn, r in enumerate(train):
            restart.begin(starts[r])
            _train(dataset, restart, training, r, options, report, turn * T, len(train) * T)
        if options.choose == "final":
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
    kept, frames = [0], [restart.unconstrained()]
    last, before, sent = frames[0], frames[0], 0
    broken = False
    for t in range(T):
        training.loss[r, t] = restart.step()
        broken = not np.isfinite(training.loss[r, t])
        if broken:
            break
        for name, norm in restart.norms.items():
            training.gradient_norm[name][r, t] = norm
        # The loss was finite where this step began, so that point is sound; the next may not be.
        before, last = last, restart.unconstrained()
        if t + 1 in keep:
            kept.append(t + 1)
            frames.append(last)

        def news(t: int = t, current: dict[str, Tensor] = last) -> dict[str, Patch]:
            nonlocal sent
            new, sent = slice(sent, t + 1), t + 1
            return training.news(r, new, restart.constrain(current))

        report(done + t + 1, total, news)
    report.flush()

    end, loss, gradient = last, *restart.loss_and_gradient(last)
    if not np.isfinite(loss) or not all(g.isfinite().all() for g in gradient.values()):
        broken, end = True, before
        loss, gradient = restart.loss_and_gradient(end)
    point = from_sites(mixture, restart.constrain(end))
    if options.polish and not broken and not is_collapsed(dataset, mixture, point):
        end = restart.polished(end)
        loss, gradient = restart.loss_and_gradient(end)
        point = from_sites(mixture, restart.constrain(end))
    # The last frame is where the restart ended: polished, or the last sound point.
    stop = max((t if np.isnan(training.loss[r, t]) else T) - int(broken), 0)
    frames = [frame for step, frame in zip(kept, frames, strict=True) if step < stop] + [end]
    kept = [step for step in kept if step < stop] + [stop]
    stacked = {name: torch.stack([frame[name] for frame in frames]) for name in end}
    size = gradient_size(point, {n: g.numpy() for n, g in gradient.items()}, len(dataset.values))
    training.end(r, np.array(kept), restart.constrain(stacked), loss, size, broken)


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
        self.names = [n for n in ("weights", "locs", "scale", "correlation") if n in start]
        # AutoDelta keeps the tensor it is given and Adam changes it in place: a fresh one each.
        guide = AutoDelta(
            poutine.block(self._model, expose=self.names),
            init_loc_fn=lambda site: _tensor(start[site["name"]]),
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
        store = pyro.get_param_store()
        return {
            name: torch.distributions.transform_to(store._constraints[f"AutoDelta.{name}"])(value)
            .detach()
            .numpy()
            for name, value in values.items()
        }

    def polished(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the stationary point that L-BFGS reaches from `values`."""

        def objective(point: dict[str, Array]) -> tuple[float, dict[str, Array]]:
            loss, gradient = self.loss_and_gradient({n: _tensor(v) for n, v in point.items()})
            return loss, {n: g.numpy() for n, g in gradient.items()}

        found = polish(objective, {name: value.numpy() for name, value in values.items()})
        return {name: _tensor(value) for name, value in found.items()}

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
    data = _tensor(dataset.values)
    N, K, T = len(data), mixture.n_components, options.steps
    learned = {name: _tensor(v) for name, v in sites(mixture, parameters).items()}
    loss, norm = np.full(T, np.nan), np.full(T, np.nan)

    with isolated():
        model = poutine.condition(make_model(mixture, data.shape[1]), data=learned)

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
                "assignment_probs": Patch.whole(pyro.param("assignment_probs").detach().numpy()),
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
        probs = pyro.param("assignment_probs").detach().numpy().copy()
    return GuideFit(loss, {"assignment_probs": norm}, probs)


def assign(
    mixture: Mixture,
    parameters: Parameters,
    values: ArrayLike,
    temperature: int = 0,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Component of each point [N] by Pyro's `infer_discrete`, as in the tutorial.

    Parameters
    ----------
    values : [N, D], or [N] when D = 1.
    temperature : 0 for the most probable component, 1 for a draw from the posterior assignment.
    """
    x = np.asarray(values, dtype=np.float64)
    data = _tensor(x.reshape(len(x), -1))
    learned = {name: _tensor(v) for name, v in sites(mixture, parameters).items()}
    with isolated(seed):
        trained = poutine.condition(make_model(mixture, data.shape[1]), data=learned)
        # The data plate is the only plate, so enumeration starts left of it.
        inferred = infer_discrete(trained, temperature=temperature, first_available_dim=-2)
        trace = poutine.trace(inferred).get_trace(data)
        return trace.nodes["assignment"]["value"].numpy()


def _adam(options: MapOptions | GuideOptions) -> PyroOptim:
    return PyroOptim(torch.optim.Adam, {"lr": options.learning_rate, "betas": options.betas})


def _tensor(array: ArrayLike) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float64)
