"""The Beta distribution with integer parameters, without SciPy.

For integers, P(Beta(a, b) <= x) = P(Binomial(a + b - 1, x) >= a), which is summed exactly from its smaller
tail.
"""

from math import exp, lgamma, log, log1p


def beta_quantile(probability: float, a: int, b: int) -> float:
    """Return x with P(Beta(a, b) <= x) = probability, by bisection.

    Parameters
    ----------
    probability : (0, 1)
    a, b : >= 1
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if beta_probability(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return high


def beta_probability(x: float, a: int, b: int) -> float:
    """Return P(Beta(a, b) <= x).

    Parameters
    ----------
    x : (0, 1)
    a, b : >= 1

    Notes
    -----
    Cost: time O(sqrt(a + b)).
    """
    n = a + b - 1
    if a - 1 <= n * x:
        return 1.0 - _sum_pmf(n, x, range(a - 1, -1, -1))
    return _sum_pmf(n, x, range(a, n + 1))


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was seen k times in n (Clopper and Pearson 1934).

    Parameters
    ----------
    k, n : 0 <= k <= n; (0, 1) where n is 0
    """
    low = beta_quantile(0.025, k, n - k + 1) if k else 0.0
    high = beta_quantile(0.975, k + 1, n - k) if k < n else 1.0
    return low, high


def _sum_pmf(n: int, p: float, counts: range) -> float:
    """Sum the binomial probabilities from the largest outwards, until they no longer matter."""
    total = 0.0
    for k in counts:
        log_choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        term = exp(log_choose + k * log(p) + (n - k) * log1p(-p))
        total += term
        if term <= 1e-17 * total:  # also where the largest is too small for a float, and all are
            break
    return total
