"""The weights of a mixture by their coordinates, compiled: logits of a softmax, or sticks."""

from __future__ import annotations

import math

from gmm_core.engines.compiling import njit


@njit(cache=True, nogil=True)
def log_weights(q, K, sticks, log_w):
    """Log weights [K] of their coordinates; stick-breaking leaves log |Jacobian| as the result."""
    if not sticks:
        top = q[0]
        for k in range(1, K):
            top = max(top, q[k])
        total = 0.0
        for k in range(K):
            total += math.exp(q[k] - top)
        shift = top + math.log(total)
        for k in range(K):
            log_w[k] = q[k] - shift
        return 0.0
    rest, jacobian = 0.0, 0.0
    for k in range(K - 1):
        a = q[k] - math.log(K - 1 - k)
        # log z and log (1 - z) of z = sigmoid(a), exact in both tails.
        tail = math.log1p(math.exp(-abs(a)))
        log_z = min(a, 0.0) - tail
        log_rest = min(-a, 0.0) - tail
        log_w[k] = rest + log_z
        jacobian += log_rest + log_w[k]
        rest += log_rest
    log_w[K - 1] = rest
    return jacobian


@njit(cache=True, nogil=True)
def weights_gradient(q, K, sticks, jacobian, log_w, by_log_w, grad):
    """Carry a gradient by log weights back to their coordinates."""
    if not sticks:
        total = 0.0
        for k in range(K):
            total += by_log_w[k]
        for k in range(K):
            grad[k] = by_log_w[k] - math.exp(log_w[k]) * total
        return
    after = by_log_w[K - 1]
    for k in range(K - 2, -1, -1):
        a = q[k] - math.log(K - 1 - k)
        z = 1 / (1 + math.exp(-a)) if a > 0 else math.exp(a) / (1 + math.exp(a))
        own = by_log_w[k] + jacobian
        grad[k] = own * (1 - z) - z * (after + jacobian)
        after += own
