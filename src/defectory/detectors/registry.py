"""Which detectors there are. A class is imported when it is asked for: scoring needs only its own."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from defectory.domain.errors import ParameterError

if TYPE_CHECKING:
    from defectory.detectors.base import Detector

DETECTORS: Mapping[str, str] = {
    "auto": "defectory.detectors.auto:Auto",
    "gaussian": "defectory.detectors.gaussian:Gaussian",
    "patch-memory": "defectory.detectors.patch_memory:PatchMemory",
    "memseg": "defectory.detectors.memseg:MemSeg",
    "mapl": "defectory.detectors.mapl:Mapl",
    "mcod": "defectory.detectors.mcod:Mcod",
}
"""Name -> module and class; the names are the command line's."""

DEFAULT_DETECTOR = "auto"


def detector_names() -> tuple[str, ...]:
    """Return the names of all detectors, in the order in which they are shown."""
    return tuple(DETECTORS)


def find_detector(name: str) -> "type[Detector]":
    """Return the class of the named detector, importing its module and no other's.

    Raises
    ------
    ParameterError : no detector has that name.
    """
    if name not in DETECTORS:
        raise ParameterError(
            f"no detector is named {name!r}; there are {', '.join(detector_names())}"
        )
    module, _, attribute = DETECTORS[name].partition(":")
    found: type[Detector] = getattr(importlib.import_module(module), attribute)
    return found
