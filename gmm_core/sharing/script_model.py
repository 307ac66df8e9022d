"""The model of a script in plain Pyro: priors and covariances as lines, not as options."""

from __future__ import annotations

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.mixture.observation import observed
from gmm_core.sharing.conjugate_script import conjugate_lines
from gmm_core.sharing.literals import tensor
from gmm_core.sharing.script_observed import density_lines, observing_lines
from gmm_core.sharing.script_sites import lines_of, prior_of, spread


def model(
    mixture: Mixture, dataset: Dataset, *, sampled: bool = False, assigned: bool = False
) -> str:
    """Write the mixture as a Pyro model of data [N, D].

    Parameters
    ----------
    mixture, dataset : those of the run, in the units in which it is fitted.
    sampled : whether a sampler asks for its density, which is per unit of the sites.
    assigned : whether assignments are asked about: then each point has one, however often it
        counts.
    """
    D = dataset.values.shape[1]
    observation = observed(dataset, mixture)
    priors, K = mixture.priors, mixture.n_components
    sites = list(zip(mixture.sites(D), lines_of(mixture, D), strict=True))
    c = priors.concentration
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    proper = loc_scale is not None
    mean, sd = (loc_mean, loc_scale) if proper else (np.zeros(D), np.ones(D))
    normal = f"dist.Normal({tensor(mean)}, {tensor(sd)})"
    weights = prior_of(
        f"dist.Dirichlet(torch.full(({'K + 1' if mixture.noise else 'K'},), {c or 1.0!r}))",
        c is not None,
    )
    locs = prior_of(normal, proper) + ".to_event(1)"

    head = [f"K, D = {K}, {D}"]
    head += [site_lines.constant(D) for _, site_lines in sites if site_lines.constant]
    functions = [site_lines.function for _, site_lines in sites if site_lines.function]
    lines = [*head, "", ""]
    for function in functions:
        lines += [function, "", ""]
    if not observation.plain:
        # What it needs of the data stands with K and D where no function comes between.
        lines[-1 if functions else -2 :] = density_lines(observation)
    draws = [(site.own, site_lines.draw(mixture, D)) for site, site_lines in sites]
    if sampled:
        draws += [
            (site.own, site_lines.sampled(D)) for site, site_lines in sites if site_lines.sampled
        ]
    lines += [
        "@config_enumerate",
        "def model(data):",
        f'    weights = pyro.sample("weights", {weights})',
    ]
    lines += [f"    {line}" for own, line in draws if not own]
    lines.append('    with pyro.plate("components", K):')
    lines += [f"        {line}" for own, line in draws if own]
    lines.append(f'        locs = pyro.sample("locs", {locs})')
    lines += [f"    {line}" for _, site_lines in sites for line in site_lines.spread_lines]
    lines += [f"    {line}" for line in conjugate_lines(mixture, D, sampled)]
    if observation.plain:
        lines += [f"    {line}" for line in _plain_lines(mixture, D)]
    else:
        lines += [f"    {line}" for line in observing_lines(mixture, D, observation, assigned)]
    return "\n".join(lines)


def _plain_lines(mixture: Mixture, D: int) -> list[str]:
    """Write how complete points that count once are observed, as in the tutorial."""
    family = mixture.family
    name, *column = spread(mixture, D).partition(".")
    # One covariance of all components stands as it is; of their own, each point takes its own.
    own = f"{name}[z]{''.join(column)}" if family.own(D) else name
    if family.diagonal(D):
        obs = f"dist.Normal(locs[z], {own}).to_event(1)"
    else:
        obs = f"dist.MultivariateNormal(locs[z], scale_tril={own})"
    return [
        'with pyro.plate("data", len(data)):',
        '    z = pyro.sample("assignment", dist.Categorical(weights))',
        f'    pyro.sample("obs", {obs}, obs=data)',
    ]
