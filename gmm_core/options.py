"""How a run is made: the options of the MAP fit, the guide, NUTS, the comparison and EM.

Limits stand here, not only in widgets: whoever calls the core gets the same answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gmm_core.fields import Positive, Whole
from gmm_core.mixture import COVARIANCES, MAX_COMPONENTS

# A seed is what torch and NumPy both take: a non-negative 32-bit integer.
Seed = Annotated[Whole, Field(ge=0, le=2**32 - 1)]
Beta = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
# Beyond these a run takes hours on two cores and its curves no longer fit a browser.
Steps = Annotated[Whole, Field(ge=1, le=20_000)]

Start = Literal["subsample", "kmeans++", "quantile"]
Choose = Literal["initial", "final"]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MapOptions(_Options):
    """Options of `fit_map`: restarts, Adam, and how the start and the winner are chosen.

    start : where locs begin, "subsample" (data points drawn without replacement, as in the
        tutorial), "kmeans++" (points drawn far from each other) or "quantile" (spread evenly
        along the first principal axis; the seed only jitters).
    choose : "initial" trains the restart with the smallest loss before any step, as the
        tutorial does; "final" trains all and takes the smallest loss of those that are sound.
    start_scale : factor on the starting scale; a large one shows how a fit gets stuck with
        everything in one cluster.
    polish : finish with L-BFGS until the gradient vanishes.
    """

    restarts: Annotated[Whole, Field(ge=1, le=1_000)] = 100
    first_seed: Seed = 0
    steps: Steps = 200
    learning_rate: Positive = 0.1
    betas: tuple[Beta, Beta] = (0.8, 0.99)
    start: Start = "subsample"
    choose: Choose = "initial"
    start_scale: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0
    polish: bool = False


class GuideOptions(_Options):
    """Options of `fit_guide`: Adam's steps, learning rate and betas."""

    steps: Steps = 200
    learning_rate: Positive = 0.2
    betas: tuple[Beta, Beta] = (0.8, 0.99)


class NutsOptions(_Options):
    """Options of `sample_posterior`: draws and warm-up per chain, chains, seed, adaptation."""

    draws: Annotated[Whole, Field(ge=1, le=20_000)] = 1000
    warmup: Annotated[Whole, Field(ge=0, le=20_000)] = 1000
    chains: Annotated[Whole, Field(ge=1, le=32)] = 4
    seed: Seed = 0
    target_accept: Annotated[float, Field(gt=0, lt=1)] = 0.8
    max_tree_depth: Annotated[Whole, Field(ge=1, le=15)] = 10


Form = Annotated[str, Field(pattern="^(spherical|diag|full)$")]


class CompareOptions(_Options):
    """Options of `compare`: which K and covariances, and how each cell is searched.

    n_components : the K to try, in any order; kept ascending and without repetition.
    covariances : pairs of a covariance and whether it is tied; a name alone stands for both of
        its forms. Kept in the order of `COVARIANCES`, so that equal sweeps are equal.
    restarts, first_seed, start, steps : as in `MapOptions`. Every cell is trained from all its
        starts, polished, and takes the best sound optimum. Polishing does most of the way, so
        few steps of Adam find as good optima as many.
    """

    n_components: tuple[Annotated[Whole, Field(ge=1, le=MAX_COMPONENTS)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6), min_length=1
    )
    covariances: tuple[tuple[Form, bool], ...] = COVARIANCES
    restarts: Annotated[Whole, Field(ge=1, le=200)] = 20
    first_seed: Seed = 0
    start: Start = "kmeans++"
    steps: Steps = 50

    @field_validator("n_components", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, range | list | set) else value

    @field_validator("n_components")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("covariances", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = (value,)
        if not isinstance(value, tuple | list):
            return value
        if not value:
            raise ValueError("No covariance is chosen. Choose one or more of the six.")
        pairs: list[Any] = []
        for item in value:
            if isinstance(item, str):
                pairs += [(item, tied) for tied in (True, False)]
            else:
                pairs.append(item)
        return tuple(pairs)

    @field_validator("covariances")
    @classmethod
    def _ordered(cls, value: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, bool], ...]:
        return tuple(pair for pair in COVARIANCES if pair in value)

    @property
    def map_options(self) -> MapOptions:
        """The options of the MAP fit of a single cell."""
        return MapOptions(
            restarts=self.restarts,
            first_seed=self.first_seed,
            steps=self.steps,
            start=self.start,
            choose="final",
            polish=True,
        )


class EmOptions(_Options):
    """Options of `fit_em`: how long EM goes on.

    iterations : at most this many.
    tolerance : it ends when the log likelihood per point rises by less than this.
    """

    iterations: Steps = 1000
    tolerance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1e-10


Options = MapOptions | GuideOptions | NutsOptions | CompareOptions | EmOptions
