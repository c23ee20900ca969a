"""Disk -> domain: folder layouts, manifests, image files, and the data doctor."""

from defectory.sources.dataset import Dataset, Sample
from defectory.sources.findings import Finding
from defectory.sources.images import FileImages, FileMasks, read_image, read_mask
from defectory.sources.inspection import Inspection, inspect_dataset
from defectory.sources.inspection_text import format_text
from defectory.sources.layouts import read_dataset
from defectory.sources.manifests import write_manifest

__all__ = [
    "Dataset",
    "FileImages",
    "FileMasks",
    "Finding",
    "Inspection",
    "Sample",
    "format_text",
    "inspect_dataset",
    "read_dataset",
    "read_image",
    "read_mask",
    "write_manifest",
]
