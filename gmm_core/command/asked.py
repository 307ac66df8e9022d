"""From what was typed to data, a mixture and a specification: the one that a page would make."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gmm_core.command import fields
from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example, examples
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.data.reading import read_dataset
from gmm_core.data.transformed import like, transformed
from gmm_core.data.transforms import TRANSFORMS, loaded
from gmm_core.formatting import listing
from gmm_core.mixture import Mixture, Parameters, Priors
from gmm_core.mixture.priors import NAMED
from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification
from gmm_core.words.data import missing

EXAMPLE = "example:"


def dataset(source: str, values: dict[str, Any]) -> Dataset:
    """Read the data: a file, "-" for what comes in, or "example:faithful".

    Raises
    ------
    ValueError
        As `read_dataset` says, and for an example that there is not.
    """
    if source.startswith(EXAMPLE):
        name = source.removeprefix(EXAMPLE)
        if name not in examples():
            raise ValueError(
                f'There is no example "{name}". Name one of {listing(sorted(examples()))}.'
            )
        chosen = example(name)
        how = _reading(values)
        chosen = chosen.select(how["columns"]) if how["columns"] else chosen
        return transformed(chosen, how["transforms"])
    read = read_dataset(sys.stdin.buffer.read() if source == "-" else source, **_reading(values))
    # A run of days should not begin with rows that nobody meant to be in it, or out of it.
    if (holes := missing(read)) and not values.get("missing"):
        print(f"{holes} --missing drop leaves out rows that lack a value.", file=sys.stderr)
    return read


def data(source: str, values: dict[str, Any]) -> Dataset:
    """Read the data, or of data in partitions a sample, whose runs go back to all the rows.

    Raises
    ------
    ValueError
        As `dataset` and `partitioned` say.
    """
    if not values.get("partitioned"):
        return dataset(source, values)
    from gmm_core.partitions.opened import sample_rows

    return sample_rows(partitioned(source, values))


def partitioned(source: str, values: dict[str, Any]) -> PartitionedDataset:
    """Refer to data in partitions, by its address.

    Raises
    ------
    ValueError
        As `read_dataset` says.
    """
    if source == "-" or source.startswith(EXAMPLE):
        raise ValueError(
            f'--partitioned reads Parquet files by their address, but "{source}" came. Name a '
            "folder, a pattern such as folder/*.parquet, or a URL."
        )
    return read_dataset(source, partitioned=True, **_reading(values))


def _reading(values: dict[str, Any]) -> dict[str, Any]:
    """Return how data is read, as `read_dataset` takes it."""
    usual = "drop" if values.get("partitioned") else "keep"
    return {
        "columns": _listed(values.get("columns")) or None,
        "missing": values.get("missing") or usual,
        "transforms": {name: how for how in TRANSFORMS for name in _listed(values.get(how))},
        **{name: values.get(name) for name in ("name", "weights", "classes")},
    }


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in names.split(",")] if names else []


def scored(source: str, fit: Path, values: dict[str, Any]) -> Dataset:
    """Read the data that a fit is asked about, transformed as the fit's was.

    Raises
    ------
    ValueError
        As `dataset` says, when the fit cannot be read, or a transform was typed beside its own.
    """
    body = _body(fit)
    fitted = body.get("data", body)
    if not fitted.get("transforms"):
        return dataset(source, values)
    typed = [f"--{how}" for how in TRANSFORMS if values.get(how)]
    if typed:
        raise ValueError(
            f"{', '.join(typed)} came, but {fit.name} says how its columns were transformed, and "
            "new rows are so too. Leave it out."
        )
    how = loaded(fitted["transforms"])
    names = [
        name if transform is None else transform.column
        for name, transform in zip(fitted["columns"], how, strict=True)
    ]
    return like(dataset(source, {**values, "columns": ",".join(names)}), how)


def specification(
    together: tuple[kinds.Kind, ...], data: Dataset, values: dict[str, Any]
) -> Specification:
    """Make the specification of a run.

    Parameters
    ----------
    together : the kinds that are one choice of engines; the engine says which it is.
    values : by field of the models, None where nothing was typed.

    Raises
    ------
    ValueError
        When a model refuses a value, or the parts do not go together.
    """
    engine = values.get("engine") or ""
    kind = next(
        (k for k in together if engine in {e.name for e in kinds.engines(k.name)}),
        together[0],
    )
    # An option of another engine's is refused, not passed over.
    typed = {n: v for k in together for n, v in fields.typed(k.options, values).items()}
    suggested = kinds.usual(kind.name, sampled=True).suggests if data.whole is not None else {}
    options = kind.options.model_validate({**suggested, **typed})
    chosen = values.get("priors") or ("flat" if kind.likelihood else "data")
    base = NAMED[chosen](data)
    priors = Priors.model_validate(dict(base) | fields.typed(Priors, values))
    counting = {n: v for n, v in values.items() if n in mixture_fields(kind)}
    mixture = Mixture.model_validate(fields.typed(Mixture, counting) | {"priors": priors})
    point = values.get("point")
    return Specification(
        dataset=data,
        mixture=mixture,
        options=options,
        engine=engine,
        parameters=parameters(Path(point), data) if point else None,
    )


def mixture_fields(kind: kinds.Kind) -> set[str]:
    """Return which fields of the mixture count for a kind of run, besides its priors."""
    other = Mixture(n_components=3, covariance="full", tied=False)
    counted = kind.mixture(other)
    names = {
        name for name in Mixture.model_fields if getattr(counted, name) == getattr(other, name)
    }
    return names - set(kind.options.model_fields) - {"priors"}


def parameters(path: Path, data: Dataset | PartitionedDataset) -> Parameters:
    """Read the parameters that `fit --json` or a page's JSON holds.

    Raises
    ------
    ValueError
        When the file is not there or holds none, or they are of other columns than the data.
    """
    body = _body(path)
    arrays = body.get("parameters", body)
    if not isinstance(arrays, dict):
        raise ValueError(
            f"{path.name} holds no parameters. Give what `mixture-explorer fit --json` wrote."
        )
    columns = body.get("columns") or body.get("data", {}).get("columns")
    if columns is not None and tuple(columns) != data.columns:
        raise ValueError(
            f"{path.name} is of the columns {', '.join(columns)}, but the data has "
            f"{', '.join(data.columns)}. Choose these columns of the data by --columns."
        )
    try:
        return Parameters.of(arrays)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} holds no parameters that can be read: {error}.") from error


def _body(path: Path) -> dict[str, Any]:
    """Read the JSON of a fit."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f'The file "{path}" cannot be read ({error.strerror}). Give the JSON of a fit.'
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{path.name} is not JSON. Give what `mixture-explorer fit --json` wrote."
        ) from error
    return body if isinstance(body, dict) else {"parameters": body}
