"""What a fit of `auto` will take, measured on a few images before it begins.

Reading is measured on images, comparing on a model of the size that will be learned, of made-up numbers: how
long it takes does not depend on them. The rest is counted in comparisons.
"""

import time
from dataclasses import dataclass

import numpy as np

from defectory.backbones import Backbone, Features, View
from defectory.detectors.base import FitCost
from defectory.detectors.evidence.measurements import Samples
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.gaussian_field import GaussianField
from defectory.domain import ImageSource
from defectory.machine import one_thread_a_product
from defectory.memory import NeighborIndex

# An image is learned and left out, and read from the cache for it, in comparisons.
_A_FIT = 2.5
# Left out by folds, it is learned four times more and measured once.
_FOLDS = 5.0
# Of classifiers that labeled defects teach, and of what begins and ends a fit.
_TEACHING_S, _FIXED_S = 4.0, 1.0
N_TIMED = 8
"""Images that are timed."""


@dataclass(frozen=True)
class PlannedFit:
    """What there is to do.

    Attributes
    ----------
    n_images : that are learned from
    is_by_folds : they are left out by folds
    is_taught : there are labeled defects
    may_refit : odd images may give reason to fit normality again
    """

    n_images: int
    is_by_folds: bool
    is_taught: bool
    may_refit: bool


def measure_cost(
    backbone: Backbone, view: View, few: ImageSource, normality: Normality, plan: PlannedFit
) -> FitCost:
    """Return what a fit and scoring will take.

    Parameters
    ----------
    backbone : without a cache
    view : how images are read
    few : some of the images
    normality : not fitted; made-up numbers are put into it
    plan : what there is to do
    """
    next(iter(backbone.extract(few, view, [0])))  # the first is slow
    started = time.perf_counter()
    features = list(backbone.extract(few, view))
    reading_s = (time.perf_counter() - started) / len(few)
    with one_thread_a_product:
        comparing_s = _time_comparing(normality, features)
    passes_s = plan.n_images * comparing_s * (_A_FIT + plan.is_by_folds * _FOLDS)
    return FitCost(
        fit_s=plan.n_images * reading_s + passes_s + _FIXED_S + plan.is_taught * _TEACHING_S,
        refit_s=plan.may_refit * passes_s,
        images_a_second=1 / (reading_s + comparing_s),
    )


def _time_comparing(normality: Normality, features: list[Features]) -> float:
    """Return the seconds that one image takes to be compared with what is normal."""
    _make_up(normality, normality.sample(features))
    started = time.perf_counter()
    samples = normality.sample(features)
    normality.measure(samples)
    normality.describe(samples)
    return (time.perf_counter() - started) / len(features)


def _make_up(normality: Normality, samples: Samples) -> None:
    """Give the model parts of the size that they will have."""
    rng = np.random.default_rng(0)
    p, _, width = samples.places.shape
    d = min(normality.speed.n_place_dims, width)
    normality.directions_ = rng.normal(size=(width, d)).astype(np.float32)
    normality.variances_ = np.ones(d, np.float32)
    normality.places_ = _made_up_field(p, d)
    normality.image_ = _made_up_field(1, samples.image.shape[1])
    bank = normality.bank_ = normality.make_bank()
    n_features = samples.patches[0].shape[2]
    n_dims = min(bank.n_dims, n_features)
    bank.mean_ = np.zeros(n_features, np.float32)
    bank.projection_ = rng.normal(size=(n_features, n_dims)).astype(np.float32)
    bank.index_ = NeighborIndex(rng.normal(size=(bank.n_bank, n_dims + 2)).astype(np.float32))


def _made_up_field(p: int, d: int) -> GaussianField:
    return GaussianField(np.zeros((p, d), np.float32), np.ones((p, d, d), np.float32), 2, 0.5)
