"""Quantiles of the Beta distribution with integer parameters, without SciPy."""

from math import exp, lgamma, log, log1p


def beta_quantile(probability: float, a: int, b: int) -> float:
    """Return x with P(Beta(a, b) <= x) = probability.

    For integers, P(Beta(a, b) <= x) = P(Binomial(a + b - 1, x) >= a), which is summed exactly from its
    smaller tail and inverted by bisection.

    Parameters
    ----------
    probability : (0, 1)
    a, b : >= 1
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _binomial_tail(a + b - 1, middle, a) < probability:
            low = middle
        else:
            high = middle
    return high


def _binomial_tail(n: int, p: float, at_least: int) -> float:
    """Return P(Binomial(n, p) >= at_least), 0 < p < 1."""
    if at_least - 1 <= n * p:
        return 1.0 - _sum_pmf(n, p, range(at_least - 1, -1, -1))
    return _sum_pmf(n, p, range(at_least, n + 1))


def _sum_pmf(n: int, p: float, counts: range) -> float:
    """Sum the binomial probabilities from the largest outwards, until they no longer matter."""
    total = 0.0
    for k in counts:
        log_choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        term = exp(log_choose + k * log(p) + (n - k) * log1p(-p))
        total += term
        if term < 1e-17 * total:
            break
    return total
