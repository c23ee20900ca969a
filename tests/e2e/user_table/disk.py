"""What lies on a user's disk: small builders, each of which writes into the user's folder."""

import io
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.user_table.row import Build
from tests.pictures import disc, scratched

SIZE_PX = 64

_shared: dict[str, Path] = {}


def share_bundles(bundles: dict[str, Path]) -> None:
    """Say where the bundles lie that were fitted once for all rows, by name of the detector."""
    _shared.update(bundles)


def good(
    folder: str, n: int = 12, *, first: int = 0, ending: str = "png", size_px: int = SIZE_PX
) -> Build:
    """Write pictures of good parts, 000 and so on; no two numbers look alike."""
    return _numbered(folder, n, first, ending, lambda i: good_picture(i, size_px))


def bad(
    folder: str,
    n: int = 4,
    *,
    first: int = 0,
    ending: str = "png",
    masks: str = "",
    size_px: int = SIZE_PX,
) -> Build:
    """Write pictures of scratched parts, and their masks into another folder."""

    def build(root: Path) -> None:
        _numbered(folder, n, first, ending, lambda i: bad_picture(i, size_px)[0])(root)
        if masks:
            drawn = _numbered(masks, n, first, "png", lambda i: bad_picture(i, size_px)[1], "_mask")
            drawn(root)

    return build


def mvtec(folder: str = "parts", n_train: int = 16, n_good: int = 4, n_bad: int = 4) -> Build:
    """Write a data set in MVTec layout, with masks."""
    return several(
        good(f"{folder}/train/good", n_train),
        good(f"{folder}/test/good", n_good, first=100),
        bad(f"{folder}/test/scratch", n_bad, masks=f"{folder}/ground_truth/scratch"),
    )


def bundle(path: str = "parts.defectory", detector: str = "gaussian") -> Build:
    """Put a bundle there that was fitted on good parts."""

    def build(root: Path) -> None:
        target = _made(root / path)
        try:
            os.link(_shared[detector], target)
        except OSError:
            target.write_bytes(_shared[detector].read_bytes())

    return build


def folder(path: str) -> Build:
    """Make an empty folder."""
    return lambda root: (root / path).mkdir(parents=True, exist_ok=True)


def text(path: str, content: str, encoding: str = "utf-8") -> Build:
    """Write a text file; `{place}` in it is the user's folder."""

    def build(root: Path) -> None:
        spelled = content.replace("{place}", str(root))
        _write(root / path, spelled.encode(encoding, "surrogateescape"))

    return build


def data(path: str, content: bytes = b"not an image") -> Build:
    """Write a file of these bytes."""
    return lambda root: _write(root / path, content)


def image(
    path: str, make: Callable[[], Image.Image], format_: str = "", **options: object
) -> Build:
    """Write a picture of any mode and format."""

    def build(root: Path) -> None:
        make().save(_made(root / path), format_ or None, **options)

    return build


def link(path: str, to: str) -> Build:
    """Make a symbolic link."""
    return lambda root: _made(root / path).symlink_to(to)


def moved(path: str, to: str) -> Build:
    """Rename what was written."""
    return lambda root: (root / path).rename(_made(root / to)) and None


def cut(path: str, keep: float = 0.5) -> Build:
    """Cut a file off, as an interrupted copy does."""

    def build(root: Path) -> None:
        content = (root / path).read_bytes()
        (root / path).unlink()  # it may be a hard link
        (root / path).write_bytes(content[: int(keep * len(content))])

    return build


def several(*builds: Build) -> Build:
    """Write all of that."""

    def build(root: Path) -> None:
        for each in builds:
            each(root)

    return build


def csv_of(
    path: str, rows: Sequence[str], head: str = "path,label", encoding: str = "utf-8"
) -> Build:
    """Write a manifest of these lines."""
    return text(path, "\n".join([head, *rows]) + "\n", encoding)


def picture(i: int = 0) -> Image.Image:
    """Return a good part as a Pillow image."""
    return Image.open(io.BytesIO(good_picture(i, SIZE_PX)[1]))


def pixels(i: int = 0) -> NDArray[np.uint8]:
    """Return a good part as (64, 64, 3) uint8."""
    return good_picture(i, SIZE_PX)[0]


@cache
def good_picture(i: int, size_px: int) -> tuple[NDArray[np.uint8], bytes]:
    """Return the pixels of a good part, and them as PNG."""
    array = disc(np.random.default_rng([0, i]), size_px)
    return array, _png(array)


@cache
def bad_picture(
    i: int, size_px: int
) -> tuple[tuple[NDArray[np.uint8], bytes], tuple[NDArray[np.uint8], bytes]]:
    """Return a scratched part and its mask, each as pixels and as PNG."""
    rng = np.random.default_rng([1, i])
    array, mask = scratched(disc(rng, size_px), rng)
    drawn = np.where(mask, 255, 0).astype(np.uint8)
    return (array, _png(array)), (drawn, _png(drawn))


def _numbered(
    folder: str,
    n: int,
    first: int,
    ending: str,
    draw: Callable[[int], tuple[NDArray[np.uint8], bytes]],
    after: str = "",
) -> Build:
    def build(root: Path) -> None:
        for i in range(first, first + n):
            path = root / folder / f"{i:03}{after}.{ending}"
            array, png = draw(i)
            if ending.lower() in ("png", "bin", ""):
                _write(path, png)
            else:
                Image.fromarray(array).save(_made(path))

    return build


def _png(array: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(array).save(target, "png", compress_level=1)
    return target.getvalue()


def _write(path: Path, content: bytes) -> None:
    _made(path).write_bytes(content)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
