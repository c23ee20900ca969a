"""A bundle and what it is to judge, given in the wrong order."""

from collections.abc import Iterable
from pathlib import Path

from defectory.artifacts import BUNDLE_FILE
from defectory.domain import ParameterError


def refuse_swapped(bundle: Path, others: Iterable[Path]) -> None:
    """Raise ParameterError where not the first but another of these is a bundle."""
    if _is_bundle(bundle):
        return
    for other in others:
        if _is_bundle(other):
            raise ParameterError(f"{bundle} is no bundle, but {other} is: BUNDLE comes first")


def _is_bundle(path: Path) -> bool:
    try:
        return path.is_file() and BUNDLE_FILE.is_ours(path)
    except (OSError, ValueError):
        return False
