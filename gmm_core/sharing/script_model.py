"""The model of a script in plain Pyro: priors and covariances as lines, not as options."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, rotations
from gmm_core.mixture.observation import observed
from gmm_core.mixture.size_shape_direction import contrasts
from gmm_core.runs.options import GuideOptions, NutsOptions
from gmm_core.runs.specification import Specification
from gmm_core.sharing.conjugate_script import conjugate_lines
from gmm_core.sharing.literals import tensor
from gmm_core.sharing.script_observed import density_lines, observing_lines


def model(mixture: Mixture, spec: Specification, dataset: Dataset) -> str:
    """Write the mixture as a Pyro model of data [N, D].

    Parameters
    ----------
    mixture, dataset : those of the run, in the units in which it is fitted.
    """
    D = dataset.values.shape[1]
    seen = observed(dataset, mixture)
    priors, K = mixture.priors, mixture.n_components
    family = mixture.family
    c = priors.concentration
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    proper = loc_scale is not None
    mean, sd = (loc_mean, loc_scale) if proper else (np.zeros(D), np.ones(D))
    normal = f"dist.Normal({tensor(mean)}, {tensor(sd)})"
    weights = _prior(
        f"dist.Dirichlet(torch.full(({'K + 1' if mixture.noise else 'K'},), {c or 1.0!r}))",
        c is not None,
    )
    locs = _prior(normal, proper) + ".to_event(1)"
    named = [site.name for site in mixture.sites(D)]
    lines = [f"K, D = {K}, {D}", "", ""]
    if "shape" in named:
        lines[1:1] = [f"contrasts = {tensor(contrasts(D))}  # [D, D - 1]"]
    if "direction" in named:
        lines += [_ROTATION, "", ""]
    if not seen.plain:
        lines[-1 if "direction" in named else -2 :] = density_lines(seen)
    lines += [
        "@config_enumerate",
        "def model(data):",
        f'    weights = pyro.sample("weights", {weights})',
    ]
    drawn = [(site.own, SITE[site.name](mixture, D)) for site in mixture.sites(D)]
    if "direction" in named and isinstance(spec.options, NutsOptions):
        # A sampler asks for the density of the angles; a fit for that of the rotations, which is 1.
        own = next(site.own for site in mixture.sites(D) if site.name == "direction")
        drawn.append((own, _uniform(D)))
    lines += [f"    {line}" for own, line in drawn if not own]
    lines.append('    with pyro.plate("components", K):')
    lines += [f"        {line}" for own, line in drawn if own]
    lines.append(f'        locs = pyro.sample("locs", {locs})')
    each = "[z]" if family.own(D) else ""
    if "correlation" in named:
        lines.append("    scale_tril = scale.unsqueeze(-1) * correlation")
    elif "direction" in named:
        lines += [f"    {line}" for line in _FACTOR]
    elif "shape" in named:
        lines.append("    lengths = scale.unsqueeze(-1) * torch.exp(shape @ contrasts.T)")
    sampled = isinstance(spec.options, NutsOptions)
    lines += [f"    {line}" for line in conjugate_lines(mixture, D, sampled, tensor)]
    if not seen.plain:
        assigned = isinstance(spec.options, GuideOptions)
        lines += [f"    {line}" for line in observing_lines(mixture, D, seen, assigned)]
        return "\n".join(lines)
    if not family.diagonal(D):
        obs = f"dist.MultivariateNormal(locs[z], scale_tril=scale_tril{each})"
    else:
        spread = f"lengths{each}" if "shape" in named else f"scale{each}"
        if each and "shape" not in named and not family.per_column:
            spread += ".unsqueeze(-1)"
        obs = f"dist.Normal(locs[z], {spread}).to_event(1)"
    lines.append('    with pyro.plate("data", len(data)):')
    lines.append('        z = pyro.sample("assignment", dist.Categorical(weights))')
    lines.append(f'        pyro.sample("obs", {obs}, obs=data)')
    return "\n".join(lines)


_ROTATION = """\
def rotation(angles):
    # One rotation in each two axes after another, by any real angles.
    columns = list(torch.eye(D).expand(*angles.shape[:-1], D, D).unbind(-1))
    pairs = [(i, j) for i in range(D) for j in range(i + 1, D)]
    for p, (i, j) in enumerate(pairs):
        c, s = angles[..., p, None].cos(), angles[..., p, None].sin()
        columns[i], columns[j] = c * columns[i] + s * columns[j], c * columns[j] - s * columns[i]
    return torch.stack(columns, -1)"""


_FACTOR = (
    "lengths = scale.unsqueeze(-1) * torch.exp(shape @ contrasts.T)",
    "lower = torch.linalg.qr((rotation(angles) * lengths.unsqueeze(-2)).mT).R.mT",
    "scale_tril = lower * lower.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)",
)


def _prior(distribution: str, proper: bool) -> str:
    """Write a prior; a flat one is left out of the objective."""
    return distribution if proper else distribution + ".mask(torch.tensor(False))"


def _scale(mixture: Mixture, D: int) -> str:
    log_mean, log_sd = mixture.scale_prior(D) or (np.float64(0.0), np.float64(1.0))
    log_normal = f"dist.LogNormal({tensor(log_mean)}, {tensor(log_sd)})"
    if mixture.family.per_column:
        log_normal += ".expand([D])"
    log_normal = _prior(log_normal, mixture.priors.scale_log_sd is not None)
    if mixture.family.per_column:
        log_normal += ".to_event(1)"
    return f'scale = pyro.sample("scale", {log_normal})'


def _correlation(mixture: Mixture, D: int) -> str:
    eta = mixture.priors.correlation
    lkj = _prior(f"dist.LKJCholesky(D, {eta or 1.0!r})", eta is not None)
    return f'correlation = pyro.sample("correlation", {lkj})'


def _shape(mixture: Mixture, D: int) -> str:
    mean, sd = mixture.shape_prior(D) or (np.zeros(D - 1), np.float64(1.0))
    normal = _prior(
        f"dist.Normal({tensor(mean)}, {tensor(sd)})", mixture.priors.scale_log_sd is not None
    )
    return f'shape = pyro.sample("shape", {normal}.to_event(1))'


def _direction(mixture: Mixture, D: int) -> str:
    flat = _prior(f"dist.Normal(torch.zeros({D * (D - 1) // 2}), 1.0)", proper=False)
    return f'angles = pyro.sample("angles", {flat}.to_event(1))'


def _uniform(D: int) -> str:
    powers = tensor(rotations.powers(D))
    return f'pyro.factor("uniform", ({powers} * angles.cos().abs().log()).sum(-1))'


SITE: dict[str, Callable[[Mixture, int], str]] = {
    "scale": _scale,
    "correlation": _correlation,
    "shape": _shape,
    "direction": _direction,
}
"""The line that draws a site of covariances, by its name."""
