"""A sample of data in partitions: its identity, its counts, and runs that go to all the rows."""

import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gmm_core as gmm
from gmm_core.figures.data import preview
from gmm_core.figures.density import density
from gmm_core.inference import partitioned
from gmm_core.inference.cost import estimate_seconds, size
from gmm_core.inference.run import run_here
from gmm_core.partitions.opened import count_pair, counts_of, sample_rows
from gmm_core.sharing import answer
from gmm_core.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(31)
CENTRES = np.array([[0.0, 0.0, 1.0], [6.0, 1.0, 0.0]])
VALUES = RNG.normal(size=(3000, 3)) + CENTRES[RNG.integers(0, 2, 3000)]
MIXTURE = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=gmm.Priors.flat())
OPTIONS = gmm.MapOptions(restarts=4, start="kmeans++", method="em", choose="final", steps=300)


def write(folder, values, cuts=(1000, 1001, 2500)):
    for i, rows in enumerate(np.split(values, cuts)):
        table = pa.table({name: rows[:, d] for d, name in enumerate("abc")})
        pq.write_table(table, folder / f"{i}.parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    write(folder, VALUES)
    return folder


@pytest.fixture(scope="module")
def sample(folder, client):
    data = gmm.read_dataset(str(folder), partitioned=True)
    return sample_rows(data, 500, source=str(folder), client=client)


def test_a_sample_counts_as_its_effective_size_and_is_other_data_than_its_points(sample):
    assert 350 < len(sample.values) < 650
    assert (sample.n, sample.whole.total) == (3000, 3000.0)
    w = sample.weights
    assert sample.total == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-12)
    assert 0.5 * len(w) < sample.total < len(w)
    alone = replace(sample, whole=None)
    assert alone.fingerprint != sample.fingerprint
    assert sample.take(np.arange(10)).whole is None
    again = pickle.loads(pickle.dumps(sample))
    assert again.fingerprint == sample.fingerprint
    assert again.whole.rows == 3000


def test_all_rows_are_counted_by_each_column_and_each_pair(sample):
    for places in ((0,), (2,), (0, 1), (2, 0), (1, 2)):
        computed = counts_of(sample, places)
        expected, edges = np.histogramdd(VALUES[:, places], bins=60)
        np.testing.assert_array_equal(computed.counts, expected)
        np.testing.assert_allclose(computed.edges[0], edges[0], rtol=1e-12)
    fig = density(sample, None, (0, 1))
    assert np.nansum(fig.data[0].customdata) == 3000


def test_the_pairs_that_are_counted_can_be_chosen(folder, client, tmp_path):
    data = gmm.read_dataset(str(folder), partitioned=True)
    some = sample_rows(data, 500, in_pairs=["c", "a"], client=client)
    assert some.whole.pairs == [(0, 2)]
    for places in ((0, 2), (2, 0), (1,)):
        expected, _ = np.histogramdd(VALUES[:, places], bins=60)
        np.testing.assert_array_equal(counts_of(some, places).counts, expected)
    assert counts_of(some, (0, 1)) is None
    n = len(some.values)
    for fig in (density(some, None, (0, 1)), preview(some, (0, 1))):
        assert fig.layout.title.text == f"By a weighted sample of {n:,} of 3,000 rows"
    # What two readings of the same rows have counted goes together.
    other = sample_rows(data, 500, in_pairs=["a", "b"], client=client)
    assert other.fingerprint == some.fingerprint
    both = replace(some, whole=some.whole.joined(other.whole))
    for places in ((0, 2), (0, 1)):
        expected, _ = np.histogramdd(VALUES[:, places], bins=60)
        np.testing.assert_array_equal(counts_of(both, places).counts, expected)
    store = Store(f"sqlite:///{tmp_path}/runs.sqlite")
    store.save_dataset(some)
    store.save_dataset(other)
    assert store.load_dataset(some.fingerprint).whole.pairs == [(0, 2), (0, 1)]
    store.close()
    with pytest.raises(ValueError, match=r'up to 8 columns, but there is no "z"'):
        sample_rows(data, in_pairs=["a", "z"])


def test_one_pair_more_is_counted_and_the_others_stay(tmp_path, client):
    write(tmp_path, VALUES)
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    some = sample_rows(data, 500, in_pairs=["c", "a"], client=client)
    more = count_pair(some, (2, 1), client=client)
    assert more.whole.pairs == [(0, 2), (1, 2)]
    assert more.fingerprint == some.fingerprint
    for places in ((0, 2), (1, 2), (2, 1)):
        expected, _ = np.histogramdd(VALUES[:, places], bins=60)
        np.testing.assert_array_equal(counts_of(more, places).counts, expected)
    assert count_pair(more, (0, 2), client=client) is more

    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled):
        count_pair(some, (0, 1), client=client, on_progress=stop)
    write(tmp_path, VALUES[::-1] * 2)
    with pytest.raises(ValueError, match="the files have changed"):
        count_pair(some, (0, 1), client=client)


def test_a_run_on_a_sample_goes_to_all_the_rows(sample, client):
    spec = gmm.Specification(dataset=sample, mixture=MIXTURE, options=OPTIONS)
    assert spec.engine == "partitions"
    with client.as_current():
        fit = run_here(spec, None)
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )
    sentence = answer.answer(spec, fit).words
    assert sentence.startswith("Two components explain these 3,000 points: ")


def test_what_goes_by_the_sample_says_so(sample):
    spec = gmm.Specification(dataset=sample, mixture=MIXTURE, options=OPTIONS, engine="compiled")
    fit = run_here(spec, None)
    sentence = answer.answer(spec, fit).words
    n = len(sample.values)
    lead = f"On a weighted sample of {n:,} of 3,000 rows (seed 0), which counts as "
    assert sentence.startswith(f"{lead}{sample.total:,.0f}: ")
    assert answer.as_json(spec, fit)["data"]["points"] == 3000


def test_a_comparison_on_a_sample_goes_to_all_the_rows(sample, client):
    options = gmm.CompareOptions(
        n_components=(1, 2), covariances=(("full", False),), restarts=4, start="search"
    )
    spec = gmm.Specification(
        dataset=sample, mixture=gmm.Mixture(priors=gmm.Priors.flat()), options=options
    )
    with client.as_current():
        rows = run_here(spec, None).rows
    whole = gmm.compare(gmm.Dataset.from_values(VALUES), [1, 2], ["VVV"], restarts=4)
    for mine, theirs in zip(rows, whole, strict=True):
        assert mine.bic == pytest.approx(theirs.bic, rel=1e-9)


def test_rows_that_have_changed_are_refused(tmp_path, client):
    write(tmp_path, VALUES[:800], cuts=(300,))
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    sample = sample_rows(data, 200, source=str(tmp_path), client=client)
    write(tmp_path, VALUES[:800] + 1e-9, cuts=(300,))
    spec = gmm.Specification(dataset=sample, mixture=MIXTURE, options=OPTIONS)
    with client.as_current(), pytest.raises(ValueError, match="the files have changed"):
        run_here(spec, None)


def test_a_run_is_stopped_while_it_reads_and_between_passes(sample, client):
    spec = gmm.Specification(dataset=sample, mixture=MIXTURE, options=OPTIONS)
    for when in (0, 2):

        def stop(progress, when=when):
            if progress.done >= when:
                raise gmm.Cancelled

        with client.as_current(), pytest.raises(gmm.Cancelled):
            partitioned.run(spec, stop)


def test_what_cannot_be_done_is_said(sample):
    in_memory = gmm.Dataset.from_values(VALUES)
    with pytest.raises(ValueError, match="is for data whose rows stay in partitions"):
        gmm.Specification(dataset=in_memory, mixture=MIXTURE, options=OPTIONS, engine="partitions")
    with pytest.raises(ValueError, match="Bootstrap draws rows again and again, and the 3,000"):
        gmm.Specification(dataset=sample, mixture=MIXTURE, options=gmm.BootstrapOptions())
    with pytest.raises(ValueError, match=r"does not fit by 'adam'.*or the method 'em'"):
        gmm.Specification(dataset=sample, mixture=MIXTURE, options=gmm.MapOptions())


def test_a_posterior_goes_by_a_sample_which_it_names(sample, folder):
    data = gmm.read_dataset(str(folder), partitioned=True)
    mixture = gmm.Mixture(n_components=2, covariance="diag", tied=False)
    for ask in (gmm.sample_posterior, gmm.evidence):
        with pytest.raises(ValueError, match=r"stay in partitions, and Posterior.*sample_rows"):
            ask(data, mixture)
    with pytest.raises(ValueError, match="Bootstrap draws rows again and again, and the rows of"):
        gmm.bootstrap(data, mixture)
    with pytest.raises(ValueError, match=r"The 3,000 rows.*gmm.sample_rows"):
        gmm.exact_posterior(data, mixture)
    with pytest.raises(ValueError, match="two rows at least"):
        gmm.sample_rows(data, 1)

    options = gmm.NutsOptions(draws=40, warmup=60, chains=1)
    spec = gmm.Specification(
        dataset=sample, mixture=mixture.model_copy(update={"priors": gmm.Priors.for_data(sample)}),
        options=options,
    )  # fmt: skip
    posterior = run_here(spec, None)
    named = f"a weighted sample of {len(sample.values):,} of 3,000 rows (seed 0)"
    named += f", which counts as {sample.total:,.0f}"
    assert answer.answer(spec, posterior).words.startswith(f"On {named}: ")
    assert named in repr(sample)
    tree = posterior.to_datatree(sample, spec.mixture)
    assert tree["posterior"].attrs["data"] == named
    # As unsure as so many rows are, whose weights spread by sqrt(w (1 - w) / N).
    spread = posterior.relabelled(sample).draws["weights"][..., 0].std()
    assert 0.5 < spread / np.sqrt(0.25 / sample.total) < 1.6


def test_what_a_run_costs_follows_from_all_the_rows(sample):
    spec = gmm.Specification(dataset=sample, mixture=MIXTURE, options=OPTIONS)
    larger = replace(sample, whole=replace(sample.whole, rows=3_000_000))
    more = gmm.Specification(dataset=larger, mixture=MIXTURE, options=OPTIONS)
    on_sample = gmm.Specification(
        dataset=sample, mixture=MIXTURE, options=OPTIONS, engine="compiled"
    )
    # Three optima climb, each in about fifteen passes over K x 9 numbers of a row.
    passes = 3 * 15
    assert size(more) - size(on_sample) == pytest.approx(passes * 3_000_000 * 2 * 9)
    assert estimate_seconds(on_sample) < estimate_seconds(spec) < 1 < estimate_seconds(more)
