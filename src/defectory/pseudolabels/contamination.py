"""How many unlabeled images are defective, from scores of images that no model has learned from.

The scores of good images are Gaussian on some scale between linear and logarithmic, but which one the scores
do not tell: a heavy tail of good images looks like a few defects. So the estimate averages over scales, each
weighted by its likelihood (Bayesian model averaging, tempered).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import ParameterError

Float = NDArray[np.float64]

CONFIDENCE = 0.95
MAX_RATIO = 0.5
_MIN_IMAGES = 20
# Fewer confirmed anomalies say too little of where the others lie.
_MIN_ANOMALIES = 5
# Lower ends of the logarithmic scales in robust deviations below the median; the last is all but linear.
_SHIFTS = -np.array([2.2, 2.5, 3.0, 3.5, 4.0, 5.0, 7.0, 10.0, 20.0])
# Without confirmed anomalies, only what lies this many deviations above the good on average counts as odd.
_GAP = 2.5
# Gain in log-likelihood that a second kind must bring. One kind gained up to 3.9 on real clean folders.
_MIN_GAIN = 6.0
# None of the scales is right, so differences in likelihood count for a quarter.
_TEMPERATURE = 4.0
_MIN_VISIBLE = 0.01
_N_ROUNDS = 200
_N_RESAMPLES = 40
_N_RESAMPLE_ROUNDS = 30
# More scores than this are stood for by as many quantiles: bounds time and memory.
_MAX_POINTS = 1000


@dataclass(frozen=True)
class Contamination:
    """An estimated share of defective images among those without a label.

    Attributes
    ----------
    ratio : [0, .5]; 0 where the share cannot be told from a tail
    lower, upper : [0, .5], lower <= ratio <= upper
        what sampling and the unknown scale of the scores leave open, at `confidence`; where contamination is
        not clear, upper is at least the share of which so many images may well show none
    is_clear : whether contamination can be told from a heavy tail of good images
    confidence : [0, 1], of the interval; nominal, it does not cover defects that score like good images
    """

    ratio: float
    lower: float
    upper: float
    is_clear: bool
    confidence: float = CONFIDENCE

    def explain(self) -> str:
        """Return what was found, in a plain sentence."""
        if self.is_clear:
            return (
                f"About {self.ratio:.1%} of the unlabeled images look defective "
                f"({self.lower:.1%} to {self.upper:.1%} at {self.confidence:.0%} confidence); "
                "defects that score like good images are not counted."
            )
        return (
            "The scores of the unlabeled images show no defects that a tail of good images would not "
            f"explain as well; up to {self.upper:.1%} defective images cannot be ruled out."
        )


@dataclass(frozen=True)
class _Pool:
    """Scores in robust deviations, with how much each counts and what it is confirmed as.

    Attributes
    ----------
    points : (p,) float64
    counts : (b, p) float64, a row a resample
    confirmed : (p,) float64, 0 normal, 1 anomalous, nan unlabeled
    """

    points: Float
    counts: Float
    confirmed: Float

    def scales(self) -> Float:
        """Return the points on every scale whose lower end lies below them all, (s, p)."""
        shifts = _SHIFTS[self.points.min() > _SHIFTS + 0.05]
        if len(shifts) == 0:
            shifts = np.array([2.0 * float(self.points.min())])
        scales: Float = np.log(self.points - shifts[:, None])
        return scales

    def resampled(self, rng: np.random.Generator) -> "_Pool":
        """Return the pool with new counts: each group of the same kind drawn anew from itself."""
        counts = np.empty((_N_RESAMPLES, len(self.points)))
        for group in (np.isnan(self.confirmed), self.confirmed == 0, self.confirmed == 1):
            if group.any():
                n = round(self.counts[0, group].sum())
                counts[:, group] = rng.multinomial(
                    n, np.full(group.sum(), 1 / group.sum()), _N_RESAMPLES
                )
        return _Pool(self.points, counts, self.confirmed)


@dataclass(frozen=True)
class _Mixture:
    """A mixture of two Gaussians; all (b, s): a row a resample, a column a scale."""

    ratio: Float
    means: tuple[Float, Float]
    deviations: tuple[Float, Float]


def is_contaminated(scores: ArrayLike) -> bool:
    """Return whether the scores show two kinds of images, without any labels.

    Parameters
    ----------
    scores : (n,) float, finite, higher = odder
        left-out: no model may have learned from the image that it scores

    Raises
    ------
    ParameterError : scores are not finite.

    Notes
    -----
    False below 20 images and where all score alike. Exponential tails and tails as of Student's t with 5
    degrees of freedom pass for contamination; those of log-normal (.25), gamma (4) or Gumbel scores do not.
    """
    values = _checked(scores, "scores")
    if _says_nothing(values):
        return False
    pool = _pooled(values, np.empty(0), np.empty(0))
    y = pool.scales()
    return _is_two_kinds(y, pool, _fit(y, pool, _start(y, pool), _N_ROUNDS, _GAP))


def estimate_contamination(
    scores: ArrayLike, normals: ArrayLike = (), anomalies: ArrayLike = (), *, seed: int = 0
) -> Contamination:
    """Return the share of defective images among the unlabeled ones.

    Parameters
    ----------
    scores : (n,) float, finite, higher = odder
        of unlabeled images, left-out: no model may have learned from the image that it scores
    normals, anomalies : (m,), (k,) float, finite
        of confirmed images, by the same procedure; they should be typical, not the oddest of their kind.
        Fewer than 5 anomalies are left unused.

    Raises
    ------
    ParameterError : scores are not finite.

    Notes
    -----
    Two Gaussians on log(score - shift) by expectation maximization, for nine shifts from the lower end of
    the scores to nearly linear. Confirmed images belong to their Gaussian for certain. With confirmed
    anomalies the estimate is the mean over shifts by likelihood (tempered). Without, the upper Gaussian
    must stand apart, and the estimate lies midway between that mean and the nearly linear scale: the one
    is low, as defects hide behind a skew, the other high, as it takes the skew of good images for defects.
    Where good scores are skewed much and all defects stand apart, it is some 4 points high (on gamma (4)
    scores). Where most defects score like good images, confirmed anomalies leave it wide and often high.
    Cost: time O(n) up to 1,000 images, then constant. Random: `seed` drives the resamples.
    """
    values = _checked(scores, "scores")
    normal = _checked(normals, "scores of normals")
    odd = _checked(anomalies, "scores of anomalies")
    if _says_nothing(values):
        return Contamination(0.0, 0.0, MAX_RATIO, is_clear=False)
    odd = odd if len(odd) >= _MIN_ANOMALIES else np.empty(0)
    pool = _pooled(values, normal, odd)
    y = pool.scales()
    gap = 0.0 if len(odd) else _GAP
    mixture = _fit(y, pool, _start(y, pool), _N_ROUNDS, gap)
    middle = float((_scale_weights(y, pool, mixture) * mixture.ratio).sum())
    resampled = pool.resampled(np.random.default_rng(seed))
    again = _fit(y, resampled, mixture, _N_RESAMPLE_ROUNDS, gap)
    lower, upper = _interval(again.ratio, _scale_weights(y, resampled, again))
    if not len(odd):
        middle = (middle + float(mixture.ratio[0, -1])) / 2
        upper = max(upper, float(np.quantile(again.ratio[:, -1], (1 + CONFIDENCE) / 2)))
        is_clear = _is_two_kinds(y, pool, mixture)
    else:
        is_clear = lower > _MIN_VISIBLE or is_contaminated(values)
    upper = min(max(upper, middle), MAX_RATIO)
    if not is_clear:
        unseen = 1 - (1 - CONFIDENCE) ** (1 / len(values))  # even if none is defective
        return Contamination(0.0, 0.0, max(upper, unseen), is_clear=False)
    return Contamination(middle, min(lower, middle), upper, is_clear=True)


def _checked(values: ArrayLike, name: str) -> Float:
    checked = np.asarray(values, np.float64).ravel()
    if not np.isfinite(checked).all():
        raise ParameterError(f"the {name} hold nan or infinity")
    return checked


def _says_nothing(values: Float) -> bool:
    return len(values) < _MIN_IMAGES or _spread(values) <= 1e-9 * max(
        1e-9, float(np.abs(values).max())
    )


def _spread(values: Float) -> float:
    """Return the deviation of the bulk by quartiles, or of all where half the scores are equal."""
    quarter, three_quarters = np.quantile(values, [0.25, 0.75])
    return float(three_quarters - quarter) / 1.35 or float(values.std())


def _pooled(values: Float, normals: Float, anomalies: Float) -> _Pool:
    points, n = values, min(len(values), _MAX_POINTS)
    if len(values) > n:
        points = np.quantile(values, (np.arange(n) + 0.5) / n)
    points = np.concatenate([points, normals, anomalies])
    n_confirmed = [len(normals), len(anomalies)]
    counts = np.repeat([len(values) / n, 1.0], [n, sum(n_confirmed)])
    confirmed = np.repeat([np.nan, 0.0, 1.0], [n, *n_confirmed])
    return _Pool((points - np.median(values)) / _spread(values), counts[None], confirmed)


def _start(y: Float, pool: _Pool) -> _Mixture:
    unlabeled = y[:, np.isnan(pool.confirmed)]
    odd = y[:, pool.confirmed == 1]
    quarter, middle, three_quarters, top = np.quantile(unlabeled, [0.25, 0.5, 0.75, 0.95], axis=1)
    deviation = np.maximum((three_quarters - quarter) / 1.35, 1e-3)
    upper, upper_deviation = top, 1.5 * deviation
    if odd.shape[1]:
        upper, upper_deviation = odd.mean(axis=1), np.maximum(odd.std(axis=1), 0.5 * deviation)
    return _Mixture(
        np.full((1, len(y)), 0.1),
        (middle[None], upper[None]),
        (deviation[None], upper_deviation[None]),
    )


def _fit(y: Float, pool: _Pool, mixture: _Mixture, n_rounds: int, gap: float) -> _Mixture:
    counts = pool.counts[:, None]
    n_all = counts.sum(axis=-1)
    unlabeled = np.isnan(pool.confirmed)
    for _ in range(n_rounds):
        lower, upper = _log_densities(y, mixture)
        odd = 1 / (1 + np.exp(np.clip(lower - upper, -500, 500)))
        odd = counts * np.where(unlabeled, odd, pool.confirmed)
        n_odd = np.maximum(odd.sum(axis=-1), 1e-9)
        n_good = np.maximum(n_all - n_odd, 1e-9)
        good = counts - odd
        ratio = odd[..., unlabeled].sum(axis=-1) / counts[..., unlabeled].sum(axis=-1)
        mean = (good * y).sum(axis=-1) / n_good
        deviation = np.sqrt((good * np.square(y - mean[..., None])).sum(axis=-1) / n_good)
        deviation = np.maximum(deviation, 1e-4)
        odd_mean = np.maximum((odd * y).sum(axis=-1) / n_odd, mean + gap * deviation)
        odd_deviation = np.sqrt((odd * np.square(y - odd_mean[..., None])).sum(axis=-1) / n_odd)
        # A Gaussian that narrows on a few scores has no bound on its likelihood.
        odd_deviation = np.maximum(odd_deviation, 0.3 * deviation)
        mixture = _Mixture(
            np.clip(ratio, 1e-6, MAX_RATIO), (mean, odd_mean), (deviation, odd_deviation)
        )
    return mixture


def _log_densities(y: Float, mixture: _Mixture) -> tuple[Float, Float]:
    """Return ratio times density of good and odd, in logarithms, (b, s, p) each."""
    parts = []
    for share, mean, deviation in zip(
        (1 - mixture.ratio, mixture.ratio), mixture.means, mixture.deviations, strict=True
    ):
        z = (y - mean[..., None]) / deviation[..., None]
        parts.append((np.log(share) - np.log(deviation))[..., None] - 0.5 * np.square(z))
    return parts[0], parts[1]


def _log_likelihood(y: Float, pool: _Pool, mixture: _Mixture) -> Float:
    """Return that of the mixture, (b, s), up to what all scales share."""
    lower, upper = _log_densities(y, mixture)
    lower_only = lower - np.log(1 - mixture.ratio)[..., None]
    upper_only = upper - np.log(mixture.ratio)[..., None]
    known = np.where(pool.confirmed == 1, upper_only, lower_only)
    each = np.where(np.isnan(pool.confirmed), np.logaddexp(lower, upper), known)
    # Minus y: densities are compared in units of the scores, not of each scale.
    found: Float = (pool.counts[:, None] * (each - y)).sum(axis=-1)
    return found


def _is_two_kinds(y: Float, pool: _Pool, mixture: _Mixture) -> bool:
    """Return whether two kinds explain the scores better than one does on the scale that suits it best."""
    counts = pool.counts[:, None]
    n = counts.sum(axis=-1)
    mean = (counts * y).sum(axis=-1) / n
    variance = (counts * np.square(y - mean[..., None])).sum(axis=-1) / n
    one = -0.5 * n * (np.log(np.maximum(variance, 1e-12)) + 1) - (counts * y).sum(axis=-1)
    return bool(_log_likelihood(y, pool, mixture).max() - one.max() > _MIN_GAIN)


def _scale_weights(y: Float, pool: _Pool, mixture: _Mixture) -> Float:
    """Return the weights of the scales, by tempered likelihood; (b, s), rows sum to 1."""
    found = _log_likelihood(y, pool, mixture) / _TEMPERATURE
    weights = np.exp(found - found.max(axis=1, keepdims=True))
    normalized: Float = weights / weights.sum(axis=1, keepdims=True)
    return normalized


def _interval(ratios: Float, weights: Float) -> tuple[float, float]:
    """Return the central interval of all resamples on all scales."""
    order = np.argsort(ratios, axis=None)
    cumulated = np.cumsum(weights.ravel()[order])
    levels = np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) * cumulated[-1]
    lower, upper = ratios.ravel()[order[np.searchsorted(cumulated, levels)]]
    return float(lower), float(upper)
