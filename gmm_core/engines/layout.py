"""What stands where in the arrays that the compiled kernel reads and works in.

`problem` packs the layout and the numbers; `scratch` cuts the memory that one thread works in.
"""

from __future__ import annotations

from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bare

# Positions in `layout`; what comes after them is the family's own.
K_, D_, STICKS, BLOCK, FACTORS, EXPAND, PULL = range(7)
# Count of mixture weights, K or with noise K + 1; then the rows of the data that have the weight
# of each point, its component, and how many from here on have the same columns; 0 where absent.
# Then where in the numbers the conjugate prior's are, likewise.
WEIGHTS, WEIGHT_ROW, COMPONENT_ROW, PATTERN_ROW, BELIEVED, OWN_LAYOUT = range(7, 13)
# What stands at FACTORS: no factors but scales, one factor for all components, or one for each.
NO_FACTORS, ONE_FACTOR, OWN_FACTORS = range(3)
# Positions in `numbers`, in front of locs' priors [2, D], the log widths of the noise's box [D],
# and what is the family's own.
CONSTANT, DIRICHLET, STICK_JACOBIAN, HEAD = range(4)


@njit(cache=True, nogil=True)
def scratch(memory, layout):
    """Cut scratch memory into the arrays that `log_joint_in` works in."""
    work = bare(memory)
    K, D, B, W = layout[K_], layout[D_], layout[BLOCK], layout[WEIGHTS]
    G = 0 if layout[FACTORS] == NO_FACTORS else (1 if layout[FACTORS] == ONE_FACTOR else K)
    Z = 0 if layout[FACTORS] == NO_FACTORS else K
    at = 0
    log_w = work[at : at + W]
    at += W
    points = work[at : at + W]
    at += W
    heights = work[at : at + K]
    at += K
    log_scales = work[at : at + K * D].reshape((K, D))
    at += K * D
    inverse = work[at : at + K * D].reshape((K, D))
    at += K * D
    sums = work[at : at + K * D].reshape((K, D))
    at += K * D
    squares = work[at : at + K * D].reshape((K, D))
    at += K * D
    top = work[at : at + B]
    at += B
    total = work[at : at + B]
    at += B
    lp = work[at : at + W * B].reshape((W, B))
    at += W * B
    factors = work[at : at + G * D * D].reshape((G, D, D))
    at += G * D * D
    products = work[at : at + G * D * D].reshape((G, D, D))
    at += G * D * D
    z = work[at : at + Z * D * B].reshape((Z, D, B))
    at += Z * D * B
    # Of points with values missing: moments of a block, the gradient that they make, factors, the
    # block itself and which columns it has.
    P = K if layout[PATTERN_ROW] != 0 else 0
    some = work[at : at + P]
    at += P
    counted = work[at : at + P]
    at += P
    some_locs = work[at : at + P * D]
    at += P * D
    some_sums = work[at : at + P * D].reshape((P, D))
    at += P * D
    by_loc = work[at : at + P * D].reshape((P, D))
    at += P * D
    ones = work[at : at + P * D].reshape((P, D))
    at += P * D
    some_factors = work[at : at + P * D * D].reshape((P, D, D))
    at += P * D * D
    some_products = work[at : at + P * D * D].reshape((P, D, D))
    at += P * D * D
    by_covariance = work[at : at + P * D * D].reshape((P, D, D))
    at += P * D * D
    R = D if P > 0 else 0
    block = work[at : at + R * B].reshape((R, B))
    at += R * B
    some_z = work[at : at + P * D * B].reshape((P, D, B))
    at += P * D * B
    columns = work[at : at + R]
    return (
        log_w, points, heights, log_scales, inverse, sums, squares, top, total, lp, factors,
        products, z, some, counted, some_locs, some_sums, by_loc, ones, some_factors, some_products,
        by_covariance, block, some_z, columns,
    )  # fmt: skip
