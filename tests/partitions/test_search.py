"""The search on the workers against the search that reads all rows: the same best optimum.

Where data fits into memory the second is the oracle. A sample of it is searched, a seventh of the
rows, on data with several optima, of which a climb from a random start finds any.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gmm_core as gmm
from gmm_core.inference import partitioned
from gmm_core.mixture import stacked
from gmm_core.mixture.likelihood import log_densities, log_likelihood

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SEARCH = gmm.MapOptions(restarts=40, steps=1000, start="search", method="em", choose="final")
SAMPLE = 1200


def groups(seed, N=8000):
    """Groups of unequal weights and shapes, some of them near each other."""
    rng = np.random.default_rng(seed)
    K = 6
    which = rng.choice(K, N, p=rng.dirichlet(np.full(K, 4.0)))
    axes = rng.normal(size=(K, 2, 2)) * 0.8
    return rng.normal(size=(K, 2))[which] * 5 + np.einsum(
        "nij,nj->ni", axes[which], rng.normal(size=(N, 2))
    )


@pytest.mark.parametrize(
    ("seed", "K", "covariance"),
    [(1, 6, "VVV"), (2, 6, "VVV"), (3, 5, "VVI"), (4, 6, "EEE"), (5, 4, "VEV"), (6, 7, "VII")],
)
def test_the_best_optimum_is_that_of_the_search_in_memory(
    seed, K, covariance, tmp_path, client, monkeypatch
):
    monkeypatch.setattr(partitioned, "CORESET", SAMPLE)
    values = groups(seed)
    for i, rows in enumerate(np.split(values, [3000, 3001])):
        table = pa.table({"a": rows[:, 0], "b": rows[:, 1]})
        pq.write_table(table, tmp_path / f"{i}.parquet", row_group_size=1000)
    mixture = gmm.Mixture(
        n_components=K, covariance=covariance, tied=None, priors=gmm.Priors.flat()
    )
    whole = gmm.fit_map(gmm.Dataset.from_values(values), mixture, SEARCH)
    others = whole.final_loss[whole.basin > 0]
    best = whole.final_loss[whole.chosen]
    assert others.size
    assert others.min() > best * (1 + 1e-6)  # there is a wrong answer, and it would be seen

    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    fit = partitioned.fit(data, mixture, SEARCH, client=client)
    assert fit.verdict[fit.chosen] == "converged"
    assert fit.final_loss[fit.chosen] == pytest.approx(best, rel=1e-9)
    mine, theirs = (result.parameters.permuted(result.parameters.order) for result in (fit, whole))
    np.testing.assert_allclose(mine.weights, theirs.weights, atol=1e-4)
    np.testing.assert_allclose(mine.locs, theirs.locs, atol=1e-2)


def test_an_optimum_goes_on_where_all_the_rows_may_prefer_it_to_the_best_of_the_sample():
    sample = gmm.Dataset.from_values(groups(1, 2000))
    mixture = gmm.Mixture(n_components=6, covariance="VVV", tied=None, priors=gmm.Priors.flat())
    fit = gmm.fit_map(sample, mixture, SEARCH)
    few = partitioned.best_few(fit)
    assert len(few) == 3
    losses = -log_likelihood(sample, mixture, few)
    assert losses[0] == pytest.approx(fit.final_loss[fit.chosen])
    assert np.all(np.diff(losses) > 1e-3)  # three optima, and none of them twice
    # Resampled rows are the oracle of how unsure the order is.
    rng = np.random.default_rng(0)
    density = log_densities(sample, mixture, few)
    often = rng.multinomial(2000, np.full(2000, 1 / 2000), size=500)
    ahead = often @ (density[0] - density).T
    turned = ahead.min(axis=0) < 0
    kept = partitioned.close(few, sample, mixture).locs
    assert np.array_equal(kept[0], few.locs[0])
    for i in np.flatnonzero(turned):
        assert any(np.array_equal(locs, few.locs[i]) for locs in kept)


def test_an_optimum_far_behind_on_the_sample_does_not_go_on():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-10, 1, 500), rng.normal(10, 1, 500)])
    sample = gmm.Dataset.from_values(values, weights=rng.uniform(0.5, 2, 1000))
    mixture = gmm.Mixture(n_components=2, priors=gmm.Priors.flat())
    right = gmm.Parameters([0.5, 0.5], [[-10], [10]], [[[1]], [[1]]])
    wrong = gmm.Parameters([0.5, 0.5], [[-11], [-9]], [[[10]], [[10]]])
    points = stacked([right, wrong, right])
    np.testing.assert_array_equal(
        partitioned.close(points, sample, mixture).locs, points.locs[[0, 2]]
    )
