"""One command in a fresh process: wall time and peak memory. Standard library only, see p4."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024
_LAUNCH = ["-c", "from defectory.cli.main import main; main()"]


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes
    ----------
    wall_s : from its start to its end
    peak_mb : highest resident memory, in 10^6 bytes
    """

    wall_s: float
    peak_mb: float


def run_cold(
    arguments: Sequence[str],
    cache: Path | None = None,
    *,
    python: Path | None = None,
    program: Sequence[str] | None = None,
) -> Cost:
    """Return the cost of `defectory ARGUMENTS`; RuntimeError with its last words if it fails.

    Parameters
    ----------
    arguments : of the command
    cache : cache folder (XDG_CACHE_HOME); None gives an empty one that is removed
    python : interpreter of another environment
    program : interpreter arguments that take the place of the command line's entry point
    """
    if cache is None:
        with tempfile.TemporaryDirectory() as name:
            return run_cold(arguments, Path(name), python=python, program=program)
    interpreter = str(python or sys.executable)
    command = [interpreter, *(_LAUNCH if program is None else program), *arguments]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=cache.parent
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"defectory {' '.join(arguments)}: {output.read()[-800:]}")
    return Cost(wall_s, usage.ru_maxrss * _BYTES_OF_MAXRSS / 1e6)
