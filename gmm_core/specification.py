"""The specification of a run: a small validated value whose content hash is the run's id.

Equal specifications are the same run, on every machine: the id is the cache key and the link
that people share.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, field_serializer, model_validator

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, Priors, sites
from gmm_core.options import (
    CompareOptions,
    EmOptions,
    GuideOptions,
    MapOptions,
    NutsOptions,
    Options,
)

Kind = Literal["map", "guide", "posterior", "compare", "em"]

_OPTIONS: dict[Kind, type[Options]] = {
    "map": MapOptions,
    "guide": GuideOptions,
    "posterior": NutsOptions,
    "compare": CompareOptions,
    "em": EmOptions,
}
# The first of each is the default.
_ENGINES: dict[Kind, tuple[str, ...]] = {
    "map": ("compiled", "pyro"),
    "guide": ("pyro",),
    "posterior": ("nutpie", "pyro"),
    "compare": ("compiled",),
    "em": ("scikit-learn",),
}


class Specification(BaseModel):
    """Dataset, mixture, options and engine; for the guide and for EM also where they begin.

    The engine is "compiled" (a MAP fit, a comparison), "nutpie" (a posterior), "scikit-learn" (EM)
    or "pyro", the reference for a MAP fit, the guide and a posterior. Without one the first of
    the kind is taken. Of the mixture of a comparison only the priors count, those of its cells.

    Raises
    ------
    ValueError
        When the parts do not go together: an engine that does not know this kind of run, a
        mixture that cannot be fitted to the data, flat priors for a posterior, others for EM, or
        a guide without parameters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    dataset: Dataset
    mixture: Mixture
    options: Options
    engine: str = ""
    parameters: Parameters | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_engine(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and not fields.get("engine"):
            for kind, options in _OPTIONS.items():
                if type(fields.get("options")) is options:
                    return {**fields, "engine": _ENGINES[kind][0]}
        return fields

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, fields: Any) -> Any:
        # K and covariance of a comparison stand in its options: equal sweeps are equal runs.
        if isinstance(fields, dict) and isinstance(fields.get("options"), CompareOptions):
            given = fields.get("mixture")
            if isinstance(given, Mixture):
                return {**fields, "mixture": Mixture(n_components=1, priors=given.priors)}
        return fields

    @model_validator(mode="after")
    def _check(self) -> Specification:
        self.mixture.check(self.dataset)
        engines = _ENGINES[self.kind]
        if self.engine not in engines:
            raise ValueError(
                f"The engine {self.engine!r} does not run a {self.kind} fit. "
                f"Choose {' or '.join(map(repr, engines))}."
            )
        if self.kind == "posterior" and not self.mixture.priors.proper:
            raise ValueError(
                "With a flat prior there is no posterior to draw from. Give every prior: "
                "Priors.for_data(dataset) suits most data."
            )
        if self.kind == "em" and self.mixture.priors != Priors.flat():
            raise ValueError(
                "EM maximises the likelihood and knows no priors. Give a mixture with "
                "Priors.flat()."
            )
        if (self.parameters is not None) != (self.kind in ("guide", "em")):
            raise ValueError(
                "The enumerating guide and EM, and only they, start from a point. Give the "
                "parameters of a MAP fit with GuideOptions, or those of a start with EmOptions."
            )
        if self.parameters is not None:
            sites(self.mixture, self.parameters)
            theirs, ours = self.parameters.locs.shape[-1], len(self.dataset.columns)
            if theirs != ours:
                raise ValueError(
                    f"The parameters have {theirs} columns, but the data has {ours}. "
                    "Give parameters that were fitted to this data."
                )
        return self

    @field_serializer("dataset")
    def _fingerprint(self, dataset: Dataset) -> str:
        return dataset.fingerprint

    @field_serializer("parameters")
    def _point(self, parameters: Parameters | None) -> dict[str, Any] | None:
        if parameters is None:
            return None
        return {n: getattr(parameters, n).tolist() for n in ("weights", "locs", "scale_tril")}

    @property
    def kind(self) -> Kind:
        """What is run: "map", "guide", "posterior", "compare" or "em"."""
        return next(kind for kind, cls in _OPTIONS.items() if type(self.options) is cls)

    @property
    def id(self) -> str:
        """The run's id: 32 hex characters of the sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, Specification) and self.to_json() == other.to_json()

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces; the dataset stands as its fingerprint."""
        body = {"kind": self.kind, **self.model_dump(mode="json")}
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, dataset: Dataset) -> Specification:
        """Read back what `to_json` wrote, with the dataset of that fingerprint.

        Raises
        ------
        ValueError
            When the text is not a specification, or is one of another dataset.
        """
        try:
            body = json.loads(text)
            kind = body.pop("kind")
            if body["dataset"] != dataset.fingerprint:
                raise ValueError(
                    f"The run is of the dataset {body['dataset'][:12]}…, but "
                    f"{dataset.fingerprint[:12]}… came with it. Give the dataset it was made of."
                )
            point = body["parameters"]
            return cls(
                dataset=dataset,
                mixture=Mixture.model_validate(body["mixture"]),
                options=_OPTIONS[kind].model_validate(body["options"]),
                engine=body["engine"],
                parameters=point and Parameters(**{n: np.array(v) for n, v in point.items()}),
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"This is not a run's specification ({error!r}). Give the text of to_json()."
            ) from error
