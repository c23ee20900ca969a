"""Labels and masks of other tools: COCO, LabelMe, CVAT and Label Studio, in and out."""

from defectory.sources.label_formats.coco import write_coco
from defectory.sources.label_formats.cvat import write_cvat
from defectory.sources.label_formats.exported import ExportedImage
from defectory.sources.label_formats.label_studio import write_label_studio
from defectory.sources.label_formats.labelme import write_labelme
from defectory.sources.label_formats.matching import Matches, match_names
from defectory.sources.label_formats.meanings import LabeledImage, Meanings
from defectory.sources.label_formats.reading import FORMATS, read_labels

__all__ = [
    "FORMATS",
    "ExportedImage",
    "LabeledImage",
    "Matches",
    "Meanings",
    "match_names",
    "read_labels",
    "write_coco",
    "write_cvat",
    "write_label_studio",
    "write_labelme",
]
