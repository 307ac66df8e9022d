"""Figures of transformed columns stand on the table's own axes, with the densities of the table."""

import json

import numpy as np
import pytest
from scipy.stats import lognorm, multivariate_normal, norm, skew

import gmm_core as gmm
from gmm_core.figures.assignments import assignments, boundary_zoom
from gmm_core.figures.comparison import two_densities
from gmm_core.figures.density import density
from gmm_core.figures.expected import expected
from gmm_core.figures.membership import every_pair, main_figure
from gmm_core.figures.posterior import boundary, density_bands
from gmm_core.figures.predictive import ecdf_band, replicated_densities
from gmm_core.figures.trajectory import trajectory
from gmm_core.membership.certainty import zoom_width, zoom_window
from gmm_core.mixture.expectation import expectation
from gmm_core.posterior.invariants import Boundaries
from gmm_core.posterior.predictive import check_predictive

RNG = np.random.default_rng(2)
TABLE = gmm.Dataset.from_values(
    np.exp(np.concatenate([RNG.normal(0, 0.3, (100, 2)), RNG.normal(2, 0.4, (150, 2))])), ["a", "b"]
)
LOGS = gmm.transformed(TABLE, {"a": "log", "b": "log"})
MIXED = gmm.transformed(TABLE, {"b": "standardise"})
POINT = gmm.Parameters(
    [0.4, 0.6], [[0.0, 0.1], [2.0, 1.9]], [0.3 * np.eye(2), [[0.4, 0.0], [0.1, 0.4]]]
)


def traces(fig):
    return {trace.name: trace for trace in fig.data}


@pytest.mark.parametrize("how", ["log", "sqrt", "standardise"])
def test_the_density_of_the_table_integrates_to_one(how):
    data = gmm.transformed(TABLE.select("a"), {"a": how})
    x = data.values[:, 0]
    point = gmm.Parameters([1.0], [[x.mean()]], [[[0.2 * x.std()]]])
    fig = density(data, point)
    curve, bars = traces(fig)["mixture"], traces(fig)["data"]
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(1, abs=2e-3)
    assert np.sum(bars.y * bars.width) == pytest.approx(1)
    assert fig.layout.xaxis.title.text == "a"


def test_curves_marks_and_labels_of_logarithms_are_those_of_lognormals():
    data, point = LOGS.select("log a"), POINT.marginal([0])
    fig = density(data, point)
    curve = traces(fig)["component 1"]  # by weight
    expected_curve = 0.6 * lognorm.pdf(curve.x, 0.4, scale=np.exp(2))
    np.testing.assert_allclose(curve.y, expected_curve, rtol=1e-9, atol=1e-12)
    (edge,) = [b for b in gmm.boundaries(point) if 0 < b < 2]
    marks = [shape.x0 for shape in fig.layout.shapes]
    assert np.isclose(marks, np.exp(edge)).any()
    text = " ".join(note.text for note in fig.layout.annotations)
    assert f"boundary {np.exp(edge):.2f}" in text
    assert "near 7.4" in text
    curves = main_figure(data, point)
    assert f"boundary {np.exp(edge):.2f}" in " ".join(n.text for n in curves.layout.annotations)
    assert curves.data[0].x[0] >= 0


def test_a_plane_has_the_tables_points_outlines_and_contours():
    fig = density(LOGS, POINT, (0, 1))
    seen = traces(fig)
    np.testing.assert_allclose(np.column_stack([seen["data"].x, seen["data"].y]), TABLE.values)
    ring = seen["component 1, 1 scale"]
    z = np.linalg.solve(POINT.scale_tril[1], np.log([ring.x, ring.y]) - POINT.locs[1][:, None])
    np.testing.assert_allclose(np.linalg.norm(z, axis=0), 1)
    (contour,) = (trace for trace in fig.data if trace.type == "contour")
    u, v = np.meshgrid(contour.x, contour.y)
    parts = [
        w * multivariate_normal.pdf(np.log(np.dstack([u, v])), m, s @ s.T)
        for w, m, s in zip(POINT.weights, POINT.locs, POINT.scale_tril, strict=True)
    ]
    height = sum(parts) / (u * v)
    np.testing.assert_allclose(contour.z / contour.z.max(), height / height.max(), atol=2e-3)
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("a", "b")


def test_regions_and_expectations_stand_on_the_tables_axes():
    fig = main_figure(LOGS, POINT)
    dots = np.concatenate([t.x for t in fig.data if t.type == "scatter"])
    np.testing.assert_allclose(np.sort(dots), np.sort(TABLE.values[:, 0]))
    band = expected(LOGS, POINT, 0, 1, np.e)
    line = traces(band)["here"]
    prediction = expectation(POINT, 0, [1.0], 1)
    assert list(line.x) == pytest.approx([np.e] * 2)
    assert list(line.y) == pytest.approx([np.exp(prediction.low[0]), np.exp(prediction.high[0])])
    assert (band.layout.xaxis.title.text, band.layout.yaxis.title.text) == ("a", "b")
    np.testing.assert_allclose(np.sort(traces(band)["data"].x), np.sort(TABLE.values[:, 0]))


@pytest.mark.parametrize("how", ["log", "sqrt", "standardise"])
def test_a_fit_is_played_back_in_the_units_of_the_table(how):
    data = gmm.transformed(TABLE, {"a": how})
    fit = gmm.fit_map(data, gmm.Mixture(covariance="full", tied=False), gmm.MapOptions(restarts=2))
    steps, points = fit.trajectory
    inverse = data.transforms[0].inverse
    fig, text = trajectory(data, steps, points, np.zeros(len(steps)), (0, 1))
    assert fig.layout.xaxis.title.text == "a"
    assert fig.layout.xaxis2.title.text == "step"
    np.testing.assert_array_equal(traces(fig)["loss"].x, steps)
    np.testing.assert_allclose(traces(fig)["data"].x, TABLE.values[:, 0])
    # What the browser interpolates is the transform's inverse, and one column came as it is.
    way, plain = json.loads(text)["axes"]
    assert plain is None
    z = data.values[:, 0]
    at = way["from"] + way["step"] * np.arange(len(way["to"]))
    np.testing.assert_allclose(np.interp(z, at, way["to"]), TABLE.values[:, 0], rtol=2e-3)
    line, text = trajectory(data, steps, points, np.zeros(len(steps)), (0,))
    heights, grid = json.loads(text)["heights"], np.array(json.loads(text)["grid"])
    step = 1e-6
    slopes = 2 * step / (inverse(grid + step) - inverse(grid - step))
    known = inverse(grid) > 1e-3
    np.testing.assert_allclose(np.array(heights, dtype=float)[known], slopes[known], rtol=1e-4)
    curve = traces(line)["mixture"]
    density = np.exp(gmm.log_density(points[-1].marginal([0]), grid))
    np.testing.assert_allclose(curve.y[known], (density * slopes)[known], rtol=1e-3, atol=1e-12)


def test_every_pair_has_the_tables_own_numbers_holes_and_names():
    values = np.column_stack([TABLE.values, TABLE.values[:, 0] ** 2])
    values[:7, 1] = np.nan
    table = gmm.Dataset.from_values(values, ["price", "carat", "depth"], missing="keep")
    logs = gmm.transformed(table, {"price": "log", "depth": "sqrt"})
    point = gmm.Parameters(
        POINT.weights, np.column_stack([POINT.locs, [1.0, 8.0]]), [np.eye(3) * 0.5, np.eye(3)]
    )
    fig = every_pair(logs, point, (0, 1))
    titles = {axis.title.text for axis in fig.select_xaxes()} - {None}
    assert titles == {"price", "carat", "depth"}
    by_panel = {}
    for trace in fig.data:
        if trace.type == "scatter":
            by_panel.setdefault((trace.xaxis, trace.yaxis), []).append(np.c_[trace.x, trace.y])
    first = np.concatenate(next(iter(by_panel.values())))
    expected = values[~np.isnan(values[:, 1]), :2]
    points = first[~np.isnan(first).any(axis=1)]
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0), rtol=1e-13)
    bars = [trace for trace in fig.data if trace.type == "bar"]
    edges = np.histogram_bin_edges(values[:, 0], len(bars[0].x))
    counts, _ = np.histogram(values[:, 0], edges)
    assert list(bars[0].y) == counts.tolist()
    assert (
        f"price from {values[:, 0].min():.4f} to {values[:, 0].max():.2f}"
        in (fig.layout.meta["alt"])
    )


def test_assignments_and_the_zoom_stand_on_the_tables_axis():
    data, point = LOGS.select("log a"), POINT.marginal([0])
    (edge,) = [b for b in gmm.boundaries(point) if 0 < b < 2]
    zoom = boundary_zoom(data, point, np.exp(edge), 0.2)
    assert list(zoom.layout.xaxis.range) == pytest.approx(np.exp(edge) + np.array([-0.1, 0.1]))
    # As wide as the axis was around it, and where a logarithm has no place none is drawn.
    centre, width = zoom_window(data, point, edge)
    assert centre == pytest.approx(np.exp(edge))
    half = zoom_width(point, edge) / 2
    assert width == pytest.approx(np.exp(edge + half) - np.exp(edge - half), rel=0.5)
    assert boundary_zoom(data, point, np.exp(edge), 1e3).layout.xaxis.range[0] > 0
    strip = assignments(data, point)
    for fig, digits in ((strip, 2), (zoom, 4)):
        assert fig.layout.xaxis.title.text == "a"
        said = " ".join(note.text for note in fig.layout.annotations)
        assert f"{np.exp(edge):.{digits}f}" in said
    dots = np.concatenate([trace.x for trace in strip.data if trace.customdata is not None])
    assert set(np.round(TABLE.values[:, 0], 9)) == set(np.round(dots, 9))


def test_two_fits_over_the_same_data_are_densities_of_the_table():
    fig = two_densities(MIXED, (POINT, POINT), ("A", "B"), (1,))
    curve = traces(fig)["A"]
    mean, sd = TABLE.values[:, 1].mean(), TABLE.values[:, 1].std()
    flat = POINT.marginal([1])
    total = sum(
        w * norm.pdf(curve.x, mean + sd * m[0], sd * s[0])
        for w, m, s in zip(flat.weights, flat.locs, flat.scales, strict=True)
    )
    np.testing.assert_allclose(curve.y, total, rtol=1e-9, atol=1e-12)


def test_bands_of_the_posterior_are_densities_of_the_table():
    draws = gmm.Parameters.of({n: np.stack([a] * 3) for n, a in POINT.arrays().items()})
    fig = density_bands(LOGS, draws, 0)
    (median,) = (trace for trace in fig.data if "median" in str(trace.hovertemplate))
    expected_curve = 0.4 * lognorm.pdf(median.x, 0.3) + 0.6 * lognorm.pdf(
        median.x, 0.4, scale=np.exp(2)
    )
    np.testing.assert_allclose(median.y, expected_curve, rtol=1e-9, atol=1e-12)
    (label,) = (note for note in fig.layout.annotations if note.text == "median")
    assert label.y == pytest.approx(np.interp(label.x, median.x, median.y), rel=0.2)
    (bars,) = (trace for trace in fig.data if trace.type == "bar")
    assert np.sum(bars.y * bars.width) == pytest.approx(1)
    assert fig.layout.xaxis.title.text == "a"
    assert fig.layout.xaxis.range[0] > -1
    low, high = TABLE.values[:, 0].min(), TABLE.values[:, 0].max()
    assert f"from {low:.3f} to {high:.1f}" in fig.layout.meta["alt"]


def test_boundaries_of_draws_stand_on_the_tables_axis():
    data = LOGS.select("log a")
    places = np.log(np.full(50, 3.0))
    fig = boundary(data, Boundaries(places, 0.0, 50), *np.log([0.5, 20.0]))
    (bars,) = (trace for trace in fig.data if trace.type == "bar")
    high = np.argmax(bars.y)
    assert abs(bars.x[high] - 3.0) <= bars.width[high] / 2
    assert np.sum(bars.y * bars.width) == pytest.approx(1)
    assert "half lie below 3.00" in fig.layout.meta["alt"]


def test_replicated_data_is_compared_in_the_table():
    """Against the moments and shares of the table's own numbers."""
    data = LOGS.select("log a")
    one = POINT.marginal([0])
    draws = gmm.Parameters.of({n: np.stack([a] * 200) for n, a in one.arrays().items()})
    check = check_predictive(data, draws, 0)
    x = TABLE.values[:, 0]
    seen = {q.name: q for q in check.quantities}
    assert seen["largest value"].observed == pytest.approx(x.max())
    assert seen["standard deviation"].observed == pytest.approx(x.std(ddof=1))
    assert seen["skewness"].observed == pytest.approx(skew(x))
    assert seen["smallest value"].q5 > 0
    truth = (
        np.exp(np.random.default_rng(0).normal(0, 0.3, 10**6)),
        np.exp(np.random.default_rng(1).normal(2, 0.4, 10**6)),
    )
    first = sum(w * t.mean() for w, t in zip([0.4, 0.6], truth, strict=True))
    second = sum(w * (t**2).mean() for w, t in zip([0.4, 0.6], truth, strict=True))
    assert seen["standard deviation"].median == pytest.approx(np.sqrt(second - first**2), rel=0.05)
    fig = replicated_densities(data, check)
    curve = fig.data[-1]
    assert np.min(curve.x) > 0
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(1, abs=5e-3)
    shares = ecdf_band(data, check).data[-1]
    at = np.searchsorted(np.sort(x), np.asarray(shares.x) * (1 + 1e-12), side="right") / len(x)
    np.testing.assert_allclose(shares.y, at)
    assert fig.layout.xaxis.title.text == "a"


def test_without_transforms_nothing_changes():
    assert "units of the table" not in density(TABLE, POINT, (0, 1)).layout.meta["alt"]
