"""The command line gives what the library gives, under the same id, and says what is wrong."""

import json
import subprocess
import sys
import urllib.request
from typing import Annotated

import numpy as np
import pytest
from processes import ROOT, free_port, until
from pydantic import Field

import gmm_core as gmm
from gmm_core.command.line import main
from gmm_core.data.reading import read_table
from gmm_core.mixture.fields import Whole
from gmm_core.mixture.refusals import Model
from gmm_core.runs import kinds
from gmm_core.runs.options import CompareOptions

FIT = ("--n-components", "2", "--covariance", "full", "--no-tied", "--choose", "final")
FEW = (*FIT, "--restarts", "3", "--method", "em")


class Counting(Model):
    """Options of a kind of run that a test registers."""

    by: Annotated[Whole, Field(ge=1)] = 1


OPTIONS = gmm.MapOptions(restarts=3, method="em", choose="final")


@pytest.fixture
def run(capsys):
    """Run the command line: its exit code, what it printed, and what it complained of."""

    def running(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return running


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    data = gmm.example("faithful")
    path = tmp_path_factory.mktemp("data") / "geyser.csv"
    rows = [",".join(data.columns), *(",".join(map(repr, row)) for row in data.values.tolist())]
    path.write_text("\n".join(rows))
    return path


def page_specification(file):
    """What the Fit page makes of an uploaded file, with its priors from the data."""
    data = read_table(file).dataset()
    mixture = gmm.Mixture(
        n_components=2, covariance="full", tied=False, priors=gmm.Priors.for_data(data)
    )
    return gmm.Specification(dataset=data, mixture=mixture, options=OPTIONS)


def test_a_fit_has_the_pages_id_and_the_librarys_numbers(run, file):
    code, out, _ = run("fit", file, *FEW, "--json")
    assert code == 0
    output = json.loads(out)
    spec = page_specification(file)
    assert output["run"] == spec.id
    fit = gmm.fit_map(spec.dataset, spec.mixture, spec.options)
    point = fit.parameters.permuted(fit.parameters.order)
    for name, array in point.arrays().items():
        np.testing.assert_array_equal(output["parameters"][name], array)
    assert output["loss"] == fit.final_loss[fit.chosen]


def test_holes_are_kept_as_on_the_page_and_said(run, tmp_path):
    x = gmm.example("faithful").values[:60]
    cells = [[f"{a:g}".replace(".", ","), f"{b:g}"] for a, b in x.tolist()]
    cells[3][0] = cells[9][1] = cells[20][1] = ""
    path = tmp_path / "holes.csv"
    path.write_text("\n".join(["eruptions;waiting", *(";".join(row) for row in cells)]))
    kept = gmm.read_dataset(path, missing="keep")
    code, out, said = run("fit", path, *FEW, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["data"]["points"] == 60
    assert told["data"]["fingerprint"] == kept.fingerprint
    assert '3 values are missing: 1 in "eruptions", 2 in "waiting".' in said
    assert "--missing drop" in said
    code, out, said = run("fit", path, *FEW, "--missing", "drop", "--json")
    assert json.loads(out)["data"]["points"] == 57
    assert said == ""
    assert gmm.read_dataset(path).n == 57  # the library leaves them out unless it is told


def test_rows_are_scored_by_a_mixture_with_noise(run, file, tmp_path):
    fit, far = tmp_path / "fit.json", tmp_path / "far.csv"
    fit.write_text(run("fit", file, *FEW, "--noise", "--json")[1])
    far.write_text("eruptions,waiting\n2,54\n3.2,95\n")
    code, out, _ = run("score", far, "--fit", fit, "--json")
    assert code == 0
    near, noise = json.loads(out)["points"]
    assert near["component"] in (1, 2)
    assert noise["component"] == "noise"
    assert len(noise["probabilities"]) == 3


def test_a_fit_prints_a_table_and_draws_its_figures(run, file, tmp_path):
    page, picture = tmp_path / "fit.html", tmp_path / "fit.png"
    code, out, _ = run("fit", file, *FEW, "--figure", page)
    assert code == 0
    assert "loc eruptions" in out
    assert f"run {page_specification(file).id}" in out
    assert "Plotly.newPlot" in page.read_text()
    assert "cdn.plot.ly/" not in page.read_text().split("</script>")[-1]
    assert run("fit", file, *FEW, "--figure", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_comparison_ranks_what_the_library_ranks(run):
    arguments = ("--n-components", "1-2", "--covariances", "full,EEI", "--start", "search")
    code, out, _ = run("compare", "example:faithful", *arguments, "--restarts", "4", "--json")
    assert code == 0
    rows = gmm.compare(gmm.example("faithful"), [1, 2], ["full", "EEI"], restarts=4)
    output = json.loads(out)
    assert [row["bic"] for row in output["rows"]] == [row.bic for row in rows]
    options = CompareOptions(
        n_components=(1, 2), covariances=("full", "EEI"), restarts=4, start="search"
    )
    mixture = gmm.Mixture(priors=gmm.Priors.flat())
    spec = gmm.Specification(dataset=gmm.example("faithful"), mixture=mixture, options=options)
    assert output["run"] == spec.id
    assert output["best"] == int(np.argmin([row.bic for row in rows]))


def test_the_engine_says_which_options_there_are(run):
    command = ("sample", "example:tutorial", "--priors", "tutorial")
    few = ("--draws", "50", "--seed", "3")
    code, out, _ = run(*command, *few, "--warmup", "50", "--chains", "2", "--json")
    assert code == 0
    assert json.loads(out)["options"]["warmup"] == 50
    code, out, _ = run(*command, *few, "--engine", "smc", "--populations", "2", "--json")
    output = json.loads(out)
    assert code == 0
    assert output["kind"] == "smc"
    assert output["log_evidence"]["value"] == pytest.approx(-18.4, abs=2)
    code, _, err = run(*command, "--engine", "smc", "--warmup", "50")
    assert code == 2
    assert "--warmup is not known here. SmcOptions takes" in err


def test_a_bootstrap_has_the_librarys_standard_errors(run):
    arguments = ("--replicates", "8", "--starts", "1", "--json")
    code, out, _ = run("bootstrap", "example:faithful", *arguments)
    assert code == 0
    data = gmm.example("faithful")
    mixture = gmm.Mixture(priors=gmm.Priors.for_data(data))
    bootstrap = gmm.bootstrap(data, mixture, gmm.BootstrapOptions(replicates=8, starts=1))
    errors = [row["standard_error"] for row in json.loads(out)["summary"]]
    assert errors == [row.standard_error for row in bootstrap.summary()]


def test_scores_are_those_of_the_fit_that_a_file_holds(run, file, tmp_path):
    fit = tmp_path / "fit.json"
    fit.write_text(run("fit", file, *FEW, "--json")[1])
    code, out, _ = run("score", file, "--fit", fit, "--json")
    assert code == 0
    output = json.loads(out)
    point = gmm.Parameters.of(json.loads(fit.read_text())["parameters"])
    values = read_table(file).dataset().values
    np.testing.assert_allclose(
        [scored["probabilities"] for scored in output["points"]],
        gmm.responsibilities(point, values),
        atol=1e-14,
    )
    code, out, _ = run("score", file, "--fit", fit)
    assert code == 0
    assert len(out.splitlines()) == len(values) + 1
    code, _, err = run("score", file, "--columns", "waiting", "--fit", fit)
    assert code == 2
    assert "is of the columns eruptions, waiting, but the data has waiting" in err


def test_a_transformed_fit_scores_new_rows_in_the_tables_own_columns(run, file, tmp_path):
    columns = ("--log", "eruptions", "--standardise", "waiting")
    code, out, _ = run("fit", file, *FEW, *columns, "--json")
    assert code == 0
    fit = tmp_path / "fit.json"
    fit.write_text(out)
    body = json.loads(out)
    assert body["data"]["columns"] == ["log eruptions", "waiting (sd)"]
    assert '"log eruptions" is the natural logarithm of "eruptions"' in body["answer"]
    data = gmm.transformed(gmm.example("faithful"), {"eruptions": "log", "waiting": "standardise"})
    few = tmp_path / "few.csv"
    few.write_text("\n".join(file.read_text().splitlines()[:8]))
    code, out, _ = run("score", few, "--fit", fit, "--json")
    assert code == 0
    point = gmm.Parameters.of(body["parameters"])
    densities = [scored["log_density"] for scored in json.loads(out)["points"]]
    eruptions, waiting = gmm.example("faithful").values.T  # densities are those of the table
    slopes = -np.log(eruptions[:7]) - np.log(waiting.std())
    assert densities == pytest.approx(gmm.log_density(point, data.values[:7]) + slopes, rel=1e-12)
    code, _, err = run("score", few, "--fit", fit, "--log", "eruptions")
    assert code == 2
    assert "--log came, but fit.json says how" in err
    code, out, _ = run("compare", "example:faithful", "--sqrt", "waiting", "--n-components", "1")
    assert code == 0
    assert "The log Jacobian" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("fit", "example:nothing"), 'There is no example "nothing"'),
        (("fit", "example:tutorial", "--steps", "many"), "--steps is 'many', but a whole number"),
        (("fit", "example:tutorial", "--first-seed", "-1"), "--first-seed is -1, but a number"),
        (("fit", "example:tutorial", "--start", "magic"), "--start is 'magic', but 'subs"),
        (("fit", "example:tutorial", "--n-components", "9"), "K = 9 components need at least"),
        (("fit", "example:tutorial", "--figure", "fit.gif"), "ends in .html or .png"),
        (("fit", "example:tutorial", "--figure", "/nowhere/f.png"), "There is no folder"),
        (("fit", "example:tutorial", "--colour", "red"), "No such option"),
        (("compare", "example:tutorial", "--covariances", "round"), "'round'"),
        (("sample", "example:tutorial", "--priors", "flat"), "there is no posterior"),
        (("likelihood-ratio", "example:tutorial", "--figure", "f.html"), "has no figure"),
        (("score", "example:tutorial", "--fit", "nowhere.json"), '"nowhere.json" cannot be read'),
        (("guess",), "No such command"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert "pydantic" not in err


def test_a_kind_that_is_registered_has_its_command(run):
    mine = kinds.Kind(
        name="counting",
        label="Counting",
        options=Counting,
        results={},
        engine="abacus",
        run=lambda spec, part, on_progress: {"points": len(spec.dataset.values)},
        evaluations=lambda spec: [],
        counts="",
        fewer="",
        headline=lambda result: f"{result['points']} points",
    )
    engine = kinds.Engine(kind="counting", name="abacus", module="math")
    kinds.every()
    kinds.register(mine)
    kinds.register(engine)
    try:
        code, out, _ = run("counting", "example:tutorial", "--by", "2")
        assert code == 0
        assert "5 points" in out
        code, _, err = run("counting", "example:tutorial", "--by", "0")
        assert code == 2
        assert "--by is 0, but a number from 1 on was expected" in err
    finally:
        kinds.withdraw(mine)
        kinds.withdraw(engine)


def test_a_number_is_written_as_in_the_boxes_of_the_pages(run):
    ids = set()
    for text in ("1.5", "1.5e0", "15×10⁻¹"):
        code, out, _ = run("fit", "example:tutorial", *FEW, "--start-scale", text, "--json")
        assert code == 0
        ids.add(json.loads(out)["run"])
    assert len(ids) == 1
    for text in ("1_000", "٣", "\u22123"):
        code, _, err = run("fit", "example:tutorial", *FEW, "--steps", text)
        assert code == 2
        assert "--steps is " in err


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "gmm_core", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == f"mixture-explorer, version {gmm.__version__}"


def test_serve_serves_the_pages(tmp_path):
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gmm_core", "serve", "--port", str(port)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GMM_DATABASE": "sqlite://"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def healthy():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        until(healthy)
    finally:
        server.terminate()
        server.wait(30)
