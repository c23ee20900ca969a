"""Disk -> domain: folder layouts, manifests, image files, and the data doctor."""

from defectory.sources.costs import ReadingCosts, reading_costs
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.findings import Finding
from defectory.sources.images import FileImages, read_image
from defectory.sources.inspection import Inspection, inspect_dataset
from defectory.sources.inspection_text import format_text
from defectory.sources.layouts import read_dataset, read_images
from defectory.sources.manifest_writing import write_manifest
from defectory.sources.manifests import check_spreadsheet, is_manifest_name
from defectory.sources.mask_files import FileMasks, read_mask
from defectory.sources.training_part import training_part
from defectory.sources.vocabulary import Vocabulary

__all__ = [
    "Dataset",
    "FileImages",
    "FileMasks",
    "Finding",
    "Inspection",
    "ReadingCosts",
    "Sample",
    "Vocabulary",
    "check_spreadsheet",
    "format_text",
    "inspect_dataset",
    "is_manifest_name",
    "read_dataset",
    "read_image",
    "read_images",
    "read_mask",
    "reading_costs",
    "training_part",
    "write_manifest",
]
