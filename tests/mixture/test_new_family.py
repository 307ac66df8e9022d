"""A family that is registered here alone goes everywhere that families go."""

import numpy as np
import pytest
from made_up import Diagonal

import gmm_core as gmm
from gmm_core.comparison.sweep import Cell
from gmm_core.engines.families import PAIRS
from gmm_core.figures.comparison import criterion_over_k
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.m_steps import M_STEPS
from gmm_core.runs import serialize
from gmm_core.sharing.script import pyro_script
from gmm_core.words.comparison import cell_name

DATA = gmm.example("faithful")


@pytest.fixture
def mine(monkeypatch):
    family = Diagonal("EEX", "mine", True, "my ellipses", "all that I like")
    monkeypatch.setitem(FAMILIES, ("mine", True), family)
    monkeypatch.setitem(M_STEPS, "EEX", M_STEPS["EEI"])
    monkeypatch.setitem(PAIRS, "EEX", PAIRS["EEI"])
    priors = gmm.Priors.for_data(DATA)
    return gmm.Mixture(covariance="mine", tied=True, priors=priors)


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_it_is_fitted_as_its_twin_is(mine, engine):
    twin = gmm.Mixture(covariance="diag", tied=True, priors=mine.priors)
    options = gmm.MapOptions(restarts=2, steps=8, choose="final")
    ours, theirs = (gmm.fit_map(DATA, m, options, engine=engine) for m in (mine, twin))
    np.testing.assert_array_equal(ours.loss, theirs.loss)


def test_em_and_the_sampler_take_it(mine):
    options = gmm.MapOptions(restarts=3, steps=200, choose="final", method="em")
    fit = gmm.fit_map(DATA, mine, options)
    assert fit.verdict[fit.chosen] == "converged"
    posterior = gmm.sample_posterior(DATA, mine, gmm.NutsOptions(draws=20, warmup=50, chains=2))
    assert np.isfinite(posterior.draws["scale_tril"]).all()


def test_its_runs_are_written_read_and_told(mine):
    options = gmm.MapOptions(restarts=2, steps=5, choose="final")
    spec = gmm.Specification(dataset=DATA, mixture=mine, options=options)
    assert gmm.Specification.from_json(spec.to_json(), DATA) == spec
    fit = gmm.fit_map(DATA, mine, options)
    again = serialize.unpack(serialize.pack(fit))
    np.testing.assert_array_equal(again.loss, fit.loss)
    assert "my ellipses" in pyro_script(spec, fit).splitlines()[0]
    assert cell_name(Cell(2, "mine", True)) == "K = 2, my ellipses"


def test_a_sweep_has_its_line_in_the_figure(mine):
    rows = gmm.compare(DATA, [2], covariances=[("mine", True), "VEV"], priors=mine.priors)
    figure = criterion_over_k(rows, [2], 2)
    assert {"my ellipses", "VEV"} <= {trace.name for trace in figure.data}
