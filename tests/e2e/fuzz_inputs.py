"""Reads damaged files in a process of bounded memory, and reports what happened as JSON.

Run as `python -m tests.e2e.fuzz_inputs KIND N FOLDER`; `test_fuzzed_inputs` does.
"""

import gzip
import io
import json
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from defectory.domain import DefectoryError
from defectory.sources import read_dataset, read_image
from defectory.sources.idx import IdxImages, read_idx
from defectory.sources.inspection import inspect_dataset
from defectory.sources.mask_files import FileMasks, read_mask
from tests.pictures import disc

MAX_SECONDS = 10
MAX_BYTES = 4 * 2**30  # of address space: libraries and their threads take one or two
_SIDE = 48


class TooSlow(BaseException):
    """No `except Exception` may swallow it."""


def damaged(valid: list[bytes], rng: np.random.Generator) -> bytes:
    """Return one of the files, damaged in one way or several."""
    data = bytearray(valid[rng.integers(len(valid))])
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = int(rng.integers(len(data) + 1))
        _DAMAGES[rng.integers(len(_DAMAGES))](data, at, valid, rng)
    return bytes(data)


def _overwrite_many(data, _at, _valid, rng):
    for i in rng.integers(0, max(len(data), 1), 1 + len(data) // 60):
        data[i : i + 1] = rng.bytes(1)


def _overwrite_in_front(data, _at, _valid, rng):  # where decoders find what they believe in
    i = int(rng.integers(0, max(1, min(len(data), 64))))
    data[i : i + 1] = rng.bytes(1)


def _cut_off(data, at, _valid, _rng):
    del data[at:]


def _take_out(data, at, _valid, rng):
    del data[at : at + int(rng.integers(1, 17))]


def _put_in(data, at, _valid, rng):
    data[at:at] = rng.bytes(int(rng.integers(1, 17)))


def _large_number(data, at, _valid, rng):
    data[at : at + 4] = rng.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4, b"\0\0\x40\0"])


def _splice(data, at, valid, rng):
    other = valid[rng.integers(len(valid))]
    data[at:] = other[int(rng.integers(len(other))) :]


def _repeat(data, at, _valid, rng):
    data[at:at] = data[max(0, at - 40) : at] * int(rng.integers(1, 30))


_DAMAGES = (
    _overwrite_many,
    _overwrite_in_front,
    _cut_off,
    _take_out,
    _put_in,
    _large_number,
    _splice,
    _repeat,
)


def pictures(rng: np.random.Generator) -> dict[str, bytes]:
    """Return a small picture in every format that is read, and some that are not."""
    rgb = Image.fromarray(disc(rng, _SIDE))
    deep = Image.fromarray(rng.integers(0, 2**16, (_SIDE, _SIDE)).astype(np.uint16))
    unit = Image.fromarray(rng.random((_SIDE, _SIDE)).astype(np.float32))

    def frames() -> dict[str, object]:  # anew each time: saving leaves traces in an image
        return {"save_all": True, "append_images": [rgb.rotate(90)]}

    exif = Image.Exif()
    exif[0x0112] = 6
    made: list[tuple[str, Image.Image, dict[str, object]]] = [
        ("png", rgb, {}),
        ("png", rgb.quantize(16), {"transparency": bytes(8)}),
        ("png", rgb.convert("RGBA"), {"exif": exif}),
        ("png", deep, {}),
        ("jpeg", rgb, {"exif": exif}),
        ("jpeg", rgb.convert("CMYK"), {}),
        ("jpeg", rgb, {"progressive": True}),
        ("mpo", rgb, frames()),
        ("tiff", rgb, {}),
        ("tiff", rgb, {"compression": "tiff_lzw"}),
        ("tiff", rgb, {"compression": "jpeg"}),
        ("tiff", rgb, {"compression": "tiff_deflate"}),
        ("tiff", rgb, frames()),
        ("tiff", deep, {}),
        ("tiff", unit, {}),
        ("bmp", rgb, {}),
        ("bmp", rgb.convert("1"), {}),
        ("webp", rgb, {"lossless": True}),
        ("webp", rgb, frames()),
        ("gif", rgb, frames()),
        ("ppm", rgb, {}),
        ("ppm", rgb.convert("1"), {}),
        ("tga", rgb, {}),
        ("icns", rgb, {}),
    ]
    found = {}
    for i, (name, image, options) in enumerate(made):
        buffer = io.BytesIO()
        image.copy().save(buffer, name, **options)
        found[f"{i}.{name}"] = buffer.getvalue()
    return found


def try_images(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], object]]:
    """Yield calls that read a damaged picture, alone and as a data set."""
    valid = list(pictures(rng).values())
    path = folder / "x.png"
    while True:
        path.write_bytes(damaged(valid, rng))

        def read() -> object:
            inspect_dataset(read_dataset(path))
            return read_image(path)

        yield read


def try_masks(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], object]]:
    """Yield calls that read a damaged mask, alone and as part of a data set."""
    mask = Image.fromarray(np.where(rng.random((_SIDE, _SIDE)) < 0.1, 255, 0).astype(np.uint8))
    valid = []
    for name, options in (
        ("png", {}),
        ("bmp", {}),
        ("tiff", {}),
        ("gif", {}),
        ("jpeg", {"quality": 60}),
    ):
        for image in (mask, mask.convert("1"), mask.convert("RGB")):
            buffer = io.BytesIO()
            image.save(buffer, name, **options)
            valid.append(buffer.getvalue())
    image_path = folder / "d/bad/0.png"
    path = folder / "d/masks/bad/0.png"
    for parent in (image_path.parent, path.parent):
        parent.mkdir(parents=True)
    Image.fromarray(disc(rng, _SIDE)).save(image_path)
    while True:
        path.write_bytes(damaged(valid, rng))

        def read() -> object:
            inspect_dataset(read_dataset(folder / "d"))
            read_mask(path)
            return FileMasks([image_path], [path]).read(0)

        yield read


def try_manifests(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], object]]:
    """Yield calls that read a damaged manifest."""
    names = ["good/a.png", "bad/b.png", "bad/c,d.png", "bad/ü.png"]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(disc(rng, _SIDE)).save(folder / name)
    rows = [(name, word, "train") for name, word in zip(names, ("ok", "nok", "1", ""), strict=True)]
    plain = "path,label,split\n" + "".join(f'"{a}",{b},{c}\n' for a, b, c in rows)
    lines = "".join(json.dumps({"path": a, "label": b, "split": c}) + "\n" for a, b, c in rows)
    valid = {
        "csv": [
            plain.encode(),
            plain.replace('",', '";').replace(",t", ";t").encode("cp1252"),
            ("sep=,\r\n" + plain.replace("/", "\\").replace("\n", "\r\n")).encode("utf-8-sig"),
            plain.encode("utf-16"),
            plain.replace("path", "Datei").replace("label", "Ergebnis").encode(),
        ],
        "jsonl": [lines.encode(), ("[" + ",".join(lines.splitlines()) + "]").encode()],
    }
    while True:
        kind = "csv" if rng.random() < 0.7 else "jsonl"
        path = folder / f"list.{kind}"
        path.write_bytes(damaged(valid[kind], rng))
        yield lambda path=path: read_dataset(path)


def try_idx(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], object]]:
    """Yield calls that read a damaged IDX file."""
    pixels = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    plain = header + pixels.tobytes()
    bomb = bytes([0, 0, 8, 3]) + b"\0\0\xff\xff" * 3 + bytes(50_000_000)
    valid = [plain, gzip.compress(plain), gzip.compress(plain) * 2, gzip.compress(bomb, 1)]
    path = folder / "a-idx3-ubyte"
    while True:
        path.write_bytes(damaged(valid, rng))
        yield lambda: IdxImages(read_idx(path)).read([0])


KINDS = {"images": try_images, "masks": try_masks, "manifests": try_manifests, "idx": try_idx}


def main(kind: str, n: int, folder: Path) -> dict[str, object]:
    """Read n damaged files; return how many were read and refused, and what else came of them."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))

    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    n_read = n_refused = 0
    failures: list[str] = []
    slowest = 0.0
    calls = KINDS[kind](folder, np.random.default_rng(17))
    for number in range(n):
        call = next(calls)
        started = time.monotonic()
        signal.alarm(MAX_SECONDS)
        try:
            call()
            n_read += 1
        except DefectoryError as error:
            n_refused += 1
            if not str(error) or "Traceback" in str(error):
                failures.append(f"{number}: {error!r}")
        except BaseException:
            failures.append(f"{number}: {traceback.format_exc()}")
        signal.alarm(0)
        slowest = max(slowest, time.monotonic() - started)
    return {"read": n_read, "refused": n_refused, "failures": failures, "slowest_s": slowest}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
