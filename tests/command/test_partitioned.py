"""The command line on data in partitions: workers fit, compare and score all the rows."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster

import gmm_core as gmm
from gmm_core.command.line import main
from gmm_core.partitions.opened import sample_rows

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(13)
VALUES = RNG.normal(size=(900, 2)) + RNG.integers(0, 2, 900)[:, None] * 6.0
MIXTURE = ("--n-components", "2", "--covariance", "VVV", "--priors", "flat")


@pytest.fixture(scope="module", autouse=True)
def client():
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=False
    )
    with cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    for i, rows in enumerate(np.split(VALUES, [400, 401])):
        pq.write_table(pa.table({"a": rows[:, 0], "b": rows[:, 1]}), folder / f"{i}.parquet")
    return folder


@pytest.fixture
def run(capsys):
    def running(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return running


def test_a_fit_is_that_of_all_the_rows_under_the_librarys_id(run, folder, tmp_path):
    code, out, err = run("fit", f"{folder}/*.parquet", "--partitioned", *MIXTURE, "--json")
    assert code == 0, err
    output = json.loads(out)
    data = gmm.Dataset.from_values(VALUES, ["a", "b"])
    mixture = gmm.Mixture(n_components=2, covariance="VVV", tied=None, priors=gmm.Priors.flat())
    whole = gmm.fit_map(data, mixture, gmm.MapOptions(start="search", restarts=20))
    assert output["loss"] == pytest.approx(whole.final_loss[whole.chosen], rel=1e-12)
    assert output["data"]["points"] == 900
    assert output["answer"].startswith("Two components explain these 900 points")
    sample = sample_rows(gmm.read_dataset(str(folder), partitioned=True), source="elsewhere")
    spec = gmm.Specification(
        dataset=sample,
        mixture=mixture,
        options=gmm.MapOptions(start="search", restarts=20, steps=300),
    )
    assert output["run"] == spec.id

    fit = tmp_path / "fit.json"
    fit.write_text(out)
    where = tmp_path / "memberships"
    command = ("score", folder, "--partitioned", "--fit", fit)
    code, out, _ = run(*command, "--out", where)
    assert (code, out) == (0, f"900 rows in 3 files in {where}\n")
    parts = [pq.read_table(file) for file in sorted(where.glob("*.parquet"))]
    table = pa.concat_tables(parts, promote_options="default").to_pydict()
    point = gmm.Parameters.of(output["parameters"])
    np.testing.assert_array_equal(table["component"], gmm.assign(point, VALUES) + 1)

    assert run(*command)[::2] == (
        2,
        "Error: Memberships of data in partitions are written by the workers. Name a folder for "
        "them by --out.\n",
    )


def test_a_comparison_is_at_full_size(run, folder):
    code, out, err = run(
        "compare", folder, "--partitioned", "--n-components", "1-2", "--covariances", "VVV",
        "--restarts", "4", "--json",
    )  # fmt: skip
    assert code == 0, err
    data = gmm.Dataset.from_values(VALUES)
    for mine, theirs in zip(
        json.loads(out)["rows"], gmm.compare(data, [1, 2], ["VVV"], restarts=4), strict=True
    ):
        assert mine["bic"] == pytest.approx(theirs.bic, rel=1e-9)


def test_a_figure_has_counts_and_no_points(run, folder, tmp_path):
    page = tmp_path / "fit.html"
    code, _, err = run("fit", folder, "--partitioned", *MIXTURE, "--figure", page)
    assert code == 0, err
    assert "900 rows counted in 3,600 cells" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "-", "--partitioned"), 'reads Parquet files by their address, but "-" came'),
        (("fit", "{folder}/none", "--partitioned"), "There is no Parquet file at"),
        (("fit", "{folder}", "--partitioned", "--columns", "z"), 'There is no column "z"'),
        (("fit", "{folder}", "--partitioned", "--method", "adam", "--start", "tree"), "by 'adam'"),
        (("bootstrap", "{folder}", "--partitioned"), "Bootstrap draws rows again and again"),
        (("score", "example:faithful", "--fit", "x.json", "--out", "y"), "Give --partitioned"),
    ],
)
def test_what_cannot_be_done_is_said(run, folder, arguments, message):
    code, _, err = run(*[argument.format(folder=folder) for argument in arguments])
    assert code == 2
    assert message in err
    assert "Traceback" not in err
