"""Results come back from bytes exactly as they were, and nothing else is read."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmm_core.mixture import Parameters
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.progress import Patch
from gmm_core.runs.results import GuideFit, MapFit
from gmm_core.runs.serialize import pack, unpack


def parameters(*lead: int) -> Parameters:
    rng = np.random.default_rng(0)
    weights = np.broadcast_to([0.25, 0.75], (*lead, 2))
    tril = np.broadcast_to(np.tril(np.full((3, 3), 0.5)) + np.eye(3), (*lead, 2, 3, 3))
    return Parameters(weights, rng.normal(size=(*lead, 2, 3)), tril)


def map_fit() -> MapFit:
    rng = np.random.default_rng(1)
    loss = rng.normal(size=(4, 6))
    loss[2:] = np.nan
    return MapFit(
        loss=loss,
        final_loss=np.array([1.0, -np.inf, np.nan, np.nan]),
        gradient_norm={name: rng.random((4, 6)) for name in ("weights", "locs", "scale")},
        points=parameters(4),
        chosen=1,
        trajectory=(np.array([0, 3, 6]), parameters(3)),
        verdict=np.array(["converged", "collapsed", "untrained", "untrained"]),
        basin=np.array([0, -1, -1, -1]),
    )


def test_a_map_fit_comes_back_bit_for_bit():
    fit = map_fit()
    back = unpack(pack(fit))
    assert type(back) is MapFit
    assert back.loss.tobytes() == fit.loss.tobytes()
    assert back.final_loss.tobytes() == fit.final_loss.tobytes()
    assert list(back.gradient_norm) == list(fit.gradient_norm)
    assert back.gradient_norm["scale"].tobytes() == fit.gradient_norm["scale"].tobytes()
    assert back.chosen == 1
    assert type(back.chosen) is int
    assert list(back.verdict) == list(fit.verdict)
    assert back.basin.dtype == fit.basin.dtype
    steps, frames = back.trajectory
    np.testing.assert_array_equal(steps, [0, 3, 6])
    assert frames.locs.tobytes() == fit.trajectory[1].locs.tobytes()
    assert back.parameters.scale_tril.tobytes() == fit.parameters.scale_tril.tobytes()


def test_a_guide_fit_a_posterior_and_patches_come_back():
    rng = np.random.default_rng(2)
    guide = GuideFit(rng.random(5), {"assignment_probs": rng.random(5)}, rng.random((7, 2)))
    posterior = Posterior(
        {"weights": rng.random((2, 3, 2)), "locs": rng.random((2, 3, 2, 1))},
        {"diverging": np.array([[True, False, False]] * 2), "step_size": rng.random(2)},
    )
    snapshot = {"loss": Patch((2, 9), (1, 4), np.array([[1.5, np.nan]]))}
    back = unpack(pack((guide, posterior, snapshot)))
    assert back[0].assignment_probs.tobytes() == guide.assignment_probs.tobytes()
    assert back[1].draws["locs"].tobytes() == posterior.draws["locs"].tobytes()
    assert back[1].stats["diverging"].dtype == bool
    patch = back[2]["loss"]
    assert (patch.shape, patch.offset) == ((2, 9), (1, 4))
    np.testing.assert_array_equal(patch.values, [[1.5, np.nan]])


def test_arrays_come_back_read_only_because_results_are_shared():
    with pytest.raises(ValueError, match="read-only"):
        unpack(pack(np.ones(3)))[0] = 2.0


def test_arrays_of_any_layout_and_of_no_size_come_back():
    table = np.arange(12.0).reshape(3, 4)
    for array in (table.T, table[:, ::2], np.array(3.5), np.empty((0, 4)), table.astype(">f8")):
        back = unpack(pack(array))
        assert back.shape == array.shape
        np.testing.assert_array_equal(back, array)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.just(np.float64(0.1)),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_plain_values_come_back_with_their_types(value):
    back = unpack(pack(value))
    assert back == value
    assert isinstance(back, tuple) == isinstance(value, tuple)


@given(arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 4))))
def test_any_float64_comes_back_bit_for_bit(array):
    assert unpack(pack(array)).tobytes() == array.tobytes()


@given(st.data())
def test_damaged_bytes_are_refused(data):
    packed = bytearray(pack((map_fit().loss, "text", {"a": 1})))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r"stored result|damaged"):
        unpack(bytes(packed))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x80\x04\x95", pack([1, 2])[:-3], pack(1) + b"x"]
)
def test_bytes_of_another_kind_are_refused(data):
    with pytest.raises(ValueError, match=r"stored result"):
        unpack(data)


def test_types_that_are_not_named_are_neither_written_nor_read():
    with pytest.raises(ValueError, match="type Opaque cannot be stored"):
        pack(type("Opaque", (), {})())
    with pytest.raises(ValueError, match="dtype object cannot be stored"):
        pack(np.array([object()]))
    header = json.dumps({"type": "Popen", "fields": {}}).encode()
    body = len(header).to_bytes(8, "little") + header
    with pytest.raises(ValueError, match="'Popen', which this version does not know"):
        unpack(b"GMMv1\n" + zlib.compress(body))


def test_curves_that_are_mostly_unknown_take_little_room():
    assert len(pack(np.full((100, 200), np.nan))) < 2_000


def test_rows_that_end_in_nan_take_no_space_and_come_back_bit_for_bit():
    rng = np.random.default_rng(0)
    curves = np.full((50, 1000), np.nan)
    curves[:, 0] = rng.normal(size=50)
    curves[7] = rng.normal(size=1000)
    curves[9, :3] = [np.nan, np.inf, -0.0]
    curves[11] = np.nan
    curves[13, 5] = np.array(0x7FF8000000000001, np.uint64).view(np.float64)  # another NaN
    packed = pack(curves)
    assert len(packed) < 10_000
    back = unpack(packed)
    np.testing.assert_array_equal(back.view(np.uint64), curves.view(np.uint64))
    assert not back.flags.writeable
