"""Normals that Gaussians were fitted on, scored by models without them: fits and updates calibrate by it."""

from collections.abc import Callable, Mapping

import numpy as np

from defectory.detectors.gaussian_field import Float
from defectory.detectors.gaussian_normality import GaussianNormality, Measurements
from defectory.detectors.grouping import (
    MOST_TOGETHER,
    Groups,
    Indices,
    Read,
    deal_groups,
    largest_group,
    whole_groups,
)
from defectory.detectors.moments import Moments

# Of groups, where one is too large to be left out in closed form.
_N_FOLDS = 5


def calibrate_normality(
    normality: GaussianNormality, make: Callable[[], GaussianNormality], read: Read,
    normals: Indices, held_out: Indices, groups: Groups,
) -> tuple[Float, Float]:  # fmt: skip
    """Standardize a model by what it was fitted on, left out; return scores and maps of the held-out images.

    In closed form, or, where a group is large, by models fitted on the other folds.

    Parameters
    ----------
    normality : fitted on `normals`
    make : returns a model that is not fitted
    read : gives features of images, in batches
    normals, held_out, groups : see `TwoPassDetector`
    """
    if largest_group(groups[normals]) <= MOST_TOGETHER:
        batches = whole_groups(
            read(held_out, "scoring normals left out"), groups[held_out].tolist()
        )
        parts = [normality.measure_left_out(normality.sample(b), own) for b, own in batches]
        return normality.calibrate(Measurements.join(parts))
    folds = deal_groups(groups[normals], np.unique(groups[normals]).tolist(), _N_FOLDS)
    fold_of = dict(zip(normals.tolist(), folds.tolist(), strict=True))
    tested = np.array([fold_of[i] for i in held_out.tolist()])
    order, parts = [], []
    for fold in np.unique(tested).tolist():
        model = make().learn(read(normals[folds != fold], "learning without a fold"))
        model.round()
        rows = np.flatnonzero(tested == fold)
        order.append(rows)
        for batch in read(held_out[rows], "scoring the fold left out"):
            parts.append(model.measure(model.sample(batch)))
    return normality.calibrate(Measurements.join(parts).take(np.argsort(np.concatenate(order))))


def score_left_out(
    normality: GaussianNormality,
    before: GaussianNormality,
    read: Read,
    rows: Indices,
    groups: Groups,
) -> tuple[Float, Float]:
    """Take the scales of the model before, which knows none of these images; return scores and maps.

    Each image's by the model without its group, or by the one before where a group is large.
    """
    parts = []
    is_large = largest_group(groups[rows]) > MOST_TOGETHER
    batches = whole_groups(read(rows, "scoring new images left out"), groups[rows].tolist())
    for batch, own in batches:
        samples = normality.sample(batch)
        parts.append(
            before.measure(samples) if is_large else normality.measure_left_out(samples, own)
        )
    normality.keep_scales(before)
    measured = Measurements.join(parts)
    return normality.image_scores(measured), normality.map_cells(measured)


def rescale(
    normality: GaussianNormality, measured: Measurements, moments: Mapping[str, Moments]
) -> Measurements:
    """Return what a part's own model measured of its images as a merged model would have, in the mean.

    The mean square of each cell's distances is known under the merged model from the part's moments; the
    shape of their distribution is taken from the part.

    Parameters
    ----------
    normality : the merged model
    measured : of some of the part's images, left out of its own model
    moments : of all images of the part, which the merged model was fitted on with others
    """
    apart = moments["cells"].means - normality.cells_.means
    spread = np.square(normality.channel_spread_.astype(np.float64))
    variances = np.einsum("pdd->pd", moments["cells"].covariances) + np.square(apart)
    known = {
        "cells": normality.cells_.mean_squares(moments["cells"]),
        "means": (variances / spread).sum(axis=1),
        "lines": normality.lines_.mean_squares(moments["lines"]),
        "image": normality.image_.mean_squares(moments["image"])[0],
    }
    parts = {}
    for name, expected in known.items():
        values = getattr(measured, name)
        squares = np.square(values.astype(np.float64)).mean(
            axis=None if name == "image" else (1, 2)
        )
        factors = np.sqrt(expected / np.maximum(squares, 1e-12)).astype(np.float32)
        parts[name] = values * (factors if name == "image" else factors[:, None, None])
    return Measurements(**parts)
