"""What Pyro does not document, in one place; `tests/contracts` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro
import torch
from pyro.infer.mcmc import NUTS

Tensor = torch.Tensor


def constrained(name: str, value: Tensor) -> Tensor:
    """Map a parameter's unconstrained values, with any axes in front, to where it may lie."""
    constraint = pyro.get_param_store()._constraints[name]
    mapped: Tensor = torch.distributions.transform_to(constraint)(value)
    return mapped


class WatchedNUTS(NUTS):
    """NUTS that remembers of its last transition what Pyro computes and throws away."""

    # Not NaN: only `sample` asks for the energy, while setting up measures none.
    energy = 0.0

    def sample(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        """Make a transition (called by Pyro)."""
        self.energy, self.tree_depth = np.nan, 0
        divergences, mean, t = len(self._divergences), self._mean_accept_prob, self._t
        draw = super().sample(params)
        self.potential = self._fetch_from_cache()[1]
        self.diverging = len(self._divergences) > divergences
        # Pyro keeps a running mean over the phase; its last step gives back the last value.
        warmup = self._warmup_steps or 0
        n = t + 1 if t < warmup else t + 1 - warmup
        self.acceptance = (
            self._mean_accept_prob if n == 1 else (mean + n * (self._mean_accept_prob - mean))
        )
        return draw

    def _kinetic_energy(self, r_unscaled: dict[str, Tensor]) -> Tensor:
        kinetic = super()._kinetic_energy(r_unscaled)
        if np.isnan(self.energy):
            # The first call of a transition is at its start: the energy of the new momentum.
            self.energy = float(kinetic + self._fetch_from_cache()[1])
        return kinetic

    def _build_tree(self, *args: Any) -> Any:
        self.tree_depth = max(self.tree_depth, args[5] + 1)
        return super()._build_tree(*args)
