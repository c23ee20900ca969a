"""Detectors: one file a published method, and the registry."""

from defectory.detectors.auto import Auto
from defectory.detectors.base import Capabilities, Detector
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.mapl import Mapl
from defectory.detectors.mcod import Mcod
from defectory.detectors.memseg import MemSeg
from defectory.detectors.patch_memory import PatchMemory

DETECTORS: dict[str, type[Detector]] = {
    "auto": Auto,
    "gaussian": Gaussian,
    "patch-memory": PatchMemory,
    "memseg": MemSeg,
    "mapl": Mapl,
    "mcod": Mcod,
}
"""Name -> class; the names are the command line's."""

DEFAULT_DETECTOR = "auto"

__all__ = [
    "DEFAULT_DETECTOR",
    "DETECTORS",
    "Auto",
    "Capabilities",
    "Detector",
    "Gaussian",
    "Mapl",
    "Mcod",
    "MemSeg",
    "PatchMemory",
]
