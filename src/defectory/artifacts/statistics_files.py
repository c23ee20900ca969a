"""Statistics of a pass over images, as one file: what a part of a fit, or a plant, gives away.

A safetensors file: named arrays, and in its header, as JSON, what they are of. It holds no picture, no path
and no name of an image.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors
import safetensors.numpy

from defectory.detectors.statistics import FitStatistics
from defectory.domain import DataError, ParameterError
from defectory.storage import FileKind
from defectory.storage.kinds import GENERATOR

_FACTS = "defectory"


class StatisticsFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What statistics are of.

    Attributes
    ----------
    detector, config : name and settings
    data : SHA-256 of names, labels and groups in the whole collection; empty where that is nobody's business
    part, n_parts : which part of it
    n_images, n_confirmed : that were passed over, and how many of them a person called good
    generator : version that wrote them
    """

    detector: str
    config: dict[str, Any]
    data: str = ""
    part: int = 0
    n_parts: int = 1
    n_images: int = 0
    n_confirmed: int = 0
    generator: str = GENERATOR


def write_statistics(path: Path, statistics: FitStatistics, facts: StatisticsFacts) -> None:
    """Write the file; OSError as it comes."""
    arrays = {key: np.ascontiguousarray(value) for key, value in statistics.arrays().items()}
    header = {_FACTS: msgspec.json.encode(facts, order="deterministic").decode()}
    path.write_bytes(safetensors.numpy.save(arrays, metadata=header))


def read_facts(path: Path) -> StatisticsFacts:
    """Return what the statistics in a file are of; the arrays are not read.

    Raises
    ------
    DataError : there is no such file, or it is no file of statistics.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(_FACTS, "")
        return msgspec.json.decode(header, type=StatisticsFacts)
    except (OSError, safetensors.SafetensorError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_ours(path, error) from error


def read_statistics(path: Path) -> tuple[StatisticsFacts, FitStatistics]:
    """Return what is in a file.

    Raises
    ------
    DataError : there is no such file, it is no file of statistics, or it is damaged.
    """
    facts = read_facts(path)
    try:
        arrays = safetensors.numpy.load_file(path)
        if not all(np.isfinite(value).all() for value in arrays.values()):
            raise ParameterError("it holds nan or infinity")
        return facts, FitStatistics.from_arrays(arrays)
    except (OSError, safetensors.SafetensorError, ParameterError) as error:
        raise _not_ours(path, error) from error


def _is_ours(path: Path) -> bool:
    try:
        read_facts(path)
    except DataError:
        return False
    return True


STATISTICS_FILE = FileKind("a file of statistics", _is_ours)
"""What `write_statistics` writes, and may replace."""


def _not_ours(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"no such file: {path}")
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path} holds no statistics that defectory fit wrote: {reason}")
