"""The sentences of membership: always true, singular and plural right."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core import Dataset, GuideFit, Parameters
from gmm_core.data.examples import example
from gmm_core.membership.scoring import score
from gmm_core.words.membership import guide_answer, guide_verdict, membership_answer, score_answer
from gmm_core.words.segments import NOISE

TUTORIAL = Parameters([0.625, 0.375], [[10.98446190], [0.49894133]], np.full((2, 1, 1), 0.65143370))

SURE = "it is at least 99.9 % certain which component each belongs to"
SURE_OF_ONE = SURE.replace("each", "it")


def text_of(dataset: Dataset, parameters: Parameters) -> str:
    return "".join(s.text for s in membership_answer(dataset, parameters)).replace("\u202f", " ")


def test_tutorial() -> None:
    assert text_of(example("tutorial"), TUTORIAL) == (
        f"The boundary is at 5.72. For all 5 points {SURE}."
    )


def test_one_doubtful_point_is_named_with_its_components() -> None:
    data = Dataset.from_values([0, 1, 5.7, 11, 12])
    assert text_of(data, TUTORIAL) == (
        f"The boundary is at 5.72. For four of 5 points {SURE}. "
        "One is below 90 %: row 3, 63 % component 2 and 37 % component 1."
    )
    coloured = [s.component for s in membership_answer(data, TUTORIAL) if s.component is not None]
    assert coloured == [1, 0]


def test_what_a_fit_was_told_of_classes_is_said() -> None:
    classes = ["low", None, None, "high", "high"]
    data = Dataset.from_values([0, 1, 5.7, 11, 12], classes=classes)
    segments = membership_answer(data, TUTORIAL, classes_fixed=True)
    sentence = "".join(s.text for s in segments)
    end = " This goes by the numbers alone, though the fit was told the component of 3 points."
    assert sentence.endswith(end)
    assert sentence.removesuffix(end).replace("\u202f", " ") == text_of(data, TUTORIAL)


def test_several_doubtful_points_name_the_most_doubtful() -> None:
    data = Dataset.from_values([5.7, 5.73, 5.72])
    assert text_of(data, TUTORIAL) == (
        f"The boundary is at 5.7210. For none of 3 points {SURE_OF_ONE.replace('it is', 'is it')}. "
        "All are below 90 %: the least certain is row 3, "
        "51 % component 2 and 49 % component 1."
    )


def test_points_between_certain_and_doubtful() -> None:
    data = Dataset.from_values([0, 5.9])
    assert text_of(data, TUTORIAL) == (
        f"The boundary is at 5.72. For one of 2 points {SURE_OF_ONE}. No point is below 90 %."
    )


def test_one_component_has_every_point() -> None:
    point = Parameters([1.0], [[0.0]], np.ones((1, 1, 1)))
    assert text_of(Dataset.from_values([1, 2, 3]), point) == (
        "There is one component, so all 3 points belong to it."
    )
    assert text_of(Dataset.from_values([1, 2]), point).endswith("so both points belong to it.")


def test_component_that_is_the_most_probable_everywhere() -> None:
    point = Parameters([1 - 1e-9, 1e-9], [[0.0], [0.0]], np.array([[[2.0]], [[1.0]]]))
    words = text_of(Dataset.from_values([1, 2]), point)
    assert words.startswith("Component 1 is the most probable everywhere, so there is no boundary.")


def test_equal_components_have_no_boundary_and_no_winner() -> None:
    point = Parameters([0.5, 0.5], [[0.0], [0.0]], np.ones((2, 1, 1)))
    assert "without a boundary" in text_of(Dataset.from_values([1, 2]), point)


def test_nested_components_have_two_boundaries() -> None:
    point = Parameters([0.5, 0.5], [[0.0], [0.0]], np.array([[[1.0]], [[4.0]]]))
    assert text_of(Dataset.from_values([-3, 3]), point).startswith(
        "The boundaries are at −1.72 and 1.72."
    )


def noisy(weights: list[float], noise: float) -> Parameters:
    return Parameters(
        np.array(weights), [[0.0], [9.0]], np.ones((2, 1, 1)), np.array(noise), np.array([40.0])
    )


def test_the_noise_is_called_so_and_has_its_own_colour() -> None:
    point = noisy([0.5, 0.4], 0.1)
    data = Dataset.from_values([0.0, 9.0, 30.0])
    assert text_of(data, point).endswith(
        f"For one of 3 points {SURE_OF_ONE}, or that it is noise. "
        "No point is below 90 %. One is most probably noise."
    )
    (part,) = [s for s in membership_answer(data, point) if s.text == "noise"]
    assert part.component == NOISE
    words = text_of(data, noisy([1e-6, 1e-6], 1 - 2e-6))
    assert words.startswith("The noise is the most probable everywhere, so there is no boundary.")
    assert "Component 3" not in words


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([3, 1, 2], "For all 6 points"),
        ([0.5, 0.25, 0.5], "For all 1.250 points"),
        ([3, 0, 2], "For all 5 points"),
    ],
)
def test_points_count_by_their_weights(weights: list[float], words: str) -> None:
    data = Dataset.from_values([0, 1, 11], weights=weights)
    assert text_of(data, TUTORIAL) == f"The boundary is at 5.72. {words} {SURE}."


def test_a_point_that_counts_as_nothing_is_not_the_least_certain() -> None:
    data = Dataset.from_values([0, 5.7, 5.72, 11], weights=[1, 2, 0, 4])
    assert "Two are below 90 %: the least certain is row 2, 63 % component 2" in text_of(
        data, TUTORIAL
    )


def test_two_columns_speak_of_points_only() -> None:
    point = Parameters([0.6, 0.4], [[0.0, 0.0], [9.0, 9.0]], np.stack([np.eye(2)] * 2))
    assert text_of(Dataset.from_values([[0, 0], [9, 9]]), point) == (f"For both points {SURE}.")


@pytest.mark.parametrize(
    ("last", "gap", "words"),
    [
        (17.7148, 4.4926e-4, "has not converged: its loss is 17.71 and the MAP loss 17.44."),
        (17.7148, 4.4926e-4, "differ from the closed form by up to 0.00045,"),
        (17.443272, 3.15e-8, "the closed form: its loss is 17.44327 and the MAP loss 17.44325,"),
        (17.443272, 3.15e-8, "no probability differs by more than 3.2×10⁻⁸."),
    ],
)
def test_guide_is_told_how_close_it_came(last: float, gap: float, words: str) -> None:
    fit = GuideFit(np.array([338.6, last]), {}, np.full((5, 2), 0.5))
    assert words in guide_answer(fit, 17.44325488, gap)
    assert guide_verdict(fit, 17.44325488) == ("moving" if last > 17.5 else "converged")


def test_guide_that_diverged_says_so() -> None:
    fit = GuideFit(np.array([338.6, 20.0, np.nan]), {}, np.full((5, 2), np.nan))
    assert "Lower it" in guide_answer(fit, 17.4, float("nan"))
    assert guide_verdict(fit, 17.4) == "failed"


def test_guide_whose_loss_stays_above_the_optimum_is_not_sent_on_for_more_steps() -> None:
    fit = GuideFit(np.array([338.6, *[18.3] * 50]), {}, np.full((5, 2), 0.5))
    assert guide_verdict(fit, 17.4) == "stuck"
    words = guide_answer(fit, 17.4, 0.4)
    assert "no longer comes down: the learning rate is too high" in words
    assert "More steps" not in words


def test_scored_points_are_answered_with_the_outliers_by_row() -> None:
    one = Parameters([1.0], [[0.0]], [[[1.0]]])
    sentence = score_answer(score(one, Dataset.from_values([0.0, 1.0])))
    assert sentence == "Both points are typical of the fitted mixture."
    sentence = score_answer(score(one, Dataset.from_values([0.0, 9.0])))
    assert "Row 2 is an outlier: less likely than 99 %" in sentence
    sentence = score_answer(score(one, Dataset.from_values([9.0] * 7)))
    assert "Rows 1, 2, 3, 4, 5 and 2 more are outliers" in sentence
    assert "The new point is typical" in score_answer(score(one, Dataset.from_values([0.1])))
