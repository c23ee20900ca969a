"""Files that are written whole or not at all."""

from defectory.storage.whole_files import PART_SUFFIX, whole_file, write_whole

__all__ = ["PART_SUFFIX", "whole_file", "write_whole"]
