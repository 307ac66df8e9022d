"""Which mixture: every number of components with every covariance, and EM as a second opinion."""
