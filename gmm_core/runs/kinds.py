"""The registry of kinds of run and of engines: what may be asked for, and who computes it.

A kind of run is an entry of a file in `gmm_core/inference`, an engine one of a file in
`gmm_core/engines`; `inference/kinds.py` gathers them. Whoever has to do with runs of every kind
(specification, limits, store, workers, metrics) asks here and knows none by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gmm_core.mixture import Mixture
    from gmm_core.runs.progress import OnProgress
    from gmm_core.runs.specification import Specification


@dataclass(frozen=True)
class Engine:
    """What computes one kind of run.

    Attributes
    ----------
    kind : name of the kind of run.
    name : as it stands in specifications.
    module : where its function is, imported when a run needs it.
    packages : distributions that it needs, its own first; their versions are kept with runs.
    begin : seconds of a part before its first evaluation.
    per_evaluation, per_density, per_number : seconds of an evaluation, of each density in it
        (points × components), and of each number (points × columns × components, columns squared
        for full covariances), on one core.
    warm : whether a worker loads it as it starts.
    methods : how it fits, where its kind of run has more than one way, by their names in
        `METHODS`; () for one that makes the steps of any.
    observes : what it takes of the data besides complete values, see `observation.Observation`.
    passes : of an engine that goes to all the rows that a dataset is a sample of, about how often
        it passes over them for each mixture; its module's `run(spec, on_progress)` then stands in
        the place of the kind's. 0 for one that takes the dataset as it is.
    suggests : options that take these values where none is given.
    reference : whether it is the definition that the others' curves are held against.
    """

    kind: str
    name: str
    module: str
    packages: tuple[str, ...] = ()
    begin: float = 0.0
    per_evaluation: float = 1e-3
    per_density: float = 0.0
    per_number: float = 30e-9
    warm: bool = True
    methods: tuple[str, ...] = ("adam",)
    observes: tuple[str, ...] = ()
    passes: int = 0
    suggests: Mapping[str, Any] = field(default_factory=dict)
    reference: bool = False

    def fits_by(self, method: str) -> bool:
        """Whether it makes the steps of a method."""
        return not self.methods or method in self.methods

    def load(self) -> Any:
        """Import the engine's module; torch and numba take seconds."""
        return importlib.import_module(self.module)


class Evaluations(NamedTuple):
    """How often a run passes over all its data.

    mixture : which says how much a pass is.
    passes : how many, each for the log joint and its gradient.
    """

    mixture: Mixture
    passes: float


def _first(spec: Specification, parts: Sequence[Any]) -> Any:
    return parts[0]


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    Attributes
    ----------
    name : as it stands in specifications, links and the store.
    label : what people read, in the list of runs.
    options : the model of its options; its type says of which kind a specification is.
    results : types of its results by name, each with the module that it lives in.
    engine : the engine of a specification that names none.
    run : compute a part: (specification, part, on_progress).
    evaluations : passes over the data, the one measure for the limit of size and the estimate.
    counts : what a run is long by, in the words of the limit: "starts × steps".
    fewer : what to lower when it is too long: "fewer points, starts or steps".
    headline : the result in a few words, for the list of runs.
    rule : raise ValueError when mixture and options do not go together.
    mixture : what of the mixture counts, so that equal runs are equal specifications.
    starts_from_point : whether it begins at given parameters, by its options.
    parts : how many parts can run at the same time.
    combine : make the result of the parts' results.
    final_state : state and message of a run that came to its end.
    completed : what a server adds to the result of a run that came to its end, where it was made,
        since pages would take long over it: (specification, result, going). `going` is to be called
        every part of a second; it raises `Cancelled` when the run is to stop.
    shown : what is shown of a result, where pages would take long over all of it.
    overhead : seconds beside the evaluations.
    stored : numbers in the result, which are packed and stored.
    spare_components : whether there may be more components than points.
    smallest : options of a run that takes a moment, by which a worker compiles its engines.
    verb : its command on the command line; "" for its name.
    likelihood : whether it is of the likelihood alone where nobody asks for priors.
    files : names of the files that it can be saved as, see `sharing.files`.
    savable : whether a result has all that these files tell.
    mixtures : where it is about several mixtures, their names by its stored options.
    compared : whether one is kept to be laid beside another.
    resamples : what it does with each row, where a weighted sample cannot stand for all of them.
    leaves_files : whether it writes files outside of the store: such a run is not computed again to
        be compared, since that would write them once more.
    """

    name: str
    label: str
    options: type[BaseModel]
    results: Mapping[str, str]
    engine: str
    run: Callable[[Specification, int, OnProgress | None], Any]
    evaluations: Callable[[Specification], list[Evaluations]]
    counts: str
    fewer: str
    headline: Callable[[Any], str]
    rule: Callable[[Specification], None] = field(default=lambda spec: None)
    mixture: Callable[[Mixture], Mixture] = field(default=lambda mixture: mixture)
    starts_from_point: Callable[[Any], bool] = field(default=lambda options: False)
    parts: Callable[[Specification], int] = field(default=lambda spec: 1)
    combine: Callable[[Specification, Sequence[Any]], Any] = _first
    final_state: Callable[[Any], tuple[str, str]] = field(default=lambda result: ("done", ""))
    completed: Callable[[Specification, Any, Callable[[], object]], Any] = field(
        default=lambda spec, result, going: result
    )
    shown: Callable[[Specification, Any], Any] = field(default=lambda spec, result: result)
    overhead: Callable[[Specification], float] = field(default=lambda spec: 0.0)
    stored: Callable[[Specification], float] = field(default=lambda spec: 0.0)
    spare_components: bool = False
    smallest: BaseModel | None = None
    verb: str = ""
    likelihood: bool = False
    files: tuple[str, ...] = ()
    savable: Callable[[Any], bool] = field(default=lambda result: True)
    mixtures: Callable[[Mapping[str, Any]], str] | None = None
    compared: bool = False
    resamples: str = ""
    leaves_files: bool = False


_kinds: dict[str, Kind] = {}
_engines: dict[tuple[str, str], Engine] = {}


def register(entry: Kind | Engine) -> None:
    """Add a kind of run or an engine.

    Raises
    ------
    ValueError
        When the name, or the kind's type of options, is taken.
    """
    if isinstance(entry, Engine):
        if (entry.kind, entry.name) in _engines:
            raise ValueError(
                f"There is an engine {entry.name!r} of {entry.kind} runs already. "
                "Give it another name."
            )
        _engines[entry.kind, entry.name] = entry
        return
    for kind in _kinds.values():
        if entry.name == kind.name or entry.options is kind.options:
            raise ValueError(
                f"The kind of run {kind.name!r}, with {kind.options.__name__}, is there already. "
                "Give the new one a name and a model of options of its own."
            )
    _kinds[entry.name] = entry


def withdraw(entry: Kind | Engine) -> None:
    """Take back what `register` added."""
    if isinstance(entry, Engine):
        del _engines[entry.kind, entry.name]
    else:
        del _kinds[entry.name]


def every() -> list[Kind]:
    """Return all kinds of run."""
    _gather()
    return list(_kinds.values())


def named(name: str) -> Kind:
    """Return the kind of this name.

    Raises
    ------
    KeyError
        When there is none.
    """
    _gather()
    return _kinds[name]


def with_options(options: object) -> Kind | None:
    """Return the kind that these options are of, or None."""
    _gather()
    return next((kind for kind in _kinds.values() if type(options) is kind.options), None)


def engines(kind: str | None = None, sampled: bool = True) -> list[Engine]:
    """Return the engines of a kind, the default first; those of all kinds for None.

    Parameters
    ----------
    sampled : whether also those that go to the rows that a dataset is a sample of.
    """
    _gather()
    some = [engine for engine in _engines.values() if sampled or not engine.passes]
    if kind is None:
        return some
    of_kind = [engine for engine in some if engine.kind == kind]
    return sorted(of_kind, key=lambda engine: (engine.name != named(kind).engine, engine.name))


def usual(kind: str, sampled: bool = False) -> Engine:
    """Return the engine that is taken where none is named.

    Parameters
    ----------
    sampled : whether the data is a sample of more rows: then one that goes to all of them, where
        the kind has one.
    """
    candidates = engines(kind)
    return next((engine for engine in candidates if sampled and engine.passes), candidates[0])


def parts(spec: Specification) -> int:
    """Count the parts of a run that can run at the same time."""
    return 1 if engine_of(spec).passes else named(spec.kind).parts(spec)


def shown(spec: Specification, result: Any) -> Any:
    """Return what pages, reports and links show of a result; files of draws have all of it."""
    return named(spec.kind).shown(spec, result)


def alike(name: str) -> list[Kind]:
    """Return the kinds whose results are of the same types as those of a kind, that kind first.

    To a page they are one choice of engines.
    """
    _gather()
    first = _kinds[name]
    others = [kind for kind in _kinds.values() if kind.results.keys() == first.results.keys()]
    return sorted(others, key=lambda kind: kind is not first)


def by_engine(name: str, engine: str) -> Kind:
    """Return which of the kinds alike has this engine; the named one where none has."""
    for kind in alike(name):
        if any(candidate.name == engine for candidate in engines(kind.name)):
            return kind
    return named(name)


def engine_of(spec: Specification) -> Engine:
    """Return the engine that a specification names."""
    _gather()
    return _engines[spec.kind, spec.engine]


def _gather() -> None:
    # Below `inference`, which the entries need to compute: they are fetched when first asked for.
    importlib.import_module("gmm_core.inference.kinds")
