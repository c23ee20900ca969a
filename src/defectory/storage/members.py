"""One file of a finished folder of ours, replaced so that the folder stays ours."""

from dataclasses import replace
from pathlib import Path

from defectory.storage.markers import read_content, read_marker, write_marker
from defectory.storage.renames import sync_file


def replace_member(folder: Path, name: str, content: bytes) -> None:
    """Write a file into a folder that a command of ours has written, whole or not at all.

    Whatever kills the process, the folder may be replaced by a later run as before.

    Parameters
    ----------
    folder : that has our marker; without one the file is written all the same
    name : of the file, directly in the folder

    Raises
    ------
    OSError : as it comes; what was there stays.
    """
    part = f"{name}.part"
    marker = read_marker(folder)
    if marker is not None:
        write_marker(folder, replace(marker, files={**marker.files, name: None, part: None}))
    (folder / part).write_bytes(content)
    sync_file(folder / part)
    (folder / part).replace(folder / name)
    if marker is not None:
        written = read_content(folder / name)
        write_marker(folder, replace(marker, files={**marker.files, name: written}))
