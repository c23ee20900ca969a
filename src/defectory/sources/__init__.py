"""Disk -> domain: folder layouts, manifests, image files; the data doctor in `inspection`."""

from defectory.sources.dataset import Dataset, Sample
from defectory.sources.images import FileImages, read_image
from defectory.sources.layouts import read_dataset, read_images
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
