"""What a report says of the training images that the fit distrusted."""

from dataclasses import dataclass

from defectory.domain.images import Image


@dataclass(frozen=True, eq=False)
class SuspectItem:
    """One training image that has less say in what is normal than the others.

    Attributes
    ----------
    name : as in the data set
    score : raw image score, by what was learned without it
    weight : [0, 1], what is left of its say
    reason : a plain sentence
    image : (h, w, 3) uint8, or None where the file cannot be read any more
    """

    name: str
    score: float
    weight: float
    reason: str
    image: Image | None = None


@dataclass(frozen=True, eq=False)
class SuspectContent:
    """The distrusted images of a fit.

    Attributes
    ----------
    items : oddest first; pictures are shown where there are any, the others are listed
    n_total : how many there are in all, in the report or not
    """

    items: tuple[SuspectItem, ...]
    n_total: int
