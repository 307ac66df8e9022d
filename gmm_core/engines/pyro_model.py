"""The one place that says in Pyro what the mixture is, and what follows from the model alone.

Pyro's parameter store, handler stack and random state belong to the whole process. `isolated` takes
the process-wide lock, works in a fresh store and a forked random state, and leaves nothing behind;
two fits in one process run one after the other.
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
from pyro.infer import TraceEnum_ELBO, config_enumerate, infer_discrete

from gmm_core.data.dataset import Dataset
from gmm_core.engines.pyro_conjugate import believe
from gmm_core.engines.pyro_observed import log_densities, observe
from gmm_core.engines.uniform_rotation import UniformRotation
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.observation import Observation, observed

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


def make_model(
    mixture: Mixture, n_columns: int, seen: Observation | None = None, *, sampled: bool = False
) -> Callable[[Tensor], None]:
    """Return the mixture as a Pyro model of data [N, D], with its assignments enumerated.

    Sites: weights [K], with noise [K + 1]; those of the family (`Family.sites`), locs [K, D],
    assignment [N], obs [N, D]. A flat prior is a site whose density is masked out. `seen` is what
    there is of the data besides its values. A conjugate prior is per unit of covariance, and of the
    sites where these are `sampled`.
    """
    K, D, W = mixture.n_components, n_columns, mixture.n_weights
    family, priors = mixture.family, mixture.priors
    c = priors.concentration
    weights_prior = _masked(dist.Dirichlet(tensor(np.full(W, c or 1.0))), c is not None)
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    locs_prior = _masked(
        dist.Normal(
            tensor(np.zeros(D) if loc_mean is None else loc_mean),
            tensor(np.ones(D) if loc_scale is None else loc_scale),
        ),
        loc_scale is not None,
    ).to_event(1)
    sites_ = [(site, PRIOR[site.name](mixture, D)) for site in mixture.sites(D)]

    @config_enumerate
    def model(data: Tensor) -> None:
        weights = pyro.sample("weights", weights_prior)
        values = {s.name: pyro.sample(s.name, prior) for s, prior in sites_ if not s.own}
        with pyro.plate("components", K):
            values |= {s.name: pyro.sample(s.name, prior) for s, prior in sites_ if s.own}
            locs = pyro.sample("locs", locs_prior)
        believe(mixture, values, locs, sampled)
        if seen is not None and not seen.plain:
            factors = family.factor(torch, values, K, D)
            observe(weights, log_densities(locs, factors, data, seen), seen)
            return
        spread = family.spread(torch, values, D)
        with pyro.plate("data", len(data)):
            z = pyro.sample("assignment", dist.Categorical(weights))
            own = spread[z] if family.own(D) else spread
            if family.diagonal(D):
                obs = dist.Normal(locs[z], own).to_event(1)
            else:
                obs = dist.MultivariateNormal(locs[z], scale_tril=own)
            pyro.sample("obs", obs, obs=data)

    return model


def _masked(distribution: Any, keep: bool) -> Any:
    # A mask of Python's False would make a term of torch's default type, single precision,
    # which does not add up with the others.
    return distribution if keep else distribution.mask(torch.tensor(False))


def _scale_prior(mixture: Mixture, D: int) -> Any:
    log_mean, log_sd = mixture.scale_prior(D) or (0.0, 1.0)
    columns = (D,) if mixture.family.per_column else ()
    prior = dist.LogNormal(tensor(log_mean), tensor(log_sd)).expand(columns)
    return _masked(prior, mixture.priors.scale_log_sd is not None).to_event(len(columns))


def _correlation_prior(mixture: Mixture, D: int) -> Any:
    eta = mixture.priors.correlation
    return _masked(dist.LKJCholesky(D, tensor(eta or 1.0)), eta is not None)


def _shape_prior(mixture: Mixture, D: int) -> Any:
    mean, sd = mixture.shape_prior(D) or (np.zeros(D - 1), 1.0)
    prior = dist.Normal(tensor(mean), tensor(sd))
    return _masked(prior, mixture.priors.scale_log_sd is not None).to_event(1)


def _direction_prior(mixture: Mixture, D: int) -> Any:
    return UniformRotation(D)


PRIOR: dict[str, Callable[[Mixture, int], Any]] = {
    "scale": _scale_prior,
    "correlation": _correlation_prior,
    "shape": _shape_prior,
    "direction": _direction_prior,
}
"""The prior of one value of a site of covariances, by its name; masked out where it is flat."""


def log_joint(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> float:
    """Log joint of the Pyro model at one point, assignments summed out: the definition itself."""
    with isolated():
        data = tensor(dataset.values)
        values = {name: tensor(v) for name, v in sites(mixture, parameters).items()}
        model = poutine.condition(
            make_model(mixture, data.shape[1], observed(dataset, mixture)), data=values
        )
        return -TraceEnum_ELBO(max_plate_nesting=1).loss(model, lambda data: None, data)


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
    data = tensor(x.reshape(len(x), -1))
    learned = {name: tensor(v) for name, v in sites(mixture, parameters).items()}
    with isolated(seed):
        seen = Observation(None, None, parameters.box, bool(np.isnan(x).any()))
        trained = poutine.condition(make_model(mixture, data.shape[1], seen), data=learned)
        # The data plate is the only plate, so enumeration starts left of it.
        inferred = infer_discrete(trained, temperature=temperature, first_available_dim=-2)
        trace = poutine.trace(inferred).get_trace(data)
        return trace.nodes["assignment"]["value"].numpy()


def tensor(array: ArrayLike) -> Tensor:
    """Return numbers as a tensor of double precision."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)
