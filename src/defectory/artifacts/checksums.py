"""SHA256SUMS: what the files of an exported folder hold, as `sha256sum -c` reads it."""

import hashlib
import re
from pathlib import Path

from defectory.artifacts.exported import CERTIFICATE, DECISION, MAPS, PROBES, SUMS
from defectory.domain import ExportError

_MAX_BYTES = 2**20
_SUM_LINE = re.compile(r"([0-9a-f]{64})  ([\w.-]+(?:/[\w.-]+)?)")


def write_sums(folder: Path) -> None:
    """List the checksums of all files that are there, but for the certificate."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    lines = [
        f"{_sha256(path)}  {name}\n"
        for path, name in zip(files, names, strict=True)
        if name not in (SUMS, CERTIFICATE) and not name.startswith(".")
    ]
    (folder / SUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def check_sums(folder: Path) -> None:
    """Refuse a folder of which a file is missing or not as it was written.

    Raises
    ------
    ExportError : says which file; or there is no such folder.
    """
    listed = _read_sums(folder)
    for name, digest in listed.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ExportError(f"{path}: it is missing: export the bundle again")
        if _sha256(path) != digest:
            raise ExportError(f"{path}: it is damaged, its checksum is another: export again")
    missing = {DECISION, PROBES, MAPS} - listed.keys()
    if missing:
        raise ExportError(f"{folder / SUMS}: it does not list {', '.join(sorted(missing))}")


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        with (folder / SUMS).open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("ascii").splitlines()
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{folder}: this is no folder that `defectory export` wrote, or {SUMS} is damaged"
        ) from error
    found = [_SUM_LINE.fullmatch(line) for line in lines]
    if not found or None in found:
        raise ExportError(f"{folder / SUMS}: it is damaged: export the bundle again")
    return {match[2]: match[1] for match in found if match}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror or error}") from error
