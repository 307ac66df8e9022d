"""The exported file is one that ArviZ opens, with the run's own numbers."""

import io
import json
import warnings

import h5netcdf
import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.sharing.netcdf import draws_netcdf
from tests.draws import separated

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # announces its next version at import
    import arviz


DATA = gmm.Dataset.from_values(gmm.example("faithful").values[:40], ["=cmd|' /C calc'!A0", "b"])
SPEC = gmm.Specification(
    dataset=DATA,
    mixture=gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(DATA)),
    options=gmm.NutsOptions(draws=20, warmup=30, chains=2),
)


@pytest.fixture(scope="module")
def posterior():
    return gmm.sample_posterior(SPEC.dataset, SPEC.mixture, SPEC.options)


@pytest.fixture
def opened(posterior, tmp_path):
    path = tmp_path / "draws.nc"
    path.write_bytes(draws_netcdf(SPEC, posterior))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return arviz.from_netcdf(path)


def test_arviz_opens_the_draws(opened, posterior):
    assert set(opened.groups()) == {
        *("posterior", "sample_stats", "observed_data", "log_likelihood"),
        *("posterior_predictive", "prior", "prior_predictive"),
    }
    same = posterior.relabelled(DATA)
    for name, axes in (("weights", 1), ("locs", 2), ("scale_tril", 3)):
        array = opened.posterior[name]
        assert array.dims[:2] == ("chain", "draw")
        assert array.ndim == 2 + axes
        np.testing.assert_array_equal(array, posterior.draws[name])
        again = opened.posterior[f"{name}_relabelled"]
        np.testing.assert_array_equal(again, same.draws[name])
    assert list(opened.posterior["column"].values) == list(DATA.columns)
    np.testing.assert_array_equal(opened.observed_data["obs"], DATA.values)


def test_statistics_have_the_schemas_names_and_types(opened, posterior):
    stats = opened.sample_stats
    assert stats["diverging"].dtype == bool
    np.testing.assert_array_equal(stats["lp"], posterior.stats["log_joint"])
    np.testing.assert_array_equal(stats["step_size"][:, 0], posterior.stats["step_size"])


def test_the_file_says_what_it_was_made_of(opened):
    again = gmm.Specification.from_json(opened.attrs["specification"], DATA)
    assert again.id == SPEC.id
    assert opened.posterior.attrs["inference_library"] == "nutpie"
    assert json.loads(opened.posterior.attrs["labels"])


def test_labels_that_would_take_long_are_left_to_whoever_opens_the_file():
    slow = separated(K=8, D=1, S=8_000)
    data = gmm.Dataset.from_values(np.arange(80.0))
    spec = gmm.Specification(
        dataset=data,
        mixture=gmm.Mixture(n_components=8, priors=gmm.Priors.for_data(data)),
        options=gmm.NutsOptions(draws=8_000, chains=2),
    )
    with h5netcdf.File(io.BytesIO(draws_netcdf(spec, slow))) as file:
        assert "weights_relabelled" not in file["posterior"].variables
        assert file["posterior"]["weights"].shape == (2, 8_000, 8)
        assert json.loads(file["posterior"].attrs["labels"]) == {"component": "as drawn"}


def test_every_kind_of_data_is_named_in_the_file(tmp_path):
    x = gmm.example("faithful").values[:30].copy()
    x[3, 0] = np.nan
    classes = ["short" if row[1] < 65 else None for row in x]
    data = gmm.transformed(
        gmm.Dataset.from_values(
            x, ["length", "wait"], weights=1 + np.arange(30) % 2, classes=classes, missing="keep"
        ),
        {"length": "log"},
    )
    mixture = gmm.Mixture(priors=gmm.Priors.for_data(data), noise=True, labels="fix")
    options = gmm.NutsOptions(draws=10, warmup=20, chains=2)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    posterior = gmm.sample_posterior(data, mixture, options)
    path = tmp_path / "draws.nc"
    path.write_bytes(draws_netcdf(spec, posterior))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = arviz.from_netcdf(path)
    np.testing.assert_array_equal(opened.posterior["noise"], posterior.draws["noise"])
    total = opened.posterior["weights"].sum("component") + opened.posterior["noise"]
    np.testing.assert_allclose(total, 1)
    assert opened.posterior["box"].dims == ("chain", "draw", "column")
    assert json.loads(opened.attrs["columns"]) == ["log length", "wait"]
    assert json.loads(opened.attrs["units"]) == {
        "log length": 'the natural logarithm of "length"',
        "wait": 'as in the column "wait" of the data',
    }
    assert json.loads(opened.attrs["classes"]) == ["short"]
    assert "component j is class j" in opened.attrs["components"]
    assert "noise" in opened.attrs
    np.testing.assert_array_equal(opened.observed_data["weight"], data.weights)
    names = [name or None for name in opened.observed_data["known_class"].values.tolist()]
    assert names == classes


def test_draws_of_other_data_are_refused(posterior):
    other = SPEC.model_copy(update={"dataset": gmm.example("tutorial")})
    with pytest.raises(ValueError, match="D = 2 columns"):
        draws_netcdf(other, posterior)
