"""Figures of the guide: arrays that are known in part, and the closed form beside it."""

from __future__ import annotations

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core import responsibilities
from gmm_core.data.examples import example
from gmm_core.figures import guide

from .test_membership import PLANE, POINTS, TUTORIAL, markers, words


@pytest.mark.parametrize("n_steps", [0, 1, 120])
def test_guide_figures_draw_what_is_known_so_far(n_steps: int) -> None:
    loss = np.full(200, np.nan)
    loss[:n_steps] = np.linspace(338.6, 17.7, n_steps)
    for fig in (guide.loss(loss, 17.44), guide.gradient(loss)):
        assert len(fig.data[0].x) == n_steps
        assert fig.layout.yaxis.type == "log"
        assert fig.layout.xaxis.range == (0, 199)


def test_negative_loss_gets_a_linear_axis() -> None:
    fig = guide.loss(np.array([5.0, -3.0]), -4.0)
    assert fig.layout.yaxis.type != "log"


@pytest.mark.parametrize("probs", [np.empty((0, 2)), np.full((5, 2), np.nan)])
def test_probabilities_not_known_yet_leave_the_closed_form_alone(probs: np.ndarray) -> None:
    fig = guide.probabilities(example("tutorial"), TUTORIAL, probs)
    assert all(len(t.x) == 0 for t in markers(fig))
    assert not words(fig)


def test_guide_stands_beside_the_closed_form_with_the_largest_difference() -> None:
    data = example("tutorial")
    probs = responsibilities(TUTORIAL, data.values) * [0.9, 1.0]
    probs[:, 1] = 1 - probs[:, 0]
    fig = guide.probabilities(data, TUTORIAL, probs)
    assert "largest difference 0.100" in words(fig)
    logs = gmm.transformed(gmm.Dataset.from_values(np.exp(data.values), ["a"]), {"a": "log"})
    raw = guide.probabilities(logs, TUTORIAL, probs)
    assert raw.layout.xaxis.title.text == "a"
    dots = [trace for trace in raw.data if trace.mode == "markers"]
    np.testing.assert_allclose(np.ravel(dots[0].x), np.exp(data.values[:, 0]))
    plane = guide.probabilities(POINTS, PLANE, responsibilities(PLANE, POINTS.values))
    for trace in markers(plane):
        assert np.array_equal(trace.x, trace.y)  # on the diagonal
