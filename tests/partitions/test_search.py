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
