"""Which mask file belongs to which image, by folder and name."""

from collections.abc import Sequence
from pathlib import Path

from defectory.sources.vocabulary import fold

MASK_FOLDERS = ("ground_truth", "masks", "mask", "Masken", "Maske")
"""Names of folders that hold masks; case, spaces, hyphens and underscores do not count."""

_FOLDED = frozenset(map(fold, MASK_FOLDERS))


_Place = tuple[tuple[str, ...], tuple[str, ...], str]
"""Folders above the mask folder, folders below it, name without ending."""


class MaskIndex:
    """Finds masks that lie in a folder `ground_truth` or `masks` beside the images.

    A mask carries its image's name, with or without `_mask`, whatever its extension. Below the mask
    folder it lies either at the top or in folders named as the last folders above the image:
    `test/scratch/01.png` has `ground_truth/scratch/01_mask.png`.

    Parameters
    ----------
    root : the data set's folder
    masks : files under it that lie in a mask folder
    """

    def __init__(self, root: Path, masks: Sequence[Path]) -> None:
        self._unmatched = dict.fromkeys(masks)
        self._by_place: dict[_Place, Path] = {}
        for mask in masks:
            *folders, _ = mask.relative_to(root).parts
            at = next(i for i, name in enumerate(folders) if is_mask_folder(name))
            place = (tuple(folders[:at]), tuple(folders[at + 1 :]))
            self._by_place.setdefault((*place, mask.stem), mask)
        # Windows takes IMG_1 and img_1 for one name; a mask of the very name goes first
        self._by_folded = {_folded(key): mask for key, mask in reversed(self._by_place.items())}

    def find(self, folders: tuple[str, ...], stem: str) -> Path | None:
        """Return the mask of the image `stem` in `folders` (relative to the root), or None."""
        for depth in range(len(folders), -1, -1):  # the nearest mask folder first
            for start in range(depth, len(folders) + 1):  # the longest shared path first
                for name in (f"{stem}_mask", stem):
                    place = (folders[:depth], folders[start:], name)
                    mask = self._by_place.get(place) or self._by_folded.get(_folded(place))
                    if mask is not None:
                        self._unmatched.pop(mask, None)
                        return mask
        return None

    @property
    def unmatched(self) -> tuple[Path, ...]:
        """Masks that `find` has not returned so far."""
        return tuple(self._unmatched)


def is_mask_folder(name: str) -> bool:
    """Return whether a folder of this name holds masks, not images."""
    return fold(name) in _FOLDED


def _folded(place: _Place) -> _Place:
    above, below, name = place
    return tuple(map(str.lower, above)), tuple(map(str.lower, below)), name.lower()
