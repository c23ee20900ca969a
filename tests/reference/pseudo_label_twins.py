"""Partial matching, Otsu and Mahalanobis distances by trying everything, one at a time."""

import numpy as np
from scipy.stats import wasserstein_distance


def slow_upper_distances(labeled, unlabeled):
    """Return {lowest score of an upper part: W1 between the labeled scores and that part}."""
    unlabeled = np.asarray(unlabeled, float)
    return {
        lowest: wasserstein_distance(labeled, unlabeled[unlabeled >= lowest])
        for lowest in np.unique(unlabeled)
    }


def slow_otsu_variance(scores, threshold):
    """Return the variance within the two groups that a threshold makes, weighted by their sizes."""
    groups = scores[scores > threshold], scores[scores <= threshold]
    return sum(len(group) * group.var() for group in groups if len(group)) / len(scores)


def slow_mahalanobis(rows, sample, shrinkage, target=None):
    """Return the distance from the shrunk Gaussian of the rows, by inverting its covariance."""
    covariance = np.atleast_2d(np.cov(rows, rowvar=False, bias=True))
    d = len(covariance)
    if target is None:
        target = np.trace(covariance) / d
    shrunk = (1 - shrinkage) * covariance + shrinkage * target * np.eye(d)
    deviation = sample - rows.mean(axis=0)
    return np.sqrt(deviation @ np.linalg.inv(shrunk) @ deviation)
