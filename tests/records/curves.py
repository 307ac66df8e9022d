"""Computes the curves and draws that `test_same_bits` pins, in a process that compiled nothing.

    python curves.py FILE.npz

Three datasets, the six covariances of `gmm.Mixture`, and each engine that fits or draws.
"""

from __future__ import annotations

import sys

import numpy as np

import gmm_core as gmm

COVARIANCES = [(name, tied) for name in ("spherical", "diag", "full") for tied in (True, False)]


def datasets() -> dict[str, gmm.Dataset]:
    """Return the tutorial's data, one of two columns, and one of four."""
    generator = np.random.default_rng(7)
    centres = np.array([[0.0, 0.0, 0.0, 0.0], [4.0, 1.0, -3.0, 2.0], [-3.0, 5.0, 2.0, 0.0]])
    values = centres[generator.integers(3, size=60)] + generator.normal(size=(60, 4))
    return {
        "tutorial": gmm.example("tutorial"),
        "faithful": gmm.example("faithful"),
        "simulated": gmm.Dataset.from_values(values, name="simulated"),
    }


def records() -> dict[str, np.ndarray]:
    """Return every array by its name, such as "faithful.full.tied.compiled.loss"."""
    arrays: dict[str, np.ndarray] = {}
    for data_name, data in datasets().items():
        for covariance, tied in COVARIANCES:
            mixture = gmm.Mixture(
                n_components=2, covariance=covariance, tied=tied, priors=gmm.Priors.for_data(data)
            )
            name = f"{data_name}.{covariance}.{'tied' if tied else 'untied'}"
            for engine, restarts, steps in (("compiled", 10, 60), ("pyro", 4, 12)):
                options = gmm.MapOptions(
                    restarts=restarts, steps=steps, choose="final", learning_rate=0.05
                )
                fit = gmm.fit_map(data, mixture, options, engine=engine)
                arrays[f"{name}.{engine}.loss"] = fit.loss
                for site, norm in fit.gradient_norm.items():
                    arrays[f"{name}.{engine}.gradient_norm.{site}"] = norm
                for field in ("weights", "locs", "scale_tril"):
                    arrays[f"{name}.{engine}.{field}"] = getattr(fit.points, field)
            for engine, draws, warmup in (("nutpie", 20, 20), ("pyro", 2, 2)):
                options = gmm.NutsOptions(draws=draws, warmup=warmup, chains=2, max_tree_depth=4)
                posterior = gmm.sample_posterior(data, mixture, options, engine=engine)
                for site, array in posterior.draws.items():
                    arrays[f"{name}.{engine}.draws.{site}"] = array
                arrays[f"{name}.{engine}.log_joint"] = posterior.stats["log_joint"]
    return arrays


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], **records())
