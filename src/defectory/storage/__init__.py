"""Outputs whole or not at all: checked before work starts, written under temporary names, placed at once."""

from defectory.storage.checks import check_outputs
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, html_page, json_lines, json_object
from defectory.storage.markers import MARKER_NAME
from defectory.storage.names import readable_name, safe_names
from defectory.storage.outputs import FileKind, Output, OutputFile, OutputFolder
from defectory.storage.resuming import GrowingFolder, resumable_folder
from defectory.storage.transactions import write_file, write_outputs
from defectory.storage.whole_files import PART_SUFFIX, whole_file, write_whole

__all__ = [
    "GENERATOR",
    "GENERATOR_KEY",
    "MARKER_NAME",
    "PART_SUFFIX",
    "FileKind",
    "GrowingFolder",
    "Output",
    "OutputFile",
    "OutputFolder",
    "check_outputs",
    "html_page",
    "json_lines",
    "json_object",
    "readable_name",
    "resumable_folder",
    "safe_names",
    "whole_file",
    "write_file",
    "write_outputs",
    "write_whole",
]
