"""How a run is made: the options of the MAP fit, the enumerating guide and NUTS.

Limits stand here, not only in widgets: whoever calls the core gets the same answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gmm_core.fields import Positive, Whole

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


Options = MapOptions | GuideOptions | NutsOptions
