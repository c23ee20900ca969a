"""Shapes, run lengths and outlines, against slow twins and pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from defectory.domain import Label, MaskError
from defectory.sources.label_formats import ExportedImage, write_coco
from defectory.sources.label_formats.brush_packing import pack_brush, unpack_brush
from defectory.sources.label_formats.outlines import trace_outlines
from defectory.sources.label_formats.run_lengths import (
    pack_counts,
    runs_to_values,
    unpack_counts,
    values_to_runs,
)
from defectory.sources.label_formats.shapes import (
    MAX_SHAPES,
    Runs,
    draw_shapes,
    make_box,
    make_ellipse,
    make_polygon,
)

SIZE = (40, 50)


def random_masks(n=60, largest=24):
    rng = np.random.default_rng(0)
    for _ in range(n):
        yield rng.random(rng.integers(1, largest, 2)) < rng.random()


def contains(points, x, y):
    """Whether a polygon contains a point, edge by edge."""
    inside = False
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def test_run_lengths_are_those_of_pycocotools():
    for mask in random_masks():
        counts = values_to_runs(mask.T.ravel())
        packed = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        assert pack_counts(counts) == packed
        assert unpack_counts(packed) == counts
        np.testing.assert_array_equal(
            runs_to_values(counts, mask.size).reshape(mask.shape[::-1]).T, mask
        )


def test_long_runs_are_those_of_pycocotools():
    mask = np.zeros((3000, 2000), np.uint8, order="F")
    mask[1000:2900, 700:1900] = 1
    packed = coco_masks.encode(mask)["counts"].decode()
    assert pack_counts(values_to_runs(mask.T.ravel() > 0)) == packed
    assert sum(unpack_counts(packed)) == mask.size


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_files_of_ours_are_read_by_pycocotools(tmp_path, capsys):
    masks = [mask for mask in random_masks(20) if mask.any()]
    masks.append(np.indices((40, 40)).sum(axis=0) % 2 == 0)
    masks[-1][:, ::4] = masks[-1][::4] = False
    images = [
        ExportedImage(tmp_path / str(i), str(i), mask.shape, Label.ANOMALOUS, "scratch", mask)
        for i, mask in enumerate(masks)
    ]
    write_coco(images, tmp_path / "coco.json")
    found = COCO(tmp_path / "coco.json")
    for i, mask in enumerate(masks, start=1):
        annotations = found.loadAnns(found.getAnnIds(imgIds=[i]))
        assert sum(annotation["area"] for annotation in annotations) == mask.sum()
        union = np.zeros(mask.shape, bool)
        for annotation in annotations:
            region = coco_masks.decode(annotation["segmentation"]) > 0
            left, top, width, height = annotation["bbox"]
            assert region[top : top + height, left : left + width].sum() == annotation["area"]
            union |= region
        np.testing.assert_array_equal(union, mask)


@pytest.mark.parametrize("text", ["o", "0" * 3 + "é", "P" * 9, "~", " 1", "oooooooooooooo0"])
def test_damaged_run_lengths_are_refused(text):
    with pytest.raises(MaskError):
        runs_to_values(unpack_counts(text), 100)


def test_polygons_mark_the_pixels_whose_centers_lie_inside():
    rng = np.random.default_rng(1)
    for _ in range(30):
        points = rng.uniform(-10, 60, (rng.integers(3, 9), 2))
        drawn = draw_shapes([make_polygon(points.ravel())], SIZE)
        expected = [
            [contains(points, x + 0.5, y + 0.5) for x in range(SIZE[1])] for y in range(SIZE[0])
        ]
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_polygons_differ_from_pycocotools_at_boundary_pixels_only():
    rng = np.random.default_rng(2)
    for _ in range(10):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
        points = np.stack([25 + 20 * np.cos(angles), 20 + 15 * np.sin(angles)], axis=1)
        ours = draw_shapes([make_polygon(points.ravel())], SIZE)
        runs = coco_masks.frPyObjects([points.ravel().tolist()], *SIZE)
        theirs = coco_masks.decode(runs)[:, :, 0] > 0
        padded = np.pad(ours, 1, mode="edge")
        around = np.array(
            [padded[1 + y : 41 + y, 1 + x : 51 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
        )
        is_boundary = around.any(axis=0) & ~around.all(axis=0)
        assert not ((ours != theirs) & ~is_boundary).any()


def test_outlines_mark_the_same_pixels_again():
    for mask in random_masks(200):
        polygons = [make_polygon(points.ravel().tolist()) for points in trace_outlines(mask)]
        np.testing.assert_array_equal(draw_shapes(polygons, mask.shape), mask)


def test_a_region_with_holes_is_one_polygon():
    mask = np.ones((12, 12), bool)
    mask[2:4, 2:4] = mask[7:9, 3:8] = False
    assert len(trace_outlines(mask)) == 1
    assert trace_outlines(np.zeros((3, 3), bool)) == []


def test_the_packing_of_the_brush_gives_back_what_was_packed():
    for mask in random_masks():
        np.testing.assert_array_equal(unpack_brush(pack_brush(mask), mask.shape), mask)
    large = np.zeros((300, 400), bool)
    large[100:, 50:] = True
    np.testing.assert_array_equal(unpack_brush(pack_brush(large), large.shape), large)


def test_the_brush_reads_values_as_they_are():
    """Two pixels, the second marked in alpha, in a block without runs: as the tool itself writes colors."""
    bits = f"{8:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + "0" + "00" + f"{7:03b}"
    bits += "".join(f"{value:08b}" for value in (0, 9, 9, 0, 200, 40, 10, 255))
    bits += "0" * (-len(bits) % 8)
    packed = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    np.testing.assert_array_equal(unpack_brush(packed, (1, 2)), [[False, True]])


@pytest.mark.parametrize("packed", [[], [0, 0, 0], [256], [-1, 4], [0, 0, 0, 16, 57, 35, 127]])
def test_a_damaged_brush_is_refused(packed):
    with pytest.raises(MaskError):
        unpack_brush(packed, (2, 2))


def test_boxes_are_clipped_and_turned():
    assert draw_shapes([make_box(-5, -5, 3, 2)], SIZE).sum() == 6
    turned = draw_shapes([make_box(10, 10, 30, 20, degrees=90)], SIZE)
    np.testing.assert_array_equal(turned, draw_shapes([make_box(15, 5, 25, 25)], SIZE))
    swung = draw_shapes([make_box(20, 10, 30, 15, degrees=90, around=(20, 10))], SIZE)
    np.testing.assert_array_equal(swung, draw_shapes([make_box(15, 10, 20, 20)], SIZE))


def test_ellipses_have_their_area():
    drawn = draw_shapes([make_ellipse(25, 20, 15, 8, 30)], SIZE)
    assert drawn.sum() == pytest.approx(np.pi * 15 * 8, rel=0.02)
    assert draw_shapes([make_ellipse(0, 0, 5, 5)], SIZE).sum() == pytest.approx(20, abs=3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_polygon([1, 2, 3]),
        lambda: make_polygon([0, 0, np.nan, 2, 3, 3]),
        lambda: make_polygon([0, 0, np.inf, 2, 3, 3]),
        lambda: make_polygon([0, 0, 10**400, 2, 3, 3]),
        lambda: make_box(0, 0, 1e9, 1),
        lambda: make_ellipse(0, 0, -1, 1),
        lambda: draw_shapes([make_box(0, 0, 1, 1)] * (MAX_SHAPES + 1), SIZE),
        lambda: draw_shapes([Runs([4], 2, 2)], SIZE),
        lambda: draw_shapes([Runs([6], -2, -3, is_whole=False)], SIZE),
        lambda: draw_shapes([Runs([4], 2, 2, 39, 0, is_whole=False)], SIZE),
        lambda: draw_shapes([Runs([-1, 2001], *SIZE)], SIZE),
        lambda: draw_shapes([Runs([10**30], *SIZE)], SIZE),
        lambda: draw_shapes([make_polygon([0, 0, 1, 1e5] * 60_000)], (9000, 10)),
    ],
)
def test_shapes_that_cannot_be_are_refused(make):
    with pytest.raises(MaskError):
        make()


def test_what_has_no_area_is_no_shape():
    assert make_polygon([1, 2, 3, 4]) is None
    assert make_box(1, 1, 1, 5) is None
    assert make_ellipse(1, 1, 0, 5) is None
    assert not draw_shapes([make_ellipse(1, 1, 1e-300, 5)], SIZE).any()
