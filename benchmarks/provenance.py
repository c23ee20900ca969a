"""What must stand beside a figure so that it can be made again. Never a path or a host name."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
# Made by benchmarks: no code that a figure could come from.
_MADE = ("benchmarks/results", "docs")
_DIRTY = "-dirty"
_PACKAGES = (
    "defectory",
    "numpy",
    "onnxruntime",
    "openvino",
    "pillow",
    "scikit-learn",
    "torch",
    "elpv-dataset",
)


def provenance(*, data: str, weights: str, command: str) -> dict[str, Any]:
    """Return what `result_files.SCHEMA` asks for beside protocol and seed, JSON-ready.

    Parameters
    ----------
    data : fingerprint of the data set
    weights : id of the weight card
    command : what makes the figure, from the root of the repository
    """
    return {
        "command": command,
        "data_fingerprint": data[:16],
        "weight_card": weights,
        "commit": commit(),
        "is_dirty": is_dirty(),
        "versions": {"python": platform.python_version()} | _versions(),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": {"cores": n_cores(), "cpu": cpu_model()},
    }


def commit() -> str:
    """Return the commit of the checkout; a copy without its history is told by DEFECTORY_COMMIT."""
    return _stated().removesuffix(_DIRTY) or _git("describe", "--always") or "unknown"


def is_dirty() -> bool:
    """Return whether code differs from the commit, or nothing tells which it is.

    Results may differ: a run that adds rows as it goes changes them itself.
    """
    if stated := _stated():
        return stated.endswith(_DIRTY)
    changed = _git("status", "--porcelain", "--", ".", *(f":(exclude){path}" for path in _MADE))
    return bool(changed) or commit() == "unknown"


def _stated() -> str:
    return os.environ.get("DEFECTORY_COMMIT", "")


def _git(*arguments: str) -> str:
    """Return what git prints, nothing where it fails."""
    found = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def n_cores() -> int:
    """Return the cores this process may use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
