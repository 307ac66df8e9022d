"""What a process that watches a run sees of it: the same for all who look, and never behind."""

import numpy as np
import pytest

from gmm_core.jobs.live import LiveRun
from gmm_core.runs import serialize
from gmm_core.runs.progress import Patch


def report(number, patches, part=0):
    fields = (
        "attempt",
        "execution",
        0.0,
        part,
        number,
        number,
        10,
        "here",
        "",
        list(patches.items()),
    )
    return serialize.pack(fields)


def chain(index, values):
    return {"draws": Patch((2, 5), (index, 0), np.array([values], dtype=float))}


def test_all_who_look_get_the_same_arrays_until_there_is_news():
    live = LiveRun("run", "posterior", "attempt", 2, ["ann"])
    assert live.snapshot() == {}
    live.take(report(0, chain(0, [1, 2])))
    first, again = live.snapshot(), live.snapshot()
    assert first["draws"] is again["draws"]
    live.take(report(0, chain(1, [7]), part=1))
    array = live.snapshot()["draws"]
    np.testing.assert_array_equal(array[:, :2], [[1, 2], [7, np.nan]])
    assert np.isnan(first["draws"][1]).all()  # who looked before sees what was there then
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 3


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_curve_of_any_length_is_never_behind(size):
    live = LiveRun("run", "map", "attempt", 1, ["ann"])
    for number, value in enumerate((1.0, 2.0)):
        live.take(report(number, {"loss": Patch((1, size), (0, number), np.array([[value]]))}))
        loss = live.snapshot()["loss"]
        assert loss[0, number] == value
        assert np.isfinite(loss).sum() == number + 1
        assert not loss.flags.writeable
