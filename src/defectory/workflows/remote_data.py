"""Data in stores for work that needs all of it: copied first, then read as any folder or manifest is."""

from pathlib import Path

from defectory.domain import DataError, ManifestError, MissingExtraError, ParameterError, Progress
from defectory.remote import Place, RemotePath, is_address
from defectory.remote.copies import fetch_copies, fetch_copy, mirror
from defectory.sources.files import is_image_name, is_left_alone, is_manifest_name
from defectory.sources.idx import is_idx_name
from defectory.sources.listing import first_names
from defectory.sources.manifests import names_in_manifest

_N_FIRST = 100
"""Rows of a local manifest that are looked at for addresses."""


def bring_here(path: Place, progress: Progress) -> Path:
    """Return where something lies on this machine; what lies in a store is copied, as far as it is not yet.

    Of a manifest in a store, or with addresses in it, all files that it lists are copied; who reads it says
    which are missing. Other local paths come back as they are.

    Raises
    ------
    DataError, ManifestError : it is not there or may not be read; the list does not parse.
    """
    if isinstance(path, Path):
        if lists_addresses(path):
            fetch_copies(_listed(path, path.parent), progress)
        return path
    if not _is_folder(path):
        copy = fetch_copy(path)
        if is_manifest_name(copy):
            fetch_copies(_listed(copy, path.parent), progress)
        return copy
    place, n_left_out = mirror(path, _is_wanted, progress)
    if n_left_out:
        progress.note(f"{n_left_out} other objects of {path} are left where they are")
    return place


def lists_addresses(path: Path) -> bool:
    """Return whether a file is a manifest whose first images are addresses; any other file is not opened."""
    if not is_manifest_name(path):
        return False
    try:
        if not path.is_file():
            return False
        return any(is_address(name.strip("\"' ")) for name in first_names(path, _N_FIRST))
    except (OSError, DataError, MissingExtraError):  # said by who reads it
        return False


def _listed(manifest: Path, root: Place) -> list[RemotePath]:
    """Return the addresses of the images and masks that a manifest lists; names are of its folder."""
    found = {}
    for name in names_in_manifest(manifest):
        try:
            path = RemotePath(name) if is_address(name) else root / name
        except ParameterError as error:
            raise ManifestError(f"{manifest}: {error}") from error
        if isinstance(path, RemotePath):
            found[path.address.full] = path
    return list(found.values())


def _is_folder(path: RemotePath) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _is_wanted(name: str) -> bool:
    path = Path(name)
    return (is_image_name(path) or is_idx_name(path)) and not any(map(is_left_alone, path.parts))
