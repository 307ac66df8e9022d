"""What nutpie does not document and gmm_core/engines/nutpie_internals.py builds on."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow
import pytest

from gmm_core.engines import compiled_nuts, nutpie_internals

from .promises import files_that_match

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nutpie imports ArviZ, which announces its next version
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

VERSION = f"nutpie {nutpie.__version__}"


def test_one_file_uses_what_nutpie_does_not_document():
    inside = r"\._sampler|get_arrow_trace"
    assert files_that_match(inside, ("pages", "gmm_core")) == {
        "gmm_core/engines/nutpie_internals.py"
    }


def sampler(draws=20, tune=20):
    def density():
        return lambda q: (-0.5 * float((q - 1) @ (q - 1)), 1 - q)

    model = from_pyfunc(
        2,
        density,
        lambda seed1, seed2, chain: lambda q: {"q": np.array(q)},
        [np.dtype("float64")],
        [(2,)],
        ["q"],
        make_initial_point_fn=lambda seed: np.zeros(2),
    )
    return nutpie.sample(
        model, draws=draws, tune=tune, chains=1, cores=1, seed=1,
        progress_bar=False, blocking=False, return_raw_trace=True,
    )  # fmt: skip


def test_a_raw_trace_has_a_table_of_draws_and_one_of_statistics_for_each_chain():
    trace = sampler().wait()
    try:
        draws, stats = nutpie_internals.tables(trace)
    except AttributeError as error:
        pytest.fail(f"{VERSION}: a raw trace is no longer read by get_arrow_trace ({error}).")
    assert len(draws) == len(stats) == 1
    assert draws[0].num_rows == 40, f"{VERSION}: warm-up no longer stands before the draws."
    q = pyarrow.array(draws[0].column("q")).flatten().to_numpy(False)
    assert q.shape == (80,), f"{VERSION}: a draw's coordinates are no longer one list."
    lacking = {theirs for theirs, _ in compiled_nuts._STATS.values()} | {"step_size"}
    lacking -= set(stats[0].schema.names)
    assert not lacking, f"{VERSION} tells no {', '.join(sorted(lacking))} of its draws any more."


def test_a_sampler_that_goes_on_by_itself_can_be_looked_into_and_aborted():
    going = sampler(draws=10**6)
    with pytest.raises(TimeoutError):
        going.wait(timeout=0.2)
    try:
        has_draws = nutpie_internals.has_drawn(going)
    except AttributeError as error:
        pytest.fail(
            f"{VERSION}: whether a sampler holds draws is no longer said by _sampler.is_empty() "
            f"({error}); to abort one that holds none ends in an error."
        )
    assert has_draws
    draws, _ = nutpie_internals.tables(going.abort())
    assert 0 < draws[0].num_rows < 10**6, f"{VERSION}: an aborted sampler does not give its draws."
