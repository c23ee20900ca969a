"""What must stand beside a figure so that it can be made again. Never a path or a host name."""

import datetime
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.datasets import ROOT

# Made by benchmarks: no code that a figure could come from.
_MADE = ("benchmarks/results", "docs")
_PACKAGES = ("defectory", "numpy", "onnxruntime", "pillow", "scikit-learn", "torch", "elpv-dataset")


def provenance(*, data: str, weights: str, seeds: Iterable[int], command: str) -> dict[str, Any]:
    """Return JSON-ready facts.

    Parameters
    ----------
    data : fingerprint of the data set
    weights : id of the weight card
    seeds : all seeds used
    command : what makes the figure, from the root of the repository
    """
    return {
        "command": command,
        "seeds": list(seeds),
        "data": data[:16],
        "weights": weights,
        "commit": commit(),
        "versions": {"python": platform.python_version()} | _versions(),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": {"cores": n_cores(), "cpu": cpu_model()},
    }


def commit() -> str:
    """Return the commit of the checkout, "-dirty" where code differs from it.

    A copy without its history is told by DEFECTORY_COMMIT. Results may differ: a run that adds rows as it
    goes changes them itself.
    """
    stated = os.environ.get("DEFECTORY_COMMIT")
    if stated:
        return stated
    found = _git("describe", "--always")
    changed = _git("status", "--porcelain", "--", ".", *(f":(exclude){path}" for path in _MADE))
    return (f"{found}-dirty" if changed else found) or "unknown"


def _git(*arguments: str) -> str:
    """Return what git prints, nothing where it fails."""
    found = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
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
