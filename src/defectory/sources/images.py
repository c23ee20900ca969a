"""Image files -> arrays, the same for every format, or one clear error."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pillow

from defectory.domain.images import Image
from defectory.sources.contents import FileContents
from defectory.sources.decoding import open_image, read_bytes, read_error
from defectory.sources.pixels import as_rgb
from defectory.sources.quiet_pillow import quiet_pillow


def read_image(path: Path) -> Image:
    """Return (h, w, 3) uint8 RGB.

    Notes
    -----
    The EXIF orientation is applied. Of several frames the first is read. Grey is repeated over the
    channels; palettes, CMYK, YCbCr and 1-bit are converted. Transparency is composited on white,
    as a page shows it: the colors that hide under transparent pixels are arbitrary. 16-bit grey
    is divided by 257 (all of 0..65535 onto 0..255), never stretched image by image, which would
    make equal parts look different. Floating point has to lie in 0..1.

    Raises
    ------
    ImageReadError : the file is missing, empty, truncated, not an image of a format in `FORMATS`, of
        more than `MAX_PIXELS` or of a range that has no agreed meaning.
    """
    return to_rgb(open_image(read_bytes(path), path), path)


def to_rgb(image: Pillow.Image, path: Path) -> Image:
    """Return (h, w, 3) uint8 RGB of a decoded picture; see `read_image`."""
    try:
        with quiet_pillow:
            return as_rgb(image)
    except Exception as error:
        raise read_error(path, error) from error


class FileImages:
    """Images in files, behind the ImageSource protocol. Threads may read at once.

    Parameters
    ----------
    paths : the image files; none is opened before `read`
    max_kept_bytes : >= 0, of the files that are kept in memory; see FileContents
    """

    def __init__(self, paths: Sequence[Path | str], *, max_kept_bytes: int = 0) -> None:
        self.paths = tuple(map(Path, paths))
        self._contents = FileContents(max_kept_bytes)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`, each (h, w, 3) uint8 RGB; raise ImageReadError."""
        paths = [self.paths[i] for i in indices]
        return [to_rgb(open_image(self._contents.read(path), path), path) for path in paths]

    def fingerprint(self, index: int) -> str:
        """Return the SHA-256 of the file's bytes; raise ImageReadError."""
        return self._contents.fingerprint(self.paths[index])
