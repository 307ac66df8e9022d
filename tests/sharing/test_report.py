"""The report is one file that needs nothing else and says what the run says."""

import re

import pytest

import gmm_core as gmm
from gmm_core.comparison.sweep import Comparison
from gmm_core.sharing.report import report

NASTY = "<script>alert(1)</script>"
DATA = gmm.Dataset.from_values(
    gmm.example("faithful").values[::5], [NASTY, "=cmd|' /C calc'!A0"], name=f"{NASTY} & co"
)


@pytest.fixture(scope="module")
def fit_spec():
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(DATA))
    options = gmm.MapOptions(restarts=5, steps=40, choose="final", polish=True)
    return gmm.Specification(dataset=DATA, mixture=mixture, options=options)


@pytest.fixture(scope="module")
def page(fit_spec):
    fit = gmm.fit_map(DATA, fit_spec.mixture, fit_spec.options)
    return fit, report(fit_spec, fit)


def without_scripts(page):
    return re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)


def test_it_tells_the_answer_the_parameters_and_the_run(fit_spec, page):
    fit, text = page
    assert "Two components explain these 55 points" in text
    assert fit_spec.id in text
    assert DATA.fingerprint in text
    weights = fit.parameters.weights[fit.parameters.order]
    assert all(f"{w:.6g}" in text for w in weights)


def test_transformed_columns_are_named_with_what_makes_their_likelihood_comparable():
    data = gmm.transformed(DATA, {NASTY: "log"})
    options = gmm.MapOptions(restarts=1, steps=2)
    spec = gmm.Specification(dataset=data, mixture=gmm.Mixture(), options=options)
    text = report(spec, gmm.fit_map(data, spec.mixture, options))
    assert "<script>alert" not in text
    assert "is the natural logarithm of &quot;&lt;script&gt;" in text
    assert "The log Jacobian" in text


def test_it_refers_to_nothing_outside(page):
    text = without_scripts(page[1])
    assert "default-src 'none'" in text
    assert not re.search(r"\b(src|href)=", text)


def test_markup_in_names_stays_text(page):
    assert "<script>alert" not in page[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page[1]


def test_a_posterior_has_its_summary():
    options = gmm.NutsOptions(draws=30, warmup=30, chains=2)
    spec = gmm.Specification(
        dataset=gmm.example("tutorial"), mixture=gmm.Mixture(), options=options
    )
    posterior = gmm.sample_posterior(spec.dataset, spec.mixture, options)
    text = without_scripts(report(spec, posterior))
    assert "Summary of the draws" in text
    assert f"{posterior.draws['scale_tril'].mean():.4g}" in text


def test_a_comparison_has_its_best_mixtures_and_says_the_first():
    data = gmm.example("faithful")
    options = gmm.CompareOptions(n_components=(1, 2), covariances=("full",), restarts=4)
    spec = gmm.Specification(
        dataset=data, mixture=gmm.Mixture(priors=gmm.Priors.flat()), options=options
    )
    rows = gmm.compare(data, [1, 2], ["full"], restarts=4)
    text = without_scripts(report(spec, Comparison(tuple(rows))))
    # 2 322.2 is mclust's BIC of VVV, K = 2, with our sign.
    assert "Two components with full covariances of their own fit these 272 points best" in text
    assert "BIC 2,322.2" in text
    assert "K = 2, full, own" in text


def test_other_runs_have_no_report():
    fit = gmm.fit_map(gmm.example("tutorial"), gmm.Mixture(), gmm.MapOptions(restarts=1, steps=5))
    options = gmm.GuideOptions(steps=2)
    spec = gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=options,
        parameters=fit.parameters,
    )
    guide = gmm.fit_guide(spec.dataset, spec.mixture, fit.parameters, options)
    with pytest.raises(ValueError, match="A guide run has no report"):
        report(spec, guide)
