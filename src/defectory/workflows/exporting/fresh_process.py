"""A certificate from a process of its own: nothing that made the export is there to help it."""

import os
import subprocess
import sys
from pathlib import Path

import defectory
from defectory.artifacts.exported import Certificate, as_json, read_certificate
from defectory.domain import DefectoryError, ExportError

_REFUSED = 3
_LONGEST_S = 1800


def certify_afresh(folder: Path) -> Certificate:
    """Return what `certify` finds of a folder, in a new Python process.

    Raises
    ------
    ExportError : the folder cannot be certified, or the process failed.
    """
    home = str(Path(defectory.__file__).parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            # -P: what lies in the working directory is not to be imported
            [sys.executable, "-P", "-m", __name__, str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(
            f"the probes could not be scored in a process of their own ({error})"
        ) from error
    if done.returncode == 0:
        return read_certificate(done.stdout)
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
    if done.returncode == _REFUSED:
        raise ExportError(said[-1])
    raise ExportError(
        f"the runtime ended with status {done.returncode} on the exported graph ({said[-1][:200]})"
    )


def main(folder: Path) -> int:
    """Print the certificate of a folder; the status says whether there is one."""
    from defectory.workflows.exporting.certify import certify

    try:
        certificate = certify(folder)
    except DefectoryError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return _REFUSED
    sys.stdout.buffer.write(as_json(certificate))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
