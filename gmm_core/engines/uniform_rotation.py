"""The uniform distribution of rotations, for Pyro: its coordinates are angles."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyro.distributions as dist
import torch
from torch.distributions import Transform, biject_to, constraints, transform_to

from gmm_core.mixture import rotations

Tensor = torch.Tensor
_ONE = torch.Size()


class _Rotation(constraints.Constraint):
    """Matrices whose columns are orthonormal and do not mirror."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        unit = torch.eye(value.shape[-1], dtype=value.dtype)
        return ((value.mT @ value - unit).abs() < 1e-6).all(-1).all(-1)


rotation = _Rotation()


class AnglesToRotation(Transform):
    """Angles [..., D (D - 1) / 2] to rotations [..., D, D]; see `mixture.rotations`.

    Its Jacobian is that to the uniform distribution, whose density is one.
    """

    domain = constraints.real_vector
    codomain = rotation
    bijective = True

    def __eq__(self, other: object) -> bool:
        """Any two are the same."""
        return isinstance(other, AnglesToRotation)

    def _call(self, x: Tensor) -> Tensor:
        return rotations.rotation(torch, x)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.tensor(rotations.angles(y.detach().numpy()), dtype=y.dtype)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Log density of the uniform distribution by the angles [...]."""
        D = y.shape[-1]
        powers = torch.tensor(rotations.powers(D), dtype=x.dtype)
        # Neighbouring axes have no cosine: 0 log 0 would be NaN.
        cosines = torch.where(powers > 0, torch.cos(x), torch.ones_like(x))
        return (powers * cosines.abs().log()).sum(-1) - rotations.log_volume(D)

    def forward_shape(self, shape: tuple[int, ...]) -> torch.Size:
        """Return the shape of rotations of angles of a shape."""
        D = rotations.n_axes(shape[-1])
        return torch.Size((*shape[:-1], D, D))

    def inverse_shape(self, shape: tuple[int, ...]) -> torch.Size:
        """Return the shape of the angles of rotations of a shape."""
        D = shape[-1]
        return torch.Size((*shape[:-2], D * (D - 1) // 2))


class UniformRotation(dist.TorchDistribution):
    """Rotations of D axes, each as likely as any other; its density is one."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = rotation

    def __init__(self, D: int, batch_shape: torch.Size = _ONE) -> None:
        super().__init__(batch_shape, torch.Size((D, D)), validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> UniformRotation:
        """Return as many of it as a plate has places."""
        return UniformRotation(self.event_shape[-1], torch.Size(batch_shape))

    def sample(self, sample_shape: Any = _ONE) -> Tensor:
        """Draw rotations, by torch's random state."""
        seed = int(torch.randint(2**62, ()).item())
        lead = (*sample_shape, *self.batch_shape)
        rotation = rotations.uniform(np.random.default_rng(seed), self.event_shape[-1], lead)
        return torch.tensor(rotation)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log of one, whatever the rotation."""
        return value.new_zeros(torch.broadcast_shapes(self.batch_shape, value.shape[:-2]))


@biject_to.register(_Rotation)
@transform_to.register(_Rotation)
def _angles(constraint: _Rotation) -> AnglesToRotation:
    return AnglesToRotation()
