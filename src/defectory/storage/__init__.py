"""Outputs whole or not at all: checked before work starts, written under temporary names, placed at once."""

from defectory.storage.checks import check_outputs
from defectory.storage.markers import MARKER_NAME
from defectory.storage.names import folded_name, readable_name, safe_names
from defectory.storage.outputs import FileKind, Output, OutputFile, OutputFolder
from defectory.storage.resuming import GrowingFolder, resumable_folder
from defectory.storage.transactions import write_file, write_outputs

__all__ = [
    "MARKER_NAME",
    "FileKind",
    "GrowingFolder",
    "Output",
    "OutputFile",
    "OutputFolder",
    "check_outputs",
    "folded_name",
    "readable_name",
    "resumable_folder",
    "safe_names",
    "write_file",
    "write_outputs",
]
