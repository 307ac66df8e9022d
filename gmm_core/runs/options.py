"""How a run is made: the options of the MAP fit, the guide, NUTS, the comparison and EM.

Limits stand here, not only in widgets: whoever calls the core gets the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from gmm_core.mixture import COVARIANCES, MAX_COMPONENTS
from gmm_core.mixture.covariance import FAMILIES, named
from gmm_core.mixture.fields import Later, Positive, Whole
from gmm_core.mixture.refusals import Model
from gmm_core.runs.methods import METHODS
from gmm_core.runs.starts import STARTS

# A seed is what torch and NumPy both take: a non-negative 32-bit integer.
Seed = Annotated[Whole, Field(ge=0, le=2**32 - 1)]
Beta = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
# Beyond these a run takes hours on two cores and its curves no longer fit a browser.
Steps = Annotated[Whole, Field(ge=1, le=20_000)]

if TYPE_CHECKING:
    Start = str
    CompareStart = str
    Method = str
else:
    # The registries' names as literals, which pydantic refuses in words and pages list.
    Start = Literal[tuple(STARTS)]
    CompareStart = Literal[tuple(name for name, start in STARTS.items() if start.swept)]
    Method = Literal[tuple(METHODS)]
Choose = Literal["initial", "final"]


class MapOptions(Model):
    """Options of `fit_map`: restarts, Adam, and how the start and the winner are chosen.

    start : where locs begin, "subsample" (data points drawn without replacement, as in the
        tutorial), "kmeans++" (points drawn far from each other) or "quantile" (spread evenly
        along the first principal axis; the seed only jitters). Weights and covariances begin
        somewhere of their own too for "tree" (groups of Ward's tree, in turn of standardised and
        of sphered data), "given" (one point, given to `fit_map`) and "search": starts of all these
        kinds, then components that are taken from where they are to random points, `restarts` in
        all. A search climbs by EM and takes the best end whose every component holds enough
        points; see `engines.search` and `verdicts.fewest_points`.
    choose : "initial" trains the restart with the smallest loss before any step, as the
        tutorial does; "final" trains all and takes the smallest loss of those that are sound.
    start_scale : factor on the starting scale; a large one shows how a fit gets stuck with
        everything in one cluster.
    polish : finish with L-BFGS until the gradient vanishes.
    method : "adam", the tutorial's, or "em", which knows no learning rate and stops each restart as
        it settles; `steps` are the most that it makes. See `engines.em_run`.
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
    method: Method = Later("adam")

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, fields: Any) -> Any:
        """Fill in what a start suggests, and what it leaves no choice of."""
        if isinstance(fields, dict) and (start := STARTS.get(str(fields.get("start")))):
            return {**start.suggests, **fields, **start.implies}
        return fields

    @property
    def trains_all(self) -> bool:
        """Whether every restart is trained, and the end is what counts."""
        return self.choose == "final"

    @model_validator(mode="after")
    def _together(self) -> MapOptions:
        if STARTS[self.start].search and not METHODS[self.method].settles:
            raise ValueError(
                f"A search climbs by EM, but the method is {self.method!r}. "
                'Use method="em", or another start.'
            )
        return self


class GuideOptions(Model):
    """Options of `fit_guide`: Adam's steps, learning rate and betas."""

    steps: Steps = 200
    learning_rate: Positive = 0.2
    betas: tuple[Beta, Beta] = (0.8, 0.99)


class NutsOptions(Model):
    """Options of `sample_posterior`: draws and warm-up per chain, chains, seed, adaptation."""

    draws: Annotated[Whole, Field(ge=1, le=20_000)] = 1000
    warmup: Annotated[Whole, Field(ge=0, le=20_000)] = 1000
    chains: Annotated[Whole, Field(ge=1, le=32)] = 4
    seed: Seed = 0
    target_accept: Annotated[float, Field(gt=0, lt=1)] = 0.8
    max_tree_depth: Annotated[Whole, Field(ge=1, le=15)] = 10


class SmcOptions(Model):
    """Options of `sample_posterior(engine="smc")` and of `evidence`.

    draws, populations : so many draws of each population, and how many populations that know
        nothing of each other; the error of the evidence is measured between them.
    prior_share : of the draws of the reference that come from the prior, for what no optimum
        tells of.
    start : "search", at the optima that a search finds, or "given", also at modes that are climbed
        from points given to `sample_posterior`, such as those where chains have stayed.
    """

    seed: Seed = 0
    draws: Annotated[Whole, Field(ge=50, le=20_000)] = 500
    populations: Annotated[Whole, Field(ge=2, le=32)] = 8
    prior_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    start: Literal["search", "given"] = Later("search")

    # A population is to the pages what a chain is, without a warm-up.
    @property
    def chains(self) -> int:
        """Another name for `populations`."""
        return self.populations


class BootstrapOptions(Model):
    """Options of `bootstrap`.

    by : how the data of a replicate comes about: "points" drawn with replacement, "weights" of all
        points drawn from Exp(1) (the Bayesian bootstrap), or "parametric", points drawn from the
        fitted mixture.
    starts : each replicate is searched from so many, and from the fit of the data itself.
    """

    replicates: Annotated[Whole, Field(ge=2, le=10_000)] = 999
    by: Literal["points", "weights", "parametric"] = "points"
    seed: Seed = 0
    starts: Annotated[Whole, Field(ge=1, le=200)] = 5


class LikelihoodRatioOptions(Model):
    """Options of `likelihood_ratio_test`: replicates, their seed, and the starts of each search."""

    replicates: Annotated[Whole, Field(ge=9, le=10_000)] = 99
    seed: Seed = 0
    starts: Annotated[Whole, Field(ge=1, le=200)] = 5


class CalibrationOptions(Model):
    """Options of `calibrate`.

    sets : how many data sets are simulated.
    sampler : the engine of a posterior that is asked about.
    warmup, thin : of the one chain in each set, its warm-up, and of how many draws one is ranked
        among: ranks are uniform for independent draws only.
    """

    sets: Annotated[Whole, Field(ge=2, le=10_000)] = 200
    sampler: str = "nutpie"
    warmup: Annotated[Whole, Field(ge=0, le=20_000)] = 300
    thin: Annotated[Whole, Field(ge=1, le=200)] = 20
    seed: Seed = 0


SEARCH_STEPS = 300
"""Steps of EM from a start in a comparison's search: nine of ten settle within a hundred."""


class CompareOptions(Model):
    """Options of `compare`: which K and covariances, and how each cell is searched.

    n_components : the K to try, in any order; kept ascending and without repetition.
    covariances : pairs of a covariance and whether it is tied; a name alone stands for both of
        its forms, a code such as "VEV" for itself. Kept in the order of the registry of families,
        so that equal sweeps are equal.
    restarts, first_seed, start, steps : as in `MapOptions`. Every cell is trained from all its
        starts, polished, and takes the best sound optimum. Polishing does most of the way, so
        few steps of Adam find as good optima as many. With start "search" each cell is searched
        by EM (`MapOptions`), from the best of K - 1 and of nested families as well; its steps are
        at least `SEARCH_STEPS`.
    evidence : also estimate the log evidence of every cell, which needs proper priors.
    """

    n_components: tuple[Annotated[Whole, Field(ge=1, le=MAX_COMPONENTS)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6), min_length=1
    )
    covariances: tuple[tuple[str, bool | None], ...] = COVARIANCES
    restarts: Annotated[Whole, Field(ge=1, le=200)] = 20
    first_seed: Seed = 0
    start: CompareStart = "kmeans++"
    steps: Steps = 50
    evidence: bool = Later(False)

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
            forms = [pair for pair in COVARIANCES if pair[0] == item]
            pairs += forms or [(item, None) if isinstance(item, str) else item]
        return tuple(pairs)

    @field_validator("covariances")
    @classmethod
    def _ordered(
        cls, value: tuple[tuple[str, bool | None], ...]
    ) -> tuple[tuple[str, bool | None], ...]:
        chosen = {named(*pair, "covariances") for pair in value}
        return tuple(pair for pair in FAMILIES if pair in chosen)

    @property
    def map_options(self) -> MapOptions:
        """The options of the MAP fit of a single cell."""
        search = STARTS[self.start].search
        return MapOptions(
            restarts=self.restarts,
            first_seed=self.first_seed,
            steps=max(self.steps, SEARCH_STEPS) if search else self.steps,
            start=self.start,
            choose="final",
            polish=True,
        )


class EmOptions(Model):
    """Options of `fit_em`: how long EM goes on.

    iterations : at most this many.
    tolerance : it ends when the log likelihood per point rises by less than this.
    """

    iterations: Steps = 1000
    tolerance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1e-10


class MembershipsOptions(Model):
    """Options of writing memberships, of which there are none: the data and the point say all."""
