"""What a page of outliers says, as plain data; nothing here knows of HTML."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.domain.images import Image
from defectory.reports.content import Facts


@dataclass(frozen=True, eq=False)
class NamedPicture:
    """An image and its name in the collection."""

    name: str
    image: Image


@dataclass(frozen=True, eq=False)
class OutlierItem:
    """One image that may not belong.

    Attributes
    ----------
    rank : 1 is the oddest
    score : higher = odder
    group : number of its group of alike outliers
    slot : number of the slot that memory mostly read for it
    """

    rank: int
    picture: NamedPicture
    score: float
    group: int
    slot: int


@dataclass(frozen=True, eq=False)
class OutlierGroup:
    """Outliers that are alike; `pictures` are the most typical of the group, first."""

    number: int
    n_images: int
    pictures: tuple[NamedPicture, ...]


@dataclass(frozen=True, eq=False)
class MemorySlot:
    """One slot of memory: a kind of image that belongs.

    Attributes
    ----------
    ratio : share of all images that mostly read this slot
    pictures : those that belong most surely, first
    """

    number: int
    n_images: int
    ratio: float
    pictures: tuple[NamedPicture, ...]


@dataclass(frozen=True, eq=False)
class OutlierContent:
    """The page of a cleaned collection.

    Attributes
    ----------
    scores, cut : of all images, and the score above which one is listed
    n_images, n_outliers : in the collection, and listed
    explanation : how the number of outliers was found
    items : the oddest, oddest first; not all of them need be shown
    """

    title: str
    verdict: str
    explanation: str
    scores: NDArray[np.floating]
    cut: float
    n_images: int
    n_outliers: int
    items: tuple[OutlierItem, ...]
    groups: tuple[OutlierGroup, ...]
    slots: tuple[MemorySlot, ...]
    facts: Facts
    warnings: tuple[str, ...] = ()
