"""A run's script and notebook, run in a process of its own, print the numbers of the run."""

import ast
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from points import COVARIANCES

import gmm_core as gmm
from gmm_core.mixture import sites
from gmm_core.sharing.script import needs_data_file, pyro_notebook, pyro_script
from gmm_core.sharing.tables import data_csv

ROWS = np.arange(0, 272, 7)
FAITHFUL = gmm.Dataset.from_values(gmm.example("faithful").values[ROWS], ["eruption", "waiting"])
OPTIONS = gmm.MapOptions(restarts=5, steps=20, choose="final", polish=True)


COUNTS = 1.0 + np.arange(len(ROWS)) % 3
KNOWN = ["a"] * 4 + [None] * (len(ROWS) - 7) + ["b"] * 3
OBSERVED = {
    "weights": (("full", False), {"weights": COUNTS}),
    "noise": (("spherical", True), {}),
    "all": (("diag", False), {"weights": COUNTS, "classes": KNOWN, "holes": True}),
    "all but weights": (("VEV", None), {"classes": KNOWN, "holes": True, "unit": 1e-7}),
}
"""Data with more to mind than its values, by what that is, and the covariances that are fitted."""

MINDED = {
    "weights": {},
    "noise": {"noise": True},
    "all": {"noise": True, "labels": "fix"},
    "all but weights": {"noise": True, "labels": "fix"},
}


def observed(holes=False, unit=1.0, **fields):
    """The rows with what is said of them, and a hole in every fifth."""
    x = FAITHFUL.values * unit
    if holes:
        x[::5, 1] = x[2::5, 0] = np.nan
    return gmm.Dataset.from_values(x, ["eruption", "waiting"], missing="keep", **fields)


def specification(covariance, tied, priors=None, dataset=FAITHFUL, options=OPTIONS):
    priors = priors or gmm.Priors.for_data(dataset)
    mixture = gmm.Mixture(covariance=covariance, tied=tied, priors=priors)
    return gmm.Specification(dataset=dataset, mixture=mixture, options=options)


def fitted(spec):
    return gmm.fit_map(spec.dataset, spec.mixture, spec.options)


# Runs scripts, one after the other: each in a child that has nothing but what the script itself
# imports; torch and Pyro, whose import takes seconds, come from the parent's memory.
RUNNER = """
import os, runpy, sys, traceback
import pyro.infer.autoguide

for line in sys.stdin:
    folder = line.rstrip("\\n")
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(folder)
    for number, name in ((1, "printed"), (2, "complaints")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    code = 1
    try:
        runpy.run_path("script.py", run_name="__main__")
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a script where nothing of ours can be imported; return what it prints by name."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", RUNNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as runner:

        def values_of(script, data=None):
            folder = tmp_path_factory.mktemp("run")
            (folder / "script.py").write_text(script, encoding="utf-8")
            if data is not None:
                (folder / "data.csv").write_text(data, encoding="utf-8", newline="")
            runner.stdin.write(f"{folder}\n")
            runner.stdin.flush()
            code = int(runner.stdout.readline())
            assert code == 0, (folder / "complaints").read_text()[-2000:]
            lines = (folder / "printed").read_text().splitlines()
            return values_in(lines)

        yield values_of
        runner.stdin.close()


def values_in(lines):
    matches = (re.fullmatch(r"([a-z_ ]+?) ([-\d\[].*)", line) for line in lines)
    return {match[1]: np.array(ast.literal_eval(match[2])) for match in matches if match}


def test_a_script_is_a_program_of_its_own(tmp_path):
    spec = specification("full", False)
    fit = fitted(spec)
    (tmp_path / "script.py").write_text(pyro_script(spec, fit), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "script.py"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loss = values_in(done.stdout.splitlines())["loss"]
    assert loss == pytest.approx(fit.final_loss[fit.chosen], rel=1e-9)


@pytest.fixture(scope="module")
def printed(run):
    """What the script of every covariance prints beside its fit."""
    specs = {
        (covariance, tied): specification(covariance, tied) for covariance, tied in COVARIANCES
    }
    flat = {"priors": gmm.Priors.flat(), "dataset": gmm.example("tutorial")}
    specs["flat"] = specification("diag", True, **flat)
    tiny = gmm.Dataset.from_values(FAITHFUL.values * [1e-7, 1e6])
    specs["tiny"] = specification("full", True, dataset=tiny)
    huge = gmm.Dataset.from_values(FAITHFUL.values * 1e6)
    specs["huge"] = specification("spherical", False, dataset=huge)
    specs["em"] = specification(
        "full", False, options=OPTIONS.model_copy(update={"method": "em", "steps": 200})
    )
    specs["conjugate"] = specification("full", False, gmm.Priors.conjugate(FAITHFUL))
    for name, (form, fields) in OBSERVED.items():
        dataset = observed(**fields)
        mixture = gmm.Mixture(
            covariance=form[0], tied=form[1], priors=gmm.Priors.for_data(dataset), **MINDED[name]
        )
        specs[name] = gmm.Specification(dataset=dataset, mixture=mixture, options=OPTIONS)
    fits = {name: fitted(spec) for name, spec in specs.items()}
    return {
        name: (spec, fits[name], run(pyro_script(spec, fits[name]))) for name, spec in specs.items()
    }


def test_the_script_of_em_begins_where_em_came_to_and_finds_it_an_optimum(printed):
    spec, fit, values = printed["em"]
    end = fit.final_loss[fit.chosen]
    assert values["loss before the first step"] == pytest.approx(end, rel=1e-12)
    assert values["loss"] == pytest.approx(end, rel=1e-10)
    for site, expected in sites(spec.mixture, fit.parameters).items():
        np.testing.assert_allclose(values[site], expected, rtol=1e-5, atol=1e-6, err_msg=site)


@pytest.mark.parametrize("name", [*COVARIANCES, "flat", "tiny", "huge", *OBSERVED])
def test_the_script_prints_the_loss_and_the_parameters_of_the_fit(printed, name):
    spec, fit, values = printed[name]
    assert values["loss before the first step"] == pytest.approx(
        fit.initial_loss[fit.chosen], rel=1e-12
    )
    assert values["loss"] == pytest.approx(fit.final_loss[fit.chosen], rel=1e-9)
    expected_sites = sites(spec.mixture, fit.parameters)
    expected_sites.pop("direction", None)  # a script has it by its angles
    for site, expected in expected_sites.items():
        near = 1e-7 * np.abs(expected).max()
        np.testing.assert_allclose(values[site], expected, rtol=1e-5, atol=near, err_msg=site)


def test_without_polish_the_script_ends_where_adam_does(run):
    spec = specification(
        "spherical",
        True,
        gmm.Priors.tutorial(),
        gmm.example("tutorial"),
        gmm.MapOptions(restarts=20, steps=30),
    )
    fit = fitted(spec)
    values = run(pyro_script(spec, fit))
    assert values["loss"] == pytest.approx(fit.final_loss[fit.chosen], rel=1e-12)
    np.testing.assert_allclose(values["locs"], fit.parameters.locs, rtol=1e-10)


def test_a_guides_script_prints_its_probabilities(run):
    fit = fitted(specification("spherical", True, gmm.Priors(), gmm.example("tutorial")))
    spec = gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.GuideOptions(steps=15),
        parameters=fit.parameters,
    )
    guide = gmm.fit_guide(spec.dataset, spec.mixture, fit.parameters, spec.options)
    values = run(pyro_script(spec))
    assert values["loss before the last step"] == pytest.approx(guide.loss[-1], rel=1e-12)
    np.testing.assert_allclose(values["assignment_probs"], guide.assignment_probs, rtol=1e-9)


def test_a_posteriors_script_draws_from_the_same_posterior(run):
    # Well apart, so that a short chain knows the mean: its error is 1 / sqrt(N) of the spread.
    data = gmm.Dataset.from_values(np.concatenate([np.linspace(-1, 1, 15), np.linspace(9, 11, 15)]))
    options = gmm.NutsOptions(draws=30, warmup=30, chains=2, seed=3, max_tree_depth=4)
    spec = specification("spherical", True, dataset=data, options=options)
    posterior = gmm.sample_posterior(data, spec.mixture, options)
    mean = (posterior.draws["weights"][..., None] * posterior.draws["locs"]).sum(axis=-2)
    values = run(pyro_script(spec))
    # Two means, of 30 draws and of more: four standard errors at half as many effective draws.
    assert values["mean of the mixture"] == pytest.approx(
        mean.mean(), abs=4 * mean.std() * np.sqrt(2 / 15)
    )


def test_long_data_is_read_from_the_file_beside_it(run):
    values = np.random.default_rng(0).normal(size=(11_000, 2)) + np.array([[0], [5]]).repeat(
        5500, 0
    ).reshape(-1, 1)
    data = gmm.Dataset.from_values(values, ["a, b", "=c"])
    spec = specification("spherical", True, dataset=data, options=gmm.MapOptions(steps=3))
    assert needs_data_file(spec)
    fit = fitted(spec)
    script = pyro_script(spec, fit)
    assert len(script) < 10_000
    assert run(script, data_csv(data))["loss"] == pytest.approx(
        fit.final_loss[fit.chosen], rel=1e-10
    )


def test_long_data_with_weights_and_classes_is_read_from_the_file(run):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(11_000, 2))
    values[5500:] += 5
    values[::50, 1] = np.nan
    classes = ["=b"] * 10 + [None] * 10_980 + ["a"] * 10
    data = gmm.Dataset.from_values(
        values, weights=rng.integers(1, 4, 11_000) * 0.5, classes=classes, missing="keep"
    )
    mixture = gmm.Mixture(
        covariance="full", priors=gmm.Priors.for_data(data), noise=True, labels="fix"
    )
    options = gmm.MapOptions(restarts=2, steps=3)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    fit = fitted(spec)
    script = pyro_script(spec, fit)
    assert len(script) < 10_000
    assert run(script, data_csv(data))["loss"] == pytest.approx(
        fit.final_loss[fit.chosen], rel=1e-10
    )


def test_scripts_of_a_guide_and_of_draws_mind_all_that_the_run_has(run):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, (8, 2)), rng.normal(9, 1, (8, 2)), [[30.0, -20.0]]])
    x[::6, 0] = np.nan
    classes = ["a", *[None] * 8, "b", *[None] * 7]
    data = gmm.Dataset.from_values(x, weights=[2, *[1] * 16], classes=classes, missing="keep")
    mixture = gmm.Mixture(noise=True, labels="fix", priors=gmm.Priors.for_data(data))
    fit = gmm.fit_map(data, mixture, OPTIONS)
    spec = gmm.Specification(
        dataset=data,
        mixture=mixture,
        options=gmm.GuideOptions(steps=15),
        parameters=fit.parameters,
    )
    guide = gmm.fit_guide(data, mixture, fit.parameters, spec.options)
    values = run(pyro_script(spec))
    assert values["loss before the last step"] == pytest.approx(guide.loss[-1], rel=1e-12)
    np.testing.assert_allclose(values["assignment_probs"], guide.assignment_probs, rtol=1e-9)
    options = gmm.NutsOptions(draws=40, warmup=40, chains=1, seed=3, max_tree_depth=4)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    posterior = gmm.sample_posterior(data, mixture, options)
    mean = (posterior.draws["weights"][..., None] * posterior.draws["locs"]).sum(axis=-2)
    values = run(pyro_script(spec))
    # Four standard errors of two means of half as many draws in effect.
    off = np.abs(values["mean of the components"] - mean.mean(axis=(0, 1)))
    assert np.all(off < 4 * mean.std(axis=(0, 1)) * np.sqrt(2 / 20))


@pytest.mark.parametrize("counts", [None, COUNTS], ids=["rows", "weights"])
def test_scripts_of_data_whose_every_class_is_known_print_what_the_run_has(run, counts):
    classes = np.where(FAITHFUL.values[:, 0] < 3, "short", "long")
    data = gmm.Dataset.from_values(FAITHFUL.values, weights=counts, classes=classes)
    mixture = gmm.Mixture(
        covariance="full", tied=False, labels="fix", priors=gmm.Priors.for_data(data)
    )
    spec = gmm.Specification(dataset=data, mixture=mixture, options=OPTIONS)
    fit = fitted(spec)
    values = run(pyro_script(spec, fit))
    assert values["loss"] == pytest.approx(fit.final_loss[fit.chosen], rel=1e-10)

    options = gmm.GuideOptions(steps=3)
    spec = gmm.Specification(
        dataset=data, mixture=mixture, options=options, parameters=fit.parameters
    )
    guide = gmm.fit_guide(data, mixture, fit.parameters, options)
    values = run(pyro_script(spec))
    assert values["loss"] == pytest.approx(guide.loss[-1], rel=1e-12)
    np.testing.assert_array_equal(values["assignment_probs"], guide.assignment_probs)

    options = gmm.NutsOptions(draws=40, warmup=40, chains=1, seed=3)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    posterior = gmm.sample_posterior(data, mixture, options)
    mean = (posterior.draws["weights"][..., None] * posterior.draws["locs"]).sum(axis=-2)
    values = run(pyro_script(spec))
    # Four standard errors of two means of half as many draws in effect.
    off = np.abs(values["mean of the mixture"] - mean.mean(axis=(0, 1)))
    assert np.all(off < 4 * mean.std(axis=(0, 1)) * np.sqrt(2 / 20))


def test_a_script_of_transformed_columns_says_so_in_a_comment_that_no_name_leaves():
    values = np.abs(FAITHFUL.values[:20])
    data = gmm.Dataset.from_values(values, ["a\nraise SystemExit", "b"])
    data = gmm.transformed(data, dict.fromkeys(data.columns, "log"))
    spec = specification("full", True, dataset=data)
    script = pyro_script(spec, fitted(spec))
    assert (
        '# "log a raise SystemExit" is the natural logarithm of "a raise SystemExit"; "log b"'
        in (script)
    )
    assert not any(isinstance(node, ast.Raise) for node in ast.walk(ast.parse(script)))


def test_the_notebook_holds_the_same_program():
    spec = specification("full", False)
    fit = fitted(spec)
    notebook = json.loads(pyro_notebook(spec, fit))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert "\n\n".join(code) + "\n" == pyro_script(spec, fit)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_a_failed_fit_has_no_script():
    spec = specification(
        "spherical",
        True,
        gmm.Priors(),
        gmm.example("tutorial"),
        gmm.MapOptions(restarts=3, steps=5, learning_rate=1e6),
    )
    with pytest.raises(ValueError, match="Lower the learning rate"):
        pyro_script(spec, fitted(spec))


def test_a_fits_script_needs_the_fit():
    with pytest.raises(ValueError, match="give the fit"):
        pyro_script(specification("diag", True))
