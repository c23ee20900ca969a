"""Rows converted strip by strip are those of the whole picture, in every mode."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from defectory.sources import images
from defectory.sources.images import as_rgb
from tests.reference.pixel_conversion_twin import as_rgb_at_once

RNG = np.random.default_rng(0)
COLOR = Pillow.fromarray(RNG.integers(0, 256, (37, 23, 3), dtype=np.uint8))
GRAY = RNG.integers(0, 256, (37, 23), dtype=np.uint8)


def with_alpha(mode):
    picture = COLOR.convert(mode)
    picture.putalpha(Pillow.fromarray(GRAY))
    return picture


def through(name, picture, **settings):
    file = io.BytesIO()
    picture.save(file, name, **settings)
    opened = Pillow.open(file)
    opened.load()
    return opened


PICTURES = {
    "RGB": COLOR,
    "L": COLOR.convert("L"),
    "1": COLOR.convert("1"),
    "P": COLOR.quantize(40),
    "CMYK": COLOR.convert("CMYK"),
    "YCbCr": COLOR.convert("YCbCr"),
    "LAB": COLOR.convert("LAB"),
    "HSV": COLOR.convert("HSV"),
    "RGBA": with_alpha("RGB"),
    "LA": with_alpha("L"),
    "PA": with_alpha("RGB").convert("PA"),
    "I": Pillow.fromarray(GRAY.astype(np.int32) * 200),
    "I;16": Pillow.fromarray(GRAY.astype(np.uint16) * 256),
    "F": Pillow.fromarray((GRAY / 255).astype(np.float32)),
    "transparent palette": through("PNG", COLOR.quantize(40), transparency=3),
    "transparent gray": through("PNG", COLOR.convert("L"), transparency=100),
    "transparent color": through("PNG", COLOR, transparency=COLOR.getpixel((1, 1))),
    "gif": through("GIF", COLOR),
    "webp": through("WEBP", with_alpha("RGB")),
    "tiff 16 bits": through("TIFF", Pillow.fromarray(GRAY.astype(np.uint16) * 256)),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("strip_px", [1, 23 * 5, 2**18])
def test_strips_are_the_whole(name, strip_px, monkeypatch):
    monkeypatch.setattr(images, "_STRIP_PX", strip_px)
    found = as_rgb(PICTURES[name])
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, as_rgb_at_once(PICTURES[name]))


@pytest.mark.parametrize("at", [0, 36])
@pytest.mark.parametrize(
    ("dtype", "value", "reason"),
    [
        (np.int32, 70_000, r"32-bit values 0\.\.70000"),
        (np.int32, -1, r"32-bit values -1\.\.0"),
        (np.float32, 1.5, r"floating-point values 0\.\.1\.5"),
        (np.float32, np.nan, "floating-point values nan"),
        (np.float32, np.inf, "floating-point values 0..inf"),
    ],
)
def test_values_without_a_meaning_are_found_in_any_strip(monkeypatch, at, dtype, value, reason):
    monkeypatch.setattr(images, "_STRIP_PX", 50)
    values = np.zeros((37, 23), dtype)
    values[at, 5] = value
    with pytest.raises(ValueError, match=reason):
        as_rgb(Pillow.fromarray(values))
