import base64
import io
import re
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from defectory.domain import ParameterError, Region
from defectory.reports.colors import heat_ramp
from defectory.reports.content import HeatScale
from defectory.reports.pictures import (
    draw_heat,
    jpeg_uri,
    outline_path,
    overlay_heat,
    picture_size,
    png_uri,
    region_box,
    scale_strip,
    shrink_image,
)


def _decode(uri: str) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        return np.asarray(picture)


def _lightness(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb <= 10.3, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ [0.2126, 0.7152, 0.0722])


def test_lightness_rises_evenly_along_the_ramp():
    steps = np.diff(_lightness(heat_ramp(64)))
    assert (steps > 0).all()
    assert steps.max() < 2.5 * steps.min()


def test_the_ramp_keeps_to_what_a_screen_can_show():
    ramp = heat_ramp()
    assert ramp.shape == (256, 3)
    assert ramp.min() >= 0
    assert ramp.max() <= 255


@pytest.mark.parametrize("size", [(1000, 500), (321, 320), (5000, 2), (100, 80), (1, 1)])
def test_pictures_are_shrunk_but_never_enlarged(size):
    height, width = picture_size(*size)
    assert max(height, width) == min(320, max(size))
    assert shrink_image(np.zeros((*size, 3), dtype=np.uint8)).shape == (height, width, 3)


def test_equal_heat_has_equal_color_whatever_else_is_in_the_picture():
    scale = HeatScale(0.0, 5.0, 10.0)
    gray = np.full((20, 20, 3), 100, dtype=np.uint8)
    calm, wild = np.full((4, 4), 4.0), np.full((4, 4), 4.0)
    wild[:, 2], wild[:, 3] = 500.0, -500.0
    np.testing.assert_array_equal(
        overlay_heat(gray, calm, scale)[:, :5], overlay_heat(gray, wild, scale)[:, :5]
    )


def test_heat_at_or_below_the_low_end_leaves_the_picture_alone():
    photo = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    cold = np.full((2, 2), -3.0, dtype=np.float32)
    np.testing.assert_array_equal(overlay_heat(photo, cold, HeatScale(0.0, 1.0, 2.0)), photo)


def test_the_map_lies_where_the_defect_is():
    gray = np.full((40, 80, 3), 100, dtype=np.uint8)
    heat = np.zeros((4, 8), dtype=np.float32)
    heat[0, 7] = 9.0
    changed = (overlay_heat(gray, heat, HeatScale(1.0, 5.0, 9.0)) != gray).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.max() < 20
    assert columns.min() > 60


def test_heat_alone_over_a_picture_is_the_picture_with_heat():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    heat = rng.random((6, 8), dtype=np.float32)
    scale = HeatScale(0.2, 0.5, 0.9)
    alone = draw_heat(heat, scale, (30, 40))
    assert alone.shape == (30, 40, 4)
    alpha = alone[..., 3:] / 255
    laid = (1 - alpha) * picture + alpha * alone[..., :3]
    np.testing.assert_allclose(laid, overlay_heat(picture, heat, scale), atol=2)


def test_the_scale_strip_is_bare_at_its_low_end_and_light_at_the_other():
    strip = scale_strip()
    assert strip.shape == (1, 256, 3)
    assert (strip[0, 0] == 128).all()
    assert _lightness(strip[0, -1].astype(float)) > _lightness(strip[0, 128].astype(float))


def test_a_heat_scale_rises():
    with pytest.raises(ParameterError, match="rise"):
        HeatScale(1.0, 1.0, 2.0)


def _draw(path: str, shape: tuple[int, int]) -> tuple[set, set]:
    """Return the unit edges of a path, horizontal and vertical, as sets of left or upper ends."""
    horizontal, vertical = set(), set()
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        for step in range(int(length)):
            if way == "h":
                horizontal.add((int(x) + step, int(y)))
            else:
                vertical.add((int(x), int(y) + step))
    return horizontal, vertical


def test_the_outline_separates_exactly_the_mask_from_the_rest():
    mask = np.random.default_rng(3).random((12, 17)) > 0.6
    horizontal, vertical = _draw(outline_path(mask), mask.shape)
    padded = np.pad(mask, 1)
    for y in range(13):
        for x in range(17):
            assert ((x, y) in horizontal) == (padded[y, x + 1] != padded[y + 1, x + 1])
    for y in range(12):
        for x in range(18):
            assert ((x, y) in vertical) == (padded[y + 1, x] != padded[y + 1, x + 1])


def test_an_empty_mask_has_no_outline():
    assert outline_path(np.zeros((5, 5), dtype=bool)) == ""


def test_a_one_pixel_defect_of_a_large_image_keeps_its_outline():
    mask = np.zeros((3000, 2000), dtype=bool)
    mask[1234, 567] = True
    assert outline_path(mask)


def test_boxes_shrink_with_their_picture():
    region = Region(100, 200, 50, 60, 10, 0, 0, 1.0)
    assert region_box(region, (1280, 640, 3)) == (25.0, 50.0, 12.5, 15.0)
    assert region_box(region, (300, 300, 3)) == (100.0, 200.0, 50.0, 60.0)
    sliver = Region(0, 1000, 2, 500, 10, 0, 0, 1.0)  # no side shrinks below one pixel
    assert region_box(sliver, (5000, 2, 3)) == (0.0, 64.0, 1.0, 32.0)


def test_uris_hold_the_picture():
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (32, 1, 3))
    np.testing.assert_array_equal(_decode(png_uri(smooth)), smooth)
    assert jpeg_uri(smooth).startswith("data:image/jpeg;base64,")
    assert np.abs(_decode(jpeg_uri(smooth)).astype(int) - smooth).max() < 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": np.zeros((4, 4), dtype=np.uint8)}, "expected uint8"),
        ({"image": np.zeros((4, 4, 3))}, "expected uint8"),
        ({"mask": np.zeros((2, 2), dtype=bool)}, "like its image"),
        ({"anomaly_map": np.full((2, 2), np.nan, dtype=np.float32)}, "finite"),
        ({"anomaly_map": np.zeros((0, 2), dtype=np.float32)}, "non-empty"),
    ],
)
def test_an_item_that_cannot_be_drawn_is_refused_by_name(make_item, change, words):
    with pytest.raises(ParameterError, match=rf"odd\.png.*{words}"):
        replace(make_item("odd.png", 1.0), **change)
