"""NumPyro's NUTS on the same posterior, in a process of its own: JAX is set up before it is used.

Reads the data and the priors as JSON, and writes for the first run of four chains, which compiles,
and for each later one how long it took and the bulk ESS of the log joint; where it is asked for,
also how probably each pair of points shares a component. With a start in the task all chains begin
there, else each at medians of draws from the prior.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from arviz_stats.base import array_stats
from jax.scipy.special import logsumexp
from numpyro.infer import MCMC, NUTS, init_to_median, init_to_value
from numpyro.infer.util import log_density

CHAINS = 4
# One device for each chain, as NumPyro asks for before it runs chains in parallel.
numpyro.set_host_device_count(CHAINS)
numpyro.enable_x64()


def make_model(task):
    x = jnp.asarray(task["values"])
    K, D = task["n_components"], x.shape[1]
    priors = {name: value for name, value in task["priors"].items() if value is not None}
    p = {name: jnp.asarray(value) for name, value in priors.items()}

    def model():
        weights = numpyro.sample("weights", dist.Dirichlet(p["concentration"] * jnp.ones(K)))
        loc_mean, loc_scale = jnp.ones((K, D)) * p["loc_mean"], jnp.ones((K, D)) * p["loc_scale"]
        locs = numpyro.sample("locs", dist.Normal(loc_mean, loc_scale).to_event(2))
        if task["full"]:
            shape = (K, D)
            mean, sd = jnp.broadcast_to(p["scale_log_mean"], shape), p["scale_log_sd"]
            scale = numpyro.sample("scale", dist.LogNormal(mean, sd).to_event(2))
            lkj = dist.LKJCholesky(D, p["correlation"]).expand([K]).to_event(1)
            tril = scale[..., None] * numpyro.sample("correlation", lkj)
        else:
            scale = numpyro.sample("scale", dist.LogNormal(p["scale_log_mean"], p["scale_log_sd"]))
            tril = jnp.tile(scale * jnp.eye(D), (K, 1, 1))
        log_densities = dist.MultivariateNormal(locs, scale_tril=tril).log_prob(x[:, None])
        joint = numpyro.deterministic("joint", jnp.log(weights) + log_densities)
        numpyro.factor("likelihood", logsumexp(joint, axis=-1).sum())

    return model


def coclustering(joint):
    """Return how probably two points share a component [N, N], from [chains, draws, N, K]."""
    shares = jax.nn.softmax(joint[:, ::10].reshape(-1, *joint.shape[2:]), axis=-1)
    return jnp.einsum("snk,smk->nm", shares, shares) / len(shares)


def main():
    task = json.load(sys.stdin)
    model, runs = make_model(task), []
    start = {name: jnp.asarray(value) for name, value in (task["start"] or {}).items()}
    begin = init_to_value(values=start) if start else init_to_median(num_samples=15)
    log_joints = jax.jit(jax.vmap(jax.vmap(lambda site: log_density(model, (), {}, site)[0])))
    mcmc = MCMC(
        NUTS(model, init_strategy=begin),
        num_warmup=task["warmup"],
        num_samples=task["draws"],
        num_chains=CHAINS,
        chain_method="parallel",
        progress_bar=False,
    )
    for seed in range(1 + task["rounds"]):
        begin = time.perf_counter()
        mcmc.run(jax.random.PRNGKey(seed))
        draws = jax.block_until_ready(mcmc.get_samples(group_by_chain=True))
        joint = draws.pop("joint")
        taken = time.perf_counter() - begin
        log_joint = np.asarray(log_joints(draws))
        ess = array_stats.ess(log_joint, chain_axis=0, draw_axis=1, method="bulk")
        run = {"seconds": taken, "ess": float(ess), "mean": float(log_joint.mean())}
        if task.get("coclustering"):
            run["coclustering"] = np.asarray(coclustering(joint)).tolist()
        runs.append(run)
    print(json.dumps(runs))


main()
