import numpy as np
import pytest
from scipy import ndimage

from defectory.domain import Region
from defectory.workflows.decisions import MAX_REGIONS, decide, find_regions


def _heat(shape, *blobs):
    """Zeros, and for each (rows, columns, value) a rectangle of that value."""
    heat = np.zeros(shape, np.float32)
    for rows, columns, value in blobs:
        heat[rows, columns] = value
    return heat


def test_a_region_in_the_pixels_of_a_wide_image():
    """Map 16 x 16, image 160 high and 320 wide: a cell is 10 px high and 20 px wide."""
    heat = _heat((16, 16), (slice(2, 5), slice(3, 5), 4.0))
    heat[4, 3] = 9.0
    (region,) = find_regions(heat, (160, 320), 1.0)
    assert region == Region(
        x_px=60, y_px=20, width_px=40, height_px=30, area_px=6 * 200,
        peak_x_px=70, peak_y_px=45, peak_score=9.0,
    )  # fmt: skip
    assert all(type(value) is int for key, value in vars(region).items() if key != "peak_score")
    assert type(region.peak_score) is float


def test_a_region_that_is_no_rectangle_has_the_area_of_its_cells():
    heat = _heat((8, 8), (slice(1, 6), slice(1, 2), 2.0), (slice(5, 6), slice(1, 6), 2.0))
    (region,) = find_regions(heat, (8, 8), 1.0)
    assert (region.x_px, region.y_px, region.width_px, region.height_px) == (1, 1, 5, 5)
    assert region.area_px == 9


def test_regions_touching_at_a_corner_are_one_and_the_threshold_is_exclusive():
    heat = _heat((8, 8), (1, 1, 2.0), (2, 2, 3.0), (5, 5, 1.0))
    (region,) = find_regions(heat, (8, 8), 1.0)
    assert (region.area_px, region.peak_x_px, region.peak_y_px) == (2, 2, 2)


def test_a_higher_peak_of_a_neighbor_in_the_same_box_is_not_taken():
    heat = _heat((9, 9), (slice(1, 8), 1, 2.0), (1, slice(1, 8), 2.0), (5, 5, 7.0))
    first, second = find_regions(heat, (9, 9), 1.0)
    assert (first.peak_score, first.area_px) == (7.0, 1)
    assert (second.peak_score, second.area_px) == (2.0, 13)


def test_the_highest_fifty_come_highest_first():
    heat = np.zeros((31, 31), np.float32)
    heat[::2, ::2] = np.random.default_rng(0).permutation(256).reshape(16, 16) + 1
    regions = find_regions(heat, (31, 31), 0.5)
    assert MAX_REGIONS == 50
    assert [region.peak_score for region in regions] == list(range(256, 206, -1))


@pytest.mark.parametrize("shape", [(7, 5), (33, 31), (1, 9), (9, 1), (64, 64), (65, 64)])
def test_regions_equal_scipys_at_odd_map_sizes(shape):
    heat = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels, n = ndimage.label(heat > 0.9, np.ones((3, 3)))
    expected = sorted(
        (
            (box[1].start, box[0].start, int((labels == label).sum()))
            for label, box in enumerate(ndimage.find_objects(labels), start=1)
        ),
        key=lambda found: found,
    )
    regions = find_regions(heat, shape, 0.9)
    assert len(regions) == min(n, MAX_REGIONS)
    found = [(region.x_px, region.y_px, region.area_px) for region in regions]
    assert set(found) <= set(expected)
    if n <= MAX_REGIONS:
        assert sorted(found) == expected


@pytest.mark.parametrize("size_px", [(1, 1), (25, 40), (40, 25), (63, 64), (333, 105), (65, 1000)])
def test_boxes_hold_their_peaks_and_stay_in_images_of_any_size(size_px):
    heat = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    heat[-1, -1] = heat[0, 0] = 9.0
    regions = find_regions(heat, size_px, 2.0)
    assert len(regions) > 10
    for r in regions:
        assert 0 <= r.x_px <= r.peak_x_px < r.x_px + r.width_px <= size_px[1]
        assert 0 <= r.y_px <= r.peak_y_px < r.y_px + r.height_px <= size_px[0]
        assert 1 <= r.area_px <= r.width_px * r.height_px


def test_where_nothing_stands_out_the_surroundings_of_the_peak_are_given():
    heat = np.full((16, 16), 1.0, np.float32)
    heat[4:7, 8:11] = 1.6
    heat[5, 9] = 2.0
    heat[12, 2] = 1.4
    (region,) = find_regions(heat, (32, 32), 5.0)
    assert (region.x_px, region.y_px, region.width_px, region.height_px) == (16, 8, 6, 6)
    assert (region.peak_x_px, region.peak_y_px) == (19, 11)


def test_a_flat_map_is_one_region_of_everything():
    (region,) = find_regions(np.ones((5, 5), np.float32), (50, 70), 2.0)
    assert (region.width_px, region.height_px, region.area_px) == (70, 50, 3500)


@pytest.mark.parametrize(
    ("score", "outcome"),
    [(0.4, "accepted"), (0.5, "review"), (1.0, "review"), (1.1, "rejected")],
)
def test_between_the_thresholds_a_person_looks_and_is_told_where(score, outcome):
    heat = _heat((8, 8), (2, 2, 5.0))
    found = decide(score, heat, (80, 80), 1.0, 2.0, 0.5)
    assert found.outcome == outcome
    assert found.is_anomalous == (outcome == "rejected")
    assert len(found.regions) == (outcome != "accepted")
    assert decide(score, None, (80, 80), 1.0, 2.0, 0.5).outcome == outcome


def test_an_accept_threshold_above_the_other_leaves_nothing_to_look_at():
    outcomes = [decide(s, None, (8, 8), 1.0, 2.0, 1.5).outcome for s in (0.9, 1.0, 1.2, 1.6)]
    assert outcomes == ["accepted", "accepted", "rejected", "rejected"]
    assert decide(1.0, None, (8, 8), 1.0, 2.0).outcome == "accepted"


def test_only_rejected_images_have_regions():
    heat = _heat((8, 8), (2, 2, 5.0))
    accepted = decide(1.0, heat, (80, 80), 1.0, 2.0)
    assert not accepted.is_anomalous
    assert accepted.regions == ()
    rejected = decide(np.nextafter(1.0, 2.0), heat, (80, 80), 1.0, 2.0)
    assert rejected.is_anomalous is True
    assert len(rejected.regions) == 1
    assert rejected.threshold == 1.0
    assert decide(2.0, None, (80, 80), 1.0, 2.0).regions == ()
