"""The specification of a run: a small validated value whose content hash is the run's id.

Equal specifications are the same run, on every machine: the id is the cache key and the link
that people share.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

from pydantic import ConfigDict, field_serializer, model_validator
from pydantic_core import ErrorDetails

from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.fields import canonical
from gmm_core.mixture.observation import refuse
from gmm_core.mixture.refusals import Model, Refused
from gmm_core.runs import kinds


class Specification(Model):
    """Dataset, mixture, options and engine; for some also the point or points where they begin.

    The type of the options says which kind of run it is, an entry of `runs.kinds`. Without an
    engine the kind's own is taken: "compiled" for a MAP fit and a comparison, "nutpie" for a
    posterior, "scikit-learn" for EM; "pyro" is the reference for a MAP fit, the guide and a
    posterior. Of the mixture of a comparison only the priors count, those of its cells.

    Raises
    ------
    ValueError
        When the parts do not go together: an engine that does not know this kind of run, a
        mixture that cannot be fitted to the data, flat priors for a posterior, others for EM, or
        a guide without parameters.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    dataset: Dataset
    mixture: Mixture
    options: Any
    engine: str = ""
    parameters: Parameters | None = None

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, fields: Any) -> Any:
        """Fill in the kind's engine, and leave of the mixture what counts."""
        if not isinstance(fields, dict) or "options" not in fields:
            return fields
        kind = kinds.with_options(fields["options"])
        if kind is None:
            names = ", ".join(sorted(f"{entry.options.__name__}" for entry in kinds.every()))
            raise ValueError(
                f"The options came as {type(fields['options']).__name__}. Give one of {names}."
            )
        if isinstance(fields.get("dataset"), PartitionedDataset):
            raise ValueError(
                f"{kind.label} {kind.resamples}, and the rows of this data stay in partitions. "
                "Read fewer rows whole for it."
                if kind.resamples
                else f"The rows of this data stay in partitions, and {kind.label} needs some here. "
                "Draw them by gmm.sample_rows(data, size=20_000, seed=0) and give what it returns: "
                "weighted, so that they stand for all rows."
            )
        sampled = getattr(fields.get("dataset"), "whole", None) is not None
        usual = kinds.usual(kind.name, sampled).name
        fields = {**fields, "engine": fields.get("engine") or usual}
        if isinstance(fields.get("mixture"), Mixture):
            fields["mixture"] = kind.mixture(fields["mixture"])
        return fields

    @model_validator(mode="after")
    def _check(self) -> Specification:
        kind = kinds.named(self.kind)
        self.mixture.check(self.dataset, kind.spare_components)
        every = [engine.name for engine in kinds.engines(kind.name)]
        sampled = self.dataset.whole is not None
        engines = [engine.name for engine in kinds.engines(kind.name, sampled)]
        if self.engine not in every:
            raise ValueError(
                f"The engine {self.engine!r} does not run a {self.kind} fit. "
                f"Choose {' or '.join(map(repr, engines))}."
            )
        if sampled and kind.resamples:
            raise ValueError(
                f"{kind.label} {kind.resamples}, and the {self.dataset.n:,} rows of this data stay "
                "in partitions, of which there is a sample here. Read fewer rows whole for it."
            )
        if self.engine not in engines:
            advice = (
                f"Choose {' or '.join(map(repr, engines))}."
                if engines
                else "Read it by gmm.read_dataset(address, partitioned=True)."
            )
            raise ValueError(
                f"The engine {self.engine!r} is for data whose rows stay in partitions, but this "
                f"data is here. {advice}"
            )
        refuse(
            self.dataset,
            self.mixture,
            kinds.engine_of(self).observes,
            f"The engine {self.engine!r} of {kind.label!r}",
        )
        kind.rule(self)
        if (self.parameters is not None) != kind.starts_from_point(self.options):
            starting = " or ".join(
                entry.options.__name__
                for entry in kinds.every()
                if entry.starts_from_point(entry.options())
            )
            raise ValueError(
                f'Runs with {starting}, and those with start="given", begin at a point, and only '
                "they do. Give the parameters of a MAP fit with them, and none with other options."
            )
        if self.parameters is not None:
            sites(self.mixture, self.parameters)
            of_point, D = self.parameters.locs.shape[-1], len(self.dataset.columns)
            if of_point != D:
                raise ValueError(
                    f"The parameters have {of_point} columns, but the data has {D}. "
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
        # A part that is absent, as those added later may be, is left out.
        return {name: array.tolist() for name, array in parameters.arrays().items()}

    @property
    def kind(self) -> str:
        """Name of the kind of run: "map", "guide", "posterior", "compare", "em" or a later one."""
        kind = kinds.with_options(self.options)
        assert kind is not None  # the options were checked
        return kind.name

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
        """Canonical JSON: sorted keys, no spaces; the dataset stands as its fingerprint.

        Fields that were added later are left out while they stand at their default.
        """
        body = {"kind": self.kind, **canonical(self)}
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, dataset: Dataset) -> Specification:
        """Read back what `to_json` wrote, of this version or another, with its dataset.

        Raises
        ------
        ValueError
            When the text is not a specification, is one of another dataset, or holds what this
            version does not know.
        """
        try:
            body = json.loads(text)
            kind, fingerprint, point = (body.pop(n) for n in ("kind", "dataset", "parameters"))
            if fingerprint != dataset.fingerprint:
                raise ValueError(
                    f"The run is of the dataset {fingerprint[:12]}…, but "
                    f"{dataset.fingerprint[:12]}… came with it. Give the dataset it was made of."
                )
            by_name = {entry.name: entry for entry in kinds.every()}
            if kind not in by_name:
                raise _newer(f"the kind {kind!r}")
            strange = sorted({*(point or {})} - {part.name for part in fields(Parameters)})
            if strange:
                raise _newer(f"parameters with {', '.join(strange)}")
            options = by_name[kind].options.model_validate(body.pop("options"))
            return cls(
                dataset=dataset,
                options=options,
                parameters=point and Parameters.of(point),
                **body,
            )
        except Refused as error:
            raise _newer(", ".join(map(_refused, error.errors))) from error
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"This is not a run's specification ({error!r}). Give the text of to_json()."
            ) from error


def _refused(error: ErrorDetails) -> str:
    """Name what a model refused: a field and its value, or what a rule of ours says."""
    field = ".".join(map(str, error["loc"]))
    return (
        f"{field} = {error['input']!r:.60}" if field else error["msg"].removeprefix("Value error, ")
    )


def _newer(what: str) -> ValueError:
    return ValueError(
        f"This run was made by another version of Mixture Explorer, and this one does not know "
        f"what it holds: {what.rstrip('.')}. Open it with that version, or update this one."
    )
