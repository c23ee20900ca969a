"""Probes in a bundle: they come back as they were, and only small plain pictures are taken."""

import io
import struct
import zipfile
import zlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from PIL import Image

from defectory.artifacts import load_bundle, save_bundle
from defectory.artifacts.probes import (
    MAX_PROBES,
    MAX_PROBES_BYTES,
    Probe,
    pack_probes,
    unpack_probes,
)
from defectory.domain import BundleError


def png(height=8, width=8, *, is_gray=False, seed=0, **options):
    shape = (height, width) if is_gray else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **options)
    return file.getvalue()


def chunk(name, content):
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def with_header(width, height, depth=8, color=2, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(b"\0" * 100)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PROBES = (
    Probe(png(), "near the threshold"),
    Probe(png(20, 300, is_gray=True), "simulated defect"),
)


def test_a_bundle_keeps_its_probes(fitted, tmp_path):
    bundle = replace(fitted("patch-memory"), probes=PROBES)
    save_bundle(bundle, tmp_path / "a.defectory")
    assert load_bundle(tmp_path / "a.defectory").probes == PROBES
    with zipfile.ZipFile(tmp_path / "a.defectory") as archive:
        assert archive.namelist()[-1] == "probes.msgpack"


def test_a_bundle_without_probes_has_no_member_for_them(saved, members):
    assert load_bundle(saved).probes == ()
    assert "probes.msgpack" not in members


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no PNG"),
        (b"GIF89a", "no PNG"),
        (png()[:40], "PNG"),
        (png() + b"more", "PNG"),
        (with_header(321, 8), "321 x 8 px"),
        (with_header(8, 2**31 - 1), "px"),
        (with_header(0, 8), "px"),
        (with_header(8, 8, depth=16), "neither 8-bit"),
        (with_header(8, 8, color=3), "neither 8-bit"),
        (with_header(8, 8, interlaced=1), "no plain PNG"),
        (png(pnginfo=None, dpi=(72, 72)), "no plain PNG"),
        (png().replace(b"IDAT", b"zTXt"), "no plain PNG"),
    ],
)
def test_what_is_no_small_plain_picture_is_refused_before_it_is_decoded(content, says):
    hostile = msgspec.msgpack.encode([{"png": content, "origin": "random"}])
    with pytest.raises(BundleError, match=says):
        unpack_probes(hostile)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",  # says that four thousand million follow
        b"\x91" * 10_000,
        msgspec.msgpack.encode({"png": b""}),
        msgspec.msgpack.encode([{"png": 1, "origin": "random"}]),
        msgspec.msgpack.encode([{"png": png(), "origin": "elsewhere"}]),
    ],
)
def test_damaged_lists_are_refused(content):
    with pytest.raises(BundleError, match="probes are damaged"):
        unpack_probes(content)


def test_there_are_bounds_on_their_number_and_size():
    small = Probe(png(1, 1), "random")
    assert len(unpack_probes(pack_probes((small,) * MAX_PROBES))) == MAX_PROBES
    with pytest.raises(BundleError, match="damaged"):
        pack_probes((small,) * (MAX_PROBES + 1))
    large = Probe(png(320, 320), "random")
    with pytest.raises(BundleError, match="larger than those of any bundle"):
        pack_probes((large,) * (MAX_PROBES_BYTES // len(large.png) + 1))
