"""The tutorial's own loops with its hooks and nothing else: what the engine is measured against."""

from collections import defaultdict

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import MCMC, NUTS, SVI, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta
from pyro.infer.autoguide.initialization import init_to_value

DATA = torch.tensor([0.0, 1.0, 10.0, 11.0, 12.0], dtype=torch.float64)


@config_enumerate
def model(data, K=2):
    one = torch.ones((), dtype=torch.float64)
    weights = pyro.sample("weights", dist.Dirichlet(0.5 * one.expand(K)))
    scale = pyro.sample("scale", dist.LogNormal(0 * one, 2 * one))
    with pyro.plate("components", K):
        locs = pyro.sample("locs", dist.Normal(0 * one, 10 * one))
    with pyro.plate("data", len(data)):
        assignment = pyro.sample("assignment", dist.Categorical(weights))
        pyro.sample("obs", dist.Normal(locs[assignment], scale), obs=data)


def start(seed):
    torch.manual_seed(seed)
    locs = DATA[torch.multinomial(torch.ones(5) / 5, 2)]
    return {
        "weights": torch.ones(2, dtype=torch.float64) / 2,
        "scale": (DATA.var() / 2).sqrt(),
        "locs": locs,
    }


def svi(seed, steps):
    """Losses of the tutorial's fit from one start."""
    pyro.clear_param_store()
    values = start(seed)
    guide = AutoDelta(
        poutine.block(model, expose=list(values)),
        init_loc_fn=lambda site: values[site["name"]].clone(),
    )
    adam = pyro.optim.Adam({"lr": 0.1, "betas": [0.8, 0.99]})
    elbo = TraceEnum_ELBO(max_plate_nesting=1)
    fit = SVI(model, guide, adam, loss=elbo)
    elbo.loss(model, guide, DATA)
    norms = defaultdict(list)
    for name, value in pyro.get_param_store().named_parameters():
        value.register_hook(lambda g, name=name: norms[name].append(g.norm().item()))
    return [fit.step(DATA) for _ in range(steps)]


def nuts(seed, warmup, draws):
    """Locs drawn by the tutorial's chain, compiled as Pyro offers it, from the start of a seed."""
    values = start(seed)
    torch.manual_seed(seed)
    kernel = NUTS(
        model,
        jit_compile=True,
        ignore_jit_warnings=True,
        init_strategy=init_to_value(values=values),
    )
    chain = MCMC(kernel, num_samples=draws, warmup_steps=warmup, disable_progbar=True)
    chain.run(DATA)
    return chain.get_samples()["locs"]
