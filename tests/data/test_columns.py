"""Columns that measure nothing are told apart from those that do."""

import numpy as np
import pytest

from gmm_core.data.columns import missing_code, reason_to_leave_out

RNG = np.random.default_rng(0)
IDS = RNG.permutation(np.arange(100_001.0, 100_051.0))


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("respondent_id", IDS, "identifiers"),
        ("respondent", IDS, "a whole number of its own"),
        ("ID", RNG.choice(IDS, 60) * 7, "identifiers, by the name"),  # some came twice
        ("patientId", RNG.choice(IDS, 60) * 7, "identifiers, by the name"),
        ("ID", RNG.normal(12, 1, 60), ""),  # an inner diameter
        ("humid", RNG.choice(IDS, 60) * 7, ""),
        ("index", np.tile(np.arange(1.0, 11), 4), "row numbers"),
        ("Sample Number", np.r_[1.0:41, 1.0:31], "row numbers"),
        ("Unnamed: 0", np.arange(5.0), "row numbers"),
        ("column 1", np.delete(np.arange(85.0, 120), [3, 9, 20]), "identifiers"),
        ("column 1", np.r_[85.0:120:2, 4:60:3], "identifiers"),
        ("column 1", RNG.permutation(np.arange(900.0))[:40], ""),
        ("column 1", np.delete(np.arange(85.0, 120), [3, 9, 20])[::-1], ""),
        ("gender", RNG.integers(1, 4, size=60).astype(float), "3 different whole numbers"),
        ("note", np.array([1.5, *[np.nan] * 5]), "mostly missing"),
        ("height", RNG.normal(170, 8, size=60).round(), ""),
        ("tenths", RNG.integers(1, 5, size=60) / 10, ""),
        ("few", np.array([0.0, 1, 10, 11, 12]), ""),
        ("short", np.arange(1.0, 6), ""),
        ("with gap", np.array([*np.arange(20.0), 25.0]), ""),
    ],
)
def test_a_column_is_left_out_for_what_it_is(name, values, reason):
    sentence = reason_to_leave_out(name, values)
    assert (reason in sentence) if reason else not sentence
    assert bool(sentence) == bool(reason)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1, 2, 3, 4, 5, 99, 2, 3], 99.0),
        ([1200, 1500.5, 1800, -999, 1300, 1250, 1400, 1700], -999.0),
        ([60, 75, 99, 98, 82], None),  # an age among ages
        ([1, 2, 2, 1, 1, 2, 1, 99], 99.0),
        ([2, 5, 9], None),  # too few rows to tell
        ([1, 99, 99], None),  # too few others to tell
        ([1, 2, 3, 250], None),  # far, and no code
        ([99, 99, 99, 1, 2], None),  # most of the column
        ([1, 2, 3, np.nan], None),
    ],
)
def test_a_missing_code_is_a_usual_one_far_outside(values, code):
    assert missing_code(np.array(values, dtype=float)) == code
