"""What writers of label formats are given of an image."""

from dataclasses import dataclass, field
from pathlib import Path

from defectory.domain import Label
from defectory.domain.images import Mask

GOOD, DEFECTIVE = "good", "defective"
"""Words that we write on images, and read again."""


@dataclass(frozen=True, eq=False)
class ExportedImage:
    """One image of a data set, with its mask.

    Attributes
    ----------
    path : the file
    name : below the data set's folder, with forward slashes
    size : (height, width)
    label : what is known of it
    defect_type : or None
    mask : (h, w) bool that marks at least one pixel, or None
    """

    path: Path
    name: str
    size: tuple[int, int]
    label: Label
    defect_type: str | None
    mask: Mask | None = field(repr=False)

    @property
    def verdict(self) -> str | None:
        """Word on the whole image: the type of the defect where there is one; None where unlabeled."""
        words = {Label.NORMAL: GOOD, Label.ANOMALOUS: self.category}
        return words.get(self.label)

    @property
    def category(self) -> str:
        """Word on the marked pixels."""
        return self.defect_type or DEFECTIVE
