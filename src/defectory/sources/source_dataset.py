"""Images that are no files (arrays, any ImageSource) as a data set, so that all workflows take them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defectory.domain import ImageSource, MaskSource
from defectory.domain.images import ChosenImages, Mask
from defectory.sources.dataset import Dataset
from defectory.sources.mask_files import check_mask_size, read_mask


@dataclass(frozen=True)
class SourceDataset(Dataset):
    """Images of any source. The paths of its samples are names for a person, not files to open.

    Attributes
    ----------
    source, mask_source : the images and masks
    places : name of a sample -> its place in both
    """

    source: ImageSource = field(kw_only=True, repr=False)
    mask_source: MaskSource = field(kw_only=True, repr=False)
    places: Mapping[str, int] = field(kw_only=True, repr=False)

    def images(self, *, max_kept_bytes: int = 0) -> ImageSource:
        """Return the images, to be read when asked for; the source keeps what it keeps."""
        del max_kept_bytes
        return ChosenImages(self.source, self._chosen)

    def masks(self, *, max_kept_bytes: int = 0) -> MaskSource:
        """Return the masks, to be read when asked for; the source keeps what it keeps."""
        del max_kept_bytes
        return ChosenMasks(self.mask_source, self._chosen)

    def fingerprint(self) -> str:
        """Return a SHA-256 over names, labels, splits and the content of images and masks."""
        digest = hashlib.sha256()
        masks = self.masks()
        for i, (sample, place) in enumerate(zip(self.samples, self._chosen, strict=True)):
            known = (sample.name, int(sample.label), sample.split, self.source.fingerprint(place))
            digest.update(repr(known).encode("utf-8", "surrogateescape"))
            mask = masks.read(i)
            digest.update(b"no mask" if mask is None else mask.tobytes())
        return digest.hexdigest()

    @property
    def _chosen(self) -> list[int]:
        return [self.places[sample.name] for sample in self.samples]


class ChosenMasks:
    """Some masks of a source, numbered anew, behind the MaskSource protocol."""

    def __init__(self, masks: MaskSource, chosen: Sequence[int]) -> None:
        self._masks, self._chosen = masks, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, index: int) -> Mask | None:
        """Return the mask at `index` among the chosen."""
        return self._masks.read(self._chosen[index])


class MixedMasks:
    """Masks as arrays and files, behind the MaskSource protocol.

    Parameters
    ----------
    masks : (h, w) bool, the path of a file, or None where there is none
    images : that they belong to
    """

    def __init__(self, masks: Sequence[Mask | Path | None], images: ImageSource) -> None:
        self._masks, self._images = masks, images

    def __len__(self) -> int:
        return len(self._masks)

    def read(self, index: int) -> Mask | None:
        """Return (h, w) bool of the size of its image, or None where there is no mask.

        Raises
        ------
        MaskError : the mask cannot be read or has another size than its image.
        """
        given = self._masks[index]
        if given is None:
            return None
        mask, name = (
            (read_mask(given), given)
            if isinstance(given, Path)
            else (given, Path(f"masks[{index}]"))
        )
        size = self._images.read([index])[0].shape[:2]
        check_mask_size(mask, name, size, Path(f"images[{index}]"))
        return mask
