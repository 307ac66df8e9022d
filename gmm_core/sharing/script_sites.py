"""How the sites of covariances stand in a script: the registry that its model is written from.

One entry by the name of a site says how the site is drawn, and what becomes of it. The last site of
a family leaves what the covariances are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Mixture, rotations
from gmm_core.mixture.family import Family
from gmm_core.mixture.size_shape_direction import contrasts
from gmm_core.sharing.literals import tensor

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SiteLines:
    """How a site of covariances is written.

    Attributes
    ----------
    draw : the line that draws it.
    spread : the name of what the covariances are once it is drawn: scales, or Cholesky factors.
    spread_lines : the lines that compute that, where it is not what was drawn.
    per_column : whether scales have an axis of columns, by the family.
    constant : a line behind K and D that its lines use.
    function : a function that its lines use.
    sampled : the line of what a sampler's density has and a fit's has not.
    volume : terms of the log volume of covariances per unit of the site.
    name : how the script calls its value.
    value : that value, made of the site's.
    """

    draw: Callable[[Mixture, int], str]
    spread: str
    spread_lines: tuple[str, ...] = ()
    per_column: Callable[[Family], bool] = lambda family: True
    constant: Callable[[int], str] | None = None
    function: str = ""
    sampled: Callable[[int], str] | None = None
    volume: tuple[str, ...] = ()
    name: str = ""
    value: Callable[[Array], Array] = lambda value: value


def lines_of(mixture: Mixture, D: int) -> list[SiteLines]:
    """Return the entries of a mixture's sites, in their order."""
    return [SITES[site.name] for site in mixture.sites(D)]


def spread(mixture: Mixture, D: int) -> str:
    """Write what the covariances are made of: scales with an axis of columns, or factors."""
    last = lines_of(mixture, D)[-1]
    return last.spread if last.per_column(mixture.family) else f"{last.spread}.unsqueeze(-1)"


def in_script(values: dict[str, Array]) -> dict[str, Array]:
    """Return the values of all sites by the names that the script gives them."""
    renamed = {}
    for site, value in values.items():
        lines = SITES.get(site)
        if lines is not None and lines.name:
            renamed[lines.name] = lines.value(value)
        else:
            renamed[site] = value
    return renamed


def prior_of(distribution: str, proper: bool) -> str:
    """Write a prior; a flat one is left out of the objective."""
    return distribution if proper else distribution + ".mask(torch.tensor(False))"


def _scale(mixture: Mixture, D: int) -> str:
    log_mean, log_sd = mixture.scale_prior(D) or (np.float64(0.0), np.float64(1.0))
    log_normal = f"dist.LogNormal({tensor(log_mean)}, {tensor(log_sd)})"
    if mixture.family.per_column:
        log_normal += ".expand([D])"
    log_normal = prior_of(log_normal, mixture.priors.scale_log_sd is not None)
    if mixture.family.per_column:
        log_normal += ".to_event(1)"
    return f'scale = pyro.sample("scale", {log_normal})'


def _correlation(mixture: Mixture, D: int) -> str:
    eta = mixture.priors.correlation
    lkj = prior_of(f"dist.LKJCholesky(D, {eta or 1.0!r})", eta is not None)
    return f'correlation = pyro.sample("correlation", {lkj})'


def _shape(mixture: Mixture, D: int) -> str:
    mean, sd = mixture.shape_prior(D) or (np.zeros(D - 1), np.float64(1.0))
    proper = mixture.priors.scale_log_sd is not None
    normal = prior_of(f"dist.Normal({tensor(mean)}, {tensor(sd)})", proper)
    return f'shape = pyro.sample("shape", {normal}.to_event(1))'


def _direction(mixture: Mixture, D: int) -> str:
    flat = prior_of(f"dist.Normal(torch.zeros({D * (D - 1) // 2}), 1.0)", proper=False)
    return f'angles = pyro.sample("angles", {flat}.to_event(1))'


def _uniform_angles(D: int) -> str:
    """Write the density of the angles; a fit asks for that of the rotations, which is 1."""
    powers = tensor(rotations.powers(D))
    return f'pyro.factor("uniform", ({powers} * angles.cos().abs().log()).sum(-1))'


_ROTATION = """\
def rotation(angles):
    # One rotation in each two axes after another, by any real angles.
    columns = list(torch.eye(D).expand(*angles.shape[:-1], D, D).unbind(-1))
    pairs = [(i, j) for i in range(D) for j in range(i + 1, D)]
    for p, (i, j) in enumerate(pairs):
        c, s = angles[..., p, None].cos(), angles[..., p, None].sin()
        columns[i], columns[j] = c * columns[i] + s * columns[j], c * columns[j] - s * columns[i]
    return torch.stack(columns, -1)"""


SITES: dict[str, SiteLines] = {
    "scale": SiteLines(
        _scale,
        "scale",
        per_column=lambda family: family.per_column,
        volume=("(2 * scale).log().sum()",),
    ),
    "correlation": SiteLines(
        _correlation,
        "scale_tril",
        ("scale_tril = scale.unsqueeze(-1) * correlation",),
        volume=(
            "(D - 1) * scale.log().sum()",
            "(correlation.diagonal(dim1=-2, dim2=-1).log() * torch.arange(D - 1, -1, -1)).sum()",
        ),
    ),
    "shape": SiteLines(
        _shape,
        "lengths",
        ("lengths = scale.unsqueeze(-1) * torch.exp(shape @ contrasts.T)",),
        constant=lambda D: f"contrasts = {tensor(contrasts(D))}  # [D, D - 1]",
    ),
    "direction": SiteLines(
        _direction,
        "scale_tril",
        (
            "lower = torch.linalg.qr((rotation(angles) * lengths.unsqueeze(-2)).mT).R.mT",
            "scale_tril = lower * lower.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)",
        ),
        function=_ROTATION,
        sampled=_uniform_angles,
        name="angles",
        value=rotations.angles,
    ),
}
"""All sites of covariances by name."""
