"""Patches add up to the arrays of a run, and reports come no more often than they should."""

from itertools import pairwise

import numpy as np
import pytest

from gmm_core.runs.progress import Cancelled, Patch, Picture, Progress, Reporter, thinned


def test_patches_fill_an_array_that_begins_unknown():
    picture = Picture()
    picture.apply({"loss": Patch((2, 4), (0, 0), np.array([[1.0, 2.0]]))})
    picture.apply({"loss": Patch((2, 4), (1, 2), np.array([[7.0, 8.0]]))})
    nan = np.nan
    np.testing.assert_array_equal(picture.arrays["loss"], [[1, 2, nan, nan], [nan, nan, 7, 8]])


def test_a_whole_patch_replaces_the_array():
    picture = Picture()
    picture.apply({"weights": Patch.whole([0.5, 0.5])})
    picture.apply({"weights": Patch.whole([0.2, 0.8])})
    assert picture.arrays["weights"].tolist() == [0.2, 0.8]
    picture.apply({"weights": Patch.whole([0.1, 0.2, 0.7])})
    assert picture.arrays["weights"].tolist() == [0.1, 0.2, 0.7]


@pytest.mark.parametrize("offset", [(3,), (4,), (9,)])
def test_a_patch_outside_its_array_is_refused(offset):
    with pytest.raises(ValueError, match="loss with shape .* does not fit"):
        Picture().apply({"loss": Patch((4,), offset, np.zeros(2))})


def test_a_picture_keeps_the_rows_in_which_something_is_known():
    picture, wanted = Picture(), np.full((32, 50, 2), np.nan)
    for chain, at in ((7, 0), (7, 10), (6, 5), (9, 0)):
        values = np.random.default_rng(at).random((1, 10, 2))
        picture.apply({"draws.locs": Patch(wanted.shape, (chain, at, 0), values)})
        wanted[chain, at : at + 10] = values
    np.testing.assert_array_equal(picture.arrays["draws.locs"], wanted)
    assert picture.size == wanted[6:10].nbytes
    copy = Picture()
    copy.apply({name: drawn.patch for name, drawn in picture.drawn.items()})
    np.testing.assert_array_equal(copy.arrays["draws.locs"], wanted)


@pytest.mark.parametrize("every", [1, 2, 7, 60])
def test_thinned_reports_assemble_to_every_nth_number(every):
    rng = np.random.default_rng(every)
    draws, picture = rng.random((3, 50, 2)), Picture()
    report = thinned(lambda progress: picture.apply(progress.snapshot), every, "draws.")
    size = np.array([0.5])
    for chain in range(3):
        cuts = [0, *np.sort(rng.choice(49, 6, replace=False) + 1).tolist(), 50]
        for a, b in pairwise(cuts):
            patches = {
                "draws.locs": Patch(draws.shape, (chain, a, 0), draws[chain : chain + 1, a:b]),
                "draws.number": Patch((3,), (chain,), size),
                "stats.diverging": Patch((3, 50), (chain, a), draws[chain : chain + 1, a:b, 0]),
            }
            report(Progress(b, 50, patches))
    np.testing.assert_array_equal(picture.arrays["draws.locs"], draws[:, ::every])
    np.testing.assert_array_equal(picture.arrays["stats.diverging"], draws[..., 0])
    np.testing.assert_array_equal(picture.arrays["draws.number"], [0.5, 0.5, 0.5])


def test_reports_between_two_due_times_are_held_and_the_last_one_is_flushed():
    seen: list[Progress] = []
    report = Reporter(seen.append, interval=1e9)
    for done in range(1, 6):
        report(done, 5, lambda done=done: {"at": Patch.whole([done])})
    assert [p.done for p in seen] == [1]
    report.flush()
    report.flush()
    assert [(p.done, p.total) for p in seen] == [(1, 5), (5, 5)]
    assert seen[-1].snapshot["at"].values.tolist() == [5]


def test_a_snapshot_is_made_only_when_a_report_goes_out():
    made = []
    report = Reporter(lambda progress: None, interval=1e9)
    for done in range(3):
        report(done, 3, lambda done=done: made.append(done) or {})
    assert made == [0]


def test_nobody_watching_costs_nothing():
    report = Reporter(None)
    report(1, 2, lambda: pytest.fail("nobody asked for a snapshot"))
    report.flush()


def test_cancelled_carries_what_was_there():
    assert Cancelled().partial is None
    assert Cancelled("Stopped.", partial=[1]).partial == [1]
    assert "cancelled" in str(Cancelled())
