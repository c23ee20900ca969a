"""Which images a report shows, and the words around them."""

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.reports.content import Gallery, GalleryItem

Indices = NDArray[np.intp]


def pick_highest(scores: NDArray[np.floating]) -> Indices:
    """Return all indices, highest score first; ties keep their order.

    Parameters
    ----------
    scores : (n,) float

    Returns
    -------
    (n,) int
    """
    return np.argsort(-scores, kind="stable")


def pick_misses(
    scores: NDArray[np.floating], labels: NDArray[np.integer], rejected: NDArray[np.bool_]
) -> Indices:
    """Return the anomalous images that were accepted, lowest score first.

    Parameters
    ----------
    scores : (n,) float
    labels : (n,) int, codes of `Label`
    rejected : (n,) bool, the decisions

    Returns
    -------
    (m,) int
    """
    order = np.argsort(scores, kind="stable")
    misses: Indices = order[((labels == Label.ANOMALOUS) & ~rejected)[order]]
    return misses


def pick_false_alarms(
    scores: NDArray[np.floating], labels: NDArray[np.integer], rejected: NDArray[np.bool_]
) -> Indices:
    """Return the normal images that were rejected, highest score first.

    Parameters
    ----------
    scores : (n,) float
    labels : (n,) int, codes of `Label`
    rejected : (n,) bool, the decisions

    Returns
    -------
    (m,) int
    """
    order = pick_highest(scores)
    alarms: Indices = order[((labels == Label.NORMAL) & rejected)[order]]
    return alarms


def highest_gallery(items: tuple[GalleryItem, ...], n_images: int) -> Gallery:
    """Return the gallery of the highest scores.

    Parameters
    ----------
    items : highest first
    n_images : how many images were scored
    """
    return Gallery(
        key="highest",
        title="Highest scored",
        explanation="The parts the detector finds strangest, strangest first.",
        items=items,
        n_total=n_images,
        empty_text="No image was scored.",
    )


def misses_gallery(items: tuple[GalleryItem, ...], n_misses: int, n_anomalous: int) -> Gallery:
    """Return the gallery of missed defects.

    Parameters
    ----------
    items : lowest score first
    n_misses : how many were missed, shown or not
    n_anomalous : how many parts are labeled defective; none missed of none is no merit
    """
    return Gallery(
        key="misses",
        title="Worst misses",
        explanation="Defective parts that stayed below the threshold, lowest score first.",
        items=items,
        n_total=n_misses,
        empty_text="No defective part was missed."
        if n_anomalous
        else "No part is labeled defective, so none could be missed.",
    )


def false_alarms_gallery(items: tuple[GalleryItem, ...], n_alarms: int, n_normal: int) -> Gallery:
    """Return the gallery of good parts that were rejected.

    Parameters
    ----------
    items : highest score first
    n_alarms : how many there are, shown or not
    n_normal : how many parts are labeled good
    """
    return Gallery(
        key="false-alarms",
        title="Worst false alarms",
        explanation="Good parts that were rejected, highest score first.",
        items=items,
        n_total=n_alarms,
        empty_text="No good part was rejected."
        if n_normal
        else "No part is labeled good, so none could be rejected wrongly.",
    )
