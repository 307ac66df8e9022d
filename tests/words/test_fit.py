"""The Fit page's first sentence says what was found, and nothing that was not."""

from dataclasses import replace

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.figures import style
from gmm_core.figures.density import density
from gmm_core.formatting import number, percent
from gmm_core.mixture import stacked
from gmm_core.runs.heaped import Handful, Heap, handful_of, heap_of, shrunk_onto
from gmm_core.words import search
from gmm_core.words.collapse import cause
from gmm_core.words.fit import fit_answer
from gmm_core.words.starts import local_optimum

DATA, MIXTURE = gmm.example("tutorial"), gmm.Mixture()


def sentence(options, mixture=MIXTURE):
    fit = gmm.fit_map(DATA, mixture, options)
    return "".join(segment.text for segment in fit_answer(DATA, mixture, fit, options))


def test_an_optimum_is_told_with_how_many_starts_ended_there():
    words = sentence(gmm.MapOptions(restarts=20, choose="final", polish=True))
    assert words.startswith("Two components explain these 5 points: 62")
    assert "of 20 starts agree" in words


def test_a_fit_that_still_moves_is_not_announced_as_one_that_converged():
    words = sentence(gmm.MapOptions(restarts=20, choose="final", learning_rate=0.001))
    assert words.startswith("Not converged: the loss still falls. So far, two components explain")
    assert "20 of 20 starts are still moving" in words
    assert "agree" not in words


@pytest.mark.parametrize(
    ("change", "because", "cure"),
    [
        ({"learning_rate": 3.0}, "learning rate of 3", "0.1"),
        ({"start_scale": 30.0}, "starting scale is 30 times", "usual starting scale"),
        ({}, "Dirichlet concentration of 0.5 < 1", "concentration of 1 or more"),
    ],
)
def test_a_collapse_is_put_down_to_what_caused_it(change, because, cure):
    options = gmm.MapOptions(restarts=40, choose="final", **change)
    fit = gmm.fit_map(DATA, MIXTURE, options)
    reason = cause(DATA, MIXTURE, fit, options).reason
    assert because in reason
    assert cure in reason


def test_the_named_cause_is_one_taking_it_away_leaves_sound_starts():
    def sound(**change):
        options = gmm.MapOptions(restarts=40, choose="final", **change)
        return gmm.fit_map(DATA, MIXTURE, options).count("converged", "moving")

    assert sound(learning_rate=3.0) == 0
    assert sound() > 20


HEAPED = gmm.Dataset.from_values(
    np.column_stack(
        [
            np.random.default_rng(1).normal(size=90),
            np.where(np.arange(90) % 3 == 0, 2.0, np.random.default_rng(2).normal(3, 1, 90)),
        ]
    ),
    ["wait", "duration"],
)


def test_a_component_that_shrank_onto_equal_values_names_them_and_a_cure_that_cures():
    options = gmm.MapOptions(restarts=30, method="em", start="search", polish=True)
    mixture = gmm.Mixture(
        n_components=3, covariance="diag", tied=False, priors=gmm.Priors.for_data(HEAPED)
    )
    fit = gmm.fit_map(HEAPED, mixture, options)
    assert fit.count("collapsed")
    reason = cause(HEAPED, mixture, fit, options).reason
    assert 'shrank onto 30 points whose "duration" is 2' in reason
    assert "no points of its own" not in reason
    assert "Conjugate priors" in reason
    cured = mixture.model_copy(update={"priors": gmm.Priors.conjugate(HEAPED)})
    assert shrunk_onto(HEAPED, gmm.fit_map(HEAPED, cured, options)) is None


def test_why_starts_collapsed_is_told_at_once_where_more_than_a_tenth_did():
    options = gmm.MapOptions(restarts=30, method="em", start="search", polish=True)
    mixture = gmm.Mixture(
        n_components=3, covariance="diag", tied=False, priors=gmm.Priors.for_data(HEAPED)
    )
    fit = gmm.fit_map(HEAPED, mixture, options)
    fallen = np.flatnonzero(fit.verdict == "collapsed")
    assert len(fallen) > 4

    def words(n_collapsed):
        verdict = np.full(30, "converged", dtype="<U9")
        verdict[fallen[:n_collapsed]] = "collapsed"
        some = replace(fit, verdict=verdict, basin=np.where(verdict == "collapsed", -1, 0))
        some = replace(some, chosen=int(np.argmax(some.basin)))
        return "".join(s.text for s in fit_answer(HEAPED, mixture, some, options))

    why = 'onto equal values (30 points whose "duration" is 2)'
    assert f"4 collapsed {why} and are set aside: conjugate priors cure it." in words(4)
    assert "3 collapsed and are set aside." in words(3)


def test_a_component_on_fewer_points_than_its_covariance_needs_is_told_and_cured():
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(60, 8)))
    options = gmm.MapOptions(restarts=30, method="em", start="search", polish=True)
    mixture = gmm.Mixture(
        n_components=3, covariance="full", tied=False, priors=gmm.Priors.for_data(data)
    )
    fit = gmm.fit_map(data, mixture, options)
    fallen = np.flatnonzero(fit.verdict == "collapsed")
    handful = shrunk_onto(data, fit)
    assert isinstance(handful, Handful)
    held = [gmm.responsibilities(fit.points[r], data.values).sum(axis=0).min() for r in fallen]
    assert handful.points in np.rint(held)
    assert handful.points <= 8
    why = cause(data, mixture, fit, options)
    assert f"a component shrank onto {handful.points} point" in why.reason
    cured = mixture.model_copy(update={"priors": gmm.Priors.conjugate(data)})
    assert why.cure == "conjugate"
    assert gmm.fit_map(data, cured, options).count("collapsed") == 0


def test_what_most_starts_have_shrunk_onto_is_named():
    heap = gmm.Parameters([0.5, 0.5], [[0.0, 2.0], [0.0, 3.0]], [np.diag([1, 1e-4]), np.eye(2)])
    far = gmm.Parameters([0.5, 0.5], [[0.0, 3.0], [90.0, 90.0]], [np.eye(2), np.eye(2)])
    assert heap_of(HEAPED, heap) == Heap(1, 2.0, 30)
    assert heap_of(HEAPED, far) is None
    assert handful_of(HEAPED, far) is None  # nothing is near to its second component
    fit = gmm.fit_map(HEAPED, gmm.Mixture(n_components=2), gmm.MapOptions(restarts=4))

    def most(*points):
        verdict = np.array(["collapsed"] * 3 + ["converged"])
        ends = replace(fit, points=stacked([*points, heap]), verdict=verdict, chosen=3)
        return shrunk_onto(HEAPED, ends)

    assert most(far, heap, heap) == Heap(1, 2.0, 30)
    assert most(far, heap, far) is None


def test_ends_that_are_alone_are_counted_and_more_starts_are_no_cure():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=40, choose="final", polish=True))
    verdict = np.array(["converged"] * 40)

    def words(basin, mixture=MIXTURE):
        told = fit_answer(DATA, mixture, replace(fit, basin=basin, verdict=verdict, chosen=0))
        return "".join(segment.text for segment in told)

    every = words(np.arange(40))
    assert "40 starts came to 40 optima: fewer components leave fewer." in every
    assert "agree" not in every
    # Half of them are alone: more than that many would have to be.
    half = np.r_[np.zeros(20, dtype=int), 1:21]
    assert "20 of 40 starts agree; 20 ended elsewhere." in words(half)


def test_an_empty_component_is_no_heap():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=20, choose="final"))
    empty = [heap_of(DATA, fit.points[r]) for r in np.flatnonzero(fit.verdict == "collapsed")]
    assert empty
    assert not any(empty)


def test_a_search_is_told_beside_its_starts_and_what_casts_doubt_on_its_best_in_the_answer():
    options = gmm.MapOptions(restarts=12, method="em", start="search", polish=True)
    mixture = gmm.Mixture(priors=gmm.Priors.for_data(DATA))
    fit = gmm.fit_map(DATA, mixture, options)
    few = replace(fit, fewest=4.0, smallest=np.full(12, 2.0))

    def words(fit):
        return "".join(segment.text for segment in fit_answer(DATA, mixture, fit, options))

    assert "kinds of start came to the best" in search.way(fit)
    assert "came to" not in words(fit)
    assert "accident" not in words(fit)
    assert "Its smallest component holds 2.0 points, fewer than 4: it may be an acc" in words(few)


def test_one_start_alone_does_not_agree():
    options = gmm.MapOptions(restarts=3, choose="final", polish=True)
    fit = gmm.fit_map(DATA, MIXTURE, options)
    alone = replace(fit, basin=np.array([0, 1, 2]), verdict=np.array(["converged"] * 3), chosen=0)
    words = "".join(segment.text for segment in fit_answer(DATA, MIXTURE, alone, options))
    assert "Only one of 3 starts ended here: more may find a better one; 2 ended else" in words
    assert "agree" not in words


def test_a_collapsed_density_looks_set_aside():
    point = gmm.Parameters([0.5, 0.5], [[0.0], [10.0]], [[[1e-3]], [[1.0]]])
    sound, bad = density(DATA, point), density(DATA, point, set_aside="collapsed")
    assert bad.layout.title.text.startswith("✕ Collapsed")
    assert {t.line.color for t in bad.data if t.name == "component 1"} == {style.COLLAPSED}
    assert style.COLLAPSED not in {t.line.color for t in sound.data}


def test_points_of_a_plane_have_the_colour_of_their_most_probable_component():
    data = gmm.example("faithful")
    point = gmm.Parameters(
        [0.4, 0.6], [[2.0, 54.0], [4.3, 80.0]], [np.diag([0.3, 5.0]), np.diag([0.4, 6.0])]
    )
    points = next(t for t in density(data, point, (0, 1)).data if t.name == "data")
    # Component 1 is the heaviest, so the second of the point.
    owner = 1 - gmm.responsibilities(point, data.values).argmax(axis=1)
    assert list(points.marker.color) == [style.component_style(int(k)).colour for k in owner]


@pytest.mark.parametrize("noise", [-1e-9, 0.0, 1e-9])
def test_a_weight_of_five_eighths_reads_the_same_from_every_start(noise):
    assert (percent(0.625 + noise), percent(0.375 - noise)) == ("62\u202f%", "38\u202f%")


def test_a_local_optimum_is_explained_with_what_it_costs():
    data = gmm.example("faithful")
    mixture = gmm.Mixture(
        n_components=3, covariance="full", tied=True, priors=gmm.Priors.for_data(data)
    )
    options = gmm.MapOptions(restarts=40, choose="final", polish=True)
    fit = gmm.fit_map(data, mixture, options)
    r = int(np.flatnonzero(fit.basin == 1)[0])
    words = local_optimum(fit, r)
    gap = fit.final_loss[r] - fit.final_loss[fit.chosen]
    assert f"the loss is {number(gap)} higher" in words
    assert f"{(fit.basin == 1).sum()} of 40 starts ended here" in words
