"""Disk -> domain: folder layouts, manifests, image files; the data doctor in `inspection`."""

from typing import TYPE_CHECKING

from defectory.lazy_names import lazy_names
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.images import FileImages, read_image
from defectory.sources.layouts import read_dataset, read_images

if TYPE_CHECKING:
    from defectory.sources.mask_files import FileMasks, read_mask
    from defectory.sources.source_dataset import MixedMasks, SourceDataset
    from defectory.sources.vocabulary import Vocabulary

__all__ = [
    "Dataset",
    "FileImages",
    "FileMasks",
    "MixedMasks",
    "Sample",
    "SourceDataset",
    "Vocabulary",
    "read_dataset",
    "read_image",
    "read_images",
    "read_mask",
]

# scoring image files asks for no masks, no words for good and bad, and no images that are no files
__getattr__ = lazy_names(
    __name__,
    {
        "defectory.sources.mask_files": ("FileMasks", "read_mask"),
        "defectory.sources.source_dataset": ("MixedMasks", "SourceDataset"),
        "defectory.sources.vocabulary": ("Vocabulary",),
    },
)
