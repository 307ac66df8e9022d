"""Figures of the Fit page: starts that can be clicked, frames, the slice, the course."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

import gmm_core as gmm
from gmm_core.figures import curves, density, loss_curves, start_losses, style
from gmm_core.figures.slice import objective_slice
from gmm_core.figures.trajectory import trajectory
from gmm_core.mixture import component_log_densities
from gmm_core.mixture.landscape import Coordinate, course, cut

DATA, MIXTURE = gmm.example("tutorial"), gmm.Mixture()


@pytest.fixture(scope="module")
def fit() -> gmm.MapFit:
    return gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=30, choose="final"))


def named(fig: go.Figure, name: str) -> go.Scatter:
    return next(t for t in fig.data if t.name == name)


def words(fig: go.Figure) -> str:
    return " | ".join(a.text for a in fig.layout.annotations)


def along(fit: gmm.MapFit) -> tuple[np.ndarray, gmm.Parameters, np.ndarray]:
    steps, points = fit.trajectory
    loss = np.append(fit.loss[fit.chosen], fit.final_loss[fit.chosen])
    return steps, points, loss[steps]


def test_every_curve_says_which_start_it_is(fit):
    fig = loss_curves.losses(fit.loss, fit.chosen, fit.verdict)
    curves = [t for t in fig.data if t.name == "start"]
    for trace in curves:
        for r in np.unique(trace.customdata):
            rows = (trace.customdata == r) & np.isfinite(trace.y)
            # To the five digits that it tells.
            assert trace.y[rows] == pytest.approx(fit.loss[r][trace.x[rows]], rel=1e-5)
    red = [t for t in curves if t.line.color == style.COLLAPSED]
    assert set(np.unique(red[0].customdata)) == set(np.flatnonzero(fit.verdict == "collapsed"))


def test_the_polish_is_the_last_segment_and_ends_at_the_loss_of_the_page():
    options = gmm.MapOptions(restarts=6, choose="final", learning_rate=0.001, polish=True)
    fit = gmm.fit_map(DATA, MIXTURE, options)
    fig = loss_curves.losses(fit.loss, fit.chosen, fit.verdict, polished=fit.final_loss)
    segment = named(fig, "L-BFGS")
    T = fit.loss.shape[1]
    assert segment.x[0] == T - 1
    assert segment.x[1] > T - 1
    assert list(segment.y) == [fit.loss[fit.chosen, -1], fit.final_loss[fit.chosen]]
    assert f"{fit.final_loss[fit.chosen]:.2f}" in words(fig)
    for trace in (t for t in fig.data if t.name == "start"):
        at_end = trace.x == segment.x[1]
        at_end &= np.isfinite(trace.y)
        ends = fit.final_loss[trace.customdata[at_end]]
        assert trace.y[at_end] == pytest.approx(ends, rel=1e-5)


def test_landscape_counts_each_optimum_and_stands_for_every_start(fit):
    fig = start_losses.landscape(
        fit.initial_loss, fit.final_loss, fit.verdict, fit.basin, int(np.argmax(fit.basin < 0))
    )
    agree, collapsed = int((fit.basin == 0).sum()), fit.count("collapsed")
    assert agree + collapsed == 30
    assert f"best: {agree} of 30" in words(fig)
    assert f"✕ {collapsed} collapsed" in words(fig)
    marks = [t for t in fig.data if t.customdata is not None]
    stood_for = sum(
        1 + (int(label.split()[1]) if label else 0) for trace in marks for label in trace.text
    )
    assert stood_for == 30
    crosses = named(fig, "collapsed")
    assert crosses.marker.symbol == "x"
    assert crosses.y == pytest.approx(fit.final_loss[crosses.customdata])


def test_course_shows_gains_and_says_them(fit):
    steps, points, loss = along(fit)
    terms = course(MIXTURE, points, loss)
    fig = curves.course(steps, terms)
    total = sum(t.y for t in fig.data)
    assert total == pytest.approx(loss[0] - loss, abs=1e-9)
    assert all(t.y[0] == 0 for t in fig.data)
    assert "prior of the weights" in fig.layout.meta["alt"]


def test_frames_hold_what_the_browser_draws_a_line_from(fit):
    steps, points, loss = along(fit)
    fig, text = trajectory(DATA, steps, points, loss)
    frames = json.loads(text)
    assert frames["steps"] == steps.tolist()
    assert frames["loss"] == pytest.approx(loss, rel=1e-5)
    assert len(frames["traces"]) == len(fig.data)
    order = points[len(points) - 1].order
    for m in (0, len(steps) - 1):
        expected = np.exp(component_log_densities(points[m].permuted(order), frames["grid"]))
        x = np.array(frames["grid"])
        for k in range(2):
            w, loc = frames["weights"][m][k], frames["locs"][m][k][0]
            s = frames["scale_tril"][m][k][0][0]
            y = w * np.exp(-0.5 * ((x - loc) / s) ** 2) / (s * np.sqrt(2 * np.pi))
            assert y == pytest.approx(expected[:, k], abs=1e-4)
    for trace, shown in zip(fig.data, frames["traces"], strict=True):
        if shown and shown["is"] == "density":  # the figure shows the last frame
            assert trace.y == pytest.approx(expected[:, shown["of"]].sum(axis=1), abs=1e-4)
    assert list(named(fig, "now").x) == [200]


def test_frames_of_two_columns_are_ellipses_of_the_marginal():
    data = gmm.example("iris")
    mixture = gmm.Mixture(n_components=2, covariance="full", priors=gmm.Priors.for_data(data))
    fit = gmm.fit_map(data, mixture, gmm.MapOptions(restarts=2, steps=30))
    steps, points, loss = along(fit)
    fig, text = trajectory(data, steps, points, loss, [2, 0])
    frames = json.loads(text)
    end = fit.parameters.permuted(fit.parameters.order)
    for trace, shown in zip(fig.data, frames["traces"], strict=True):
        if not shown or shown["is"] != "ellipse":
            continue
        k, radius = shown["of"][0], shown["radius"]
        ring = np.stack([trace.x, trace.y]) - end.locs[k][[2, 0]][:, None]
        covariance = end.covariances[k][np.ix_([2, 0], [2, 0])]
        distance = np.einsum("in,in->n", ring, np.linalg.solve(covariance, ring))
        assert distance == pytest.approx(radius**2)
        factor = np.array(frames["scale_tril"][-1][k])
        assert factor @ factor.T == pytest.approx(covariance, rel=1e-4)


def test_a_loss_that_is_no_number_stays_out_of_the_frames(fit):
    steps, points, loss = along(fit)
    frames = json.loads(trajectory(DATA, steps, points, np.where(steps > 99, np.nan, loss))[1])
    assert frames["loss"][-1] is None


def test_slice_shows_the_loss_with_the_path_on_it(fit):
    order = fit.parameters.order
    point, path = fit.parameters.permuted(order), fit.trajectory[1].permuted(order)
    across, up = Coordinate("locs", 0, 0), Coordinate("scale")
    surface = cut(DATA, MIXTURE, point, across, up, path, side=20)
    fig = objective_slice(surface, ("loc 1", "scale"), point, path)
    heat = named(fig, "loss")
    assert np.array_equal(heat.z, surface.loss)
    assert heat.zmin == surface.loss.min()
    way = named(fig, "path of the fit")
    assert way.x == pytest.approx(path.locs[:, 0, 0])
    assert way.y == pytest.approx(path.scales[:, 0, 0])
    assert fig.layout.yaxis.type == "log"
    assert list(heat.y) == pytest.approx(10**surface.y)
    assert (named(fig, "end").x[0], named(fig, "end").y[0]) == pytest.approx((way.x[-1], way.y[-1]))
    assert {"start", "end"} <= set(words(fig).split(" | "))


def test_axis_of_a_weight_is_named_by_weights(fit):
    point = fit.parameters.permuted(fit.parameters.order)
    surface = cut(DATA, MIXTURE, point, Coordinate("weights", 0), Coordinate("scale"), side=8)
    fig = objective_slice(surface, ("weight 1", "scale"), point)
    ticks = dict(zip(fig.layout.xaxis.ticktext, fig.layout.xaxis.tickvals, strict=True))
    assert ticks["0.5"] == 0
    assert ticks["0.9"] == pytest.approx(np.log(9))
    assert named(fig, "end").x[0] == pytest.approx(np.log(0.625 / 0.375), abs=0.01)


def test_before_the_first_step_the_alternatives_speak_of_no_number():
    nothing = np.full((1, 20), np.nan)
    for figure in (loss_curves.losses(nothing), curves.gradient_norms({"locs": nothing[0]})):
        assert "nan" not in figure.layout.meta["alt"]


def test_empty_curves_have_no_numbers_on_their_axis(fit):
    nothing = np.full((3, 50), np.nan)
    assert not loss_curves.losses(nothing).layout.yaxis.showticklabels
    assert loss_curves.losses(fit.loss, fit.chosen, fit.verdict).layout.yaxis.showticklabels
    norms = {"locs": nothing[0], "weights": nothing[0]}
    assert not curves.gradient_norms(norms).layout.yaxis.showticklabels
    assert curves.gradient_norms({"locs": np.ones(50)}).layout.yaxis.showticklabels


def test_curves_that_stop_by_themselves_fill_the_figure_and_are_all_counted():
    options = gmm.MapOptions(restarts=5, choose="final", method="em", steps=300, polish=True)
    fit = gmm.fit_map(DATA, MIXTURE, options)
    made = np.isfinite(fit.loss).sum(axis=1)
    assert made.max() < 150
    end = loss_curves.losses(fit.loss, fit.chosen, fit.verdict).layout.xaxis.range[1]
    assert end == made.max() - 1
    # While it runs nobody knows where it will stop.
    assert loss_curves.losses(fit.loss).layout.xaxis.range[1] == 299
    norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
    last = max(np.flatnonzero(np.isfinite(norm))[-1] for norm in norms.values())
    assert last < made.max()
    assert curves.gradient_norms(norms, ended=True).layout.xaxis.range[1] == last
    assert curves.gradient_norms(norms).layout.xaxis.range[1] == 299
    # A start that was an optimum from the beginning made no step, and is a start all the same.
    still = fit.loss.copy()
    still[0, 1:] = np.nan
    fig = loss_curves.losses(still, fit.chosen, fit.verdict, polished=fit.final_loss)
    assert fig.layout.title.text.startswith("Loss of 5 starts")


def test_contours_go_round_components_narrower_than_the_grid():
    factors = np.stack([np.diag([1.0, 0.01])] * 2)
    point = gmm.Parameters(np.array([0.6, 0.4]), np.array([[0.0, 0.333], [0, 9.777]]), factors)
    values = np.random.default_rng(5).normal(size=(60, 2)) * [1, 0.01] + np.repeat(
        point.locs, 30, axis=0
    )
    fig = density.density(gmm.Dataset.from_values(values, ["a", "b"]), point, (0, 1))
    trace = next(t for t in fig.data if t.type == "contour")
    v = np.asarray(trace.y)
    highest = np.sort(v[np.argsort(-trace.z.max(axis=1))[:1]])
    assert highest == pytest.approx([0.333])
    for loc in point.locs[:, 1]:
        assert np.abs(v - loc).min() < 1e-9
    at = 0.01 * np.array([-2, -1, 1, 2]) + 9.777  # the fall of the second, node by node
    rows = [int(np.abs(v - a).argmin()) for a in at]
    top = trace.z.max(axis=1)[int(np.abs(v - 9.777).argmin())]
    expected = np.exp(-np.array([4, 1, 1, 4]) / 2)
    assert trace.z.max(axis=1)[rows] / top == pytest.approx(expected, abs=0.01)


def test_noise_is_named_beside_its_line_in_its_grey():
    data = gmm.Dataset.from_values([0.0, 1.0, 10.0, 11.0, 40.0])
    point = gmm.Parameters([0.9], [[5.0]], [[[5.0]]], noise=0.1, box=np.array([40.0]))
    for values in (
        data,
        gmm.transformed(gmm.Dataset.from_values(data.values + 1), {"value": "log"}),
    ):
        fig = density.density(values, point, [0])
        (named,) = [note for note in fig.layout.annotations if note.text.startswith("noise")]
        (line,) = [trace for trace in fig.data if trace.name == "noise"]
        assert named.text.replace("\u202f", " ") == "noise  10 %"
        assert (named.x, named.y) == pytest.approx((line.x[-1], line.y[-1]))
        assert named.font.color == style.readable(style.NOISE)


def test_a_point_says_on_hover_what_it_came_from_and_which_are_noise():
    factors = np.stack([np.eye(2) * 0.1] * 2)
    locs = np.array([[0.0, 0], [5, 5]])
    point = gmm.Parameters([0.5, 0.4], locs, factors, noise=0.1, box=np.array([40.0, 40]))
    values = [[0.0, 0.1], [5, 5.1], [30, -10]]
    fig = density.density(gmm.Dataset.from_values(values, ["a", "b"]), point, (0, 1))
    points = named(fig, "data")
    assert list(points.text) == ["component 1", "component 2", "noise"]
    assert "%{text}" in points.hovertemplate
    assert points.marker.color[2] == style.NOISE
