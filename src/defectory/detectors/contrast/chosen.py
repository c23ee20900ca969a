"""Some images of a source. Imports no torch."""

from collections.abc import Sequence

from defectory.domain import ImageSource
from defectory.domain.images import Image


class ChosenImages:
    """Some images of a source, numbered anew, behind the ImageSource protocol."""

    def __init__(self, images: ImageSource, chosen: Sequence[int]) -> None:
        self._images, self._chosen = images, [int(i) for i in chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices` among the chosen."""
        return self._images.read([self._chosen[i] for i in indices])

    def fingerprint(self, index: int) -> str:
        """Return the image's own fingerprint."""
        return self._images.fingerprint(self._chosen[index])
