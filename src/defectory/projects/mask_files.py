"""Masks that people drew: PNG files named by their content, written whole, never changed."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import MaskError, OutputError
from defectory.domain.errors import one_line
from defectory.storage.renames import sync_file, sync_folder
from defectory.storage.whole_files import whole_file


def mask_path(folder: Path, name: str) -> Path:
    """Return where the mask of that name lies in a project folder."""
    return folder / "masks" / f"{name}.png"


def keep_mask(folder: Path, mask: NDArray[np.bool_]) -> str:
    """Return the name of a mask's file, which is on the disk from now on; OutputError.

    Parameters
    ----------
    folder : of the project
    mask : (h, w) bool
    """
    buffer = io.BytesIO()
    Pillow.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(buffer, "PNG")
    content = buffer.getvalue()
    name = hashlib.sha256(content).hexdigest()
    path = mask_path(folder, name)
    if path.exists():
        return name
    try:
        with whole_file(path) as part:
            part.write_bytes(content)
            sync_file(part)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return name


def read_kept_mask(folder: Path, name: str) -> NDArray[np.bool_]:
    """Return (h, w) bool; MaskError where the file is gone or damaged."""
    path = mask_path(folder, name)
    try:
        with Pillow.open(path, formats=["PNG"]) as picture:
            return np.asarray(picture.convert("L")) > 0
    except Exception as error:
        raise MaskError(f"the mask {path} cannot be read: {one_line(error)}") from error
