"""The notebook in docs runs from its first cell to its last, and says what it shows."""

import asyncio
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import gmm_core as gmm

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def executed():
    """Run it in a kernel of its own, in the folder of the program."""
    book = nbformat.read(ROOT / "docs" / "library.ipynb", as_version=4)
    client = NotebookClient(book, timeout=300, resources={"metadata": {"path": str(ROOT)}})
    asyncio.run(client.async_execute())
    return book


def outputs_of(book):
    """What its cells of code printed or returned, one text for each."""
    return [
        "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        for cell in book.cells
        if cell.cell_type == "code"
    ]


def test_each_cell_says_what_it_is_about(executed):
    outputs = outputs_of(executed)
    assert "N=272, D=2" in outputs[0]
    best = min(
        gmm.compare(gmm.example("faithful"), range(1, 4), ["EEE", "VVV"], restarts=8),
        key=lambda row: row.bic,
    )
    assert outputs[1].startswith(
        f"{best.n_components} {best.covariance} {best.tied}: BIC {best.bic:.1f}"
    )
    assert "of 10 starts converged" in outputs[2]
    assert "log joint" in outputs[4]
    assert {"log_likelihood", "prior", "posterior_predictive"} <= set(eval(outputs[5]))
    assert "'n_components': 2" in outputs[6]


def test_no_output_is_kept_in_the_file():
    book = nbformat.read(ROOT / "docs" / "library.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells)
