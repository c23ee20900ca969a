"""Pictures of one part are found; what only looks alike as a whole is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from defectory.calibration import n_normals_needed
from defectory.domain import ArrayImages, Label, NoProgress
from defectory.sources import Dataset, Sample
from defectory.sources.found_groups import (
    MOST_IN_A_GROUP,
    N_NEEDED,
    FoundGroups,
    find_groups,
    wants_groups,
)
from defectory.sources.grouping import PARENT, group_by
from defectory.sources.thumbnails import read_thumbnails
from tests.pictures import disc, lit_again
from tests.unit.sources.test_grouping import dataset

N = 40


@pytest.fixture(scope="module")
def discs():
    rng = np.random.default_rng(7)
    return [disc(rng, 128) for _ in range(N)]


def find(images, names=None):
    return find_groups(
        read_thumbnails(ArrayImages(images), NoProgress()),
        names or [f"{i}" for i in range(len(images))],
    )


def drifting(n):
    """Return pictures each of which resembles the next, while the first and the last show nothing alike."""
    rng = np.random.default_rng(0)
    grain = rng.normal(size=(n + 12, 64, 64))
    mixed = [grain[i : i + 12].sum(0) for i in range(n)]
    return [
        np.repeat(np.clip(128 + 12 * m, 0, 255).astype(np.uint8)[:, :, None], 3, 2) for m in mixed
    ]


def test_pictures_of_one_part_share_a_group_and_others_are_alone(discs):
    found = find([*discs, lit_again(discs[4]), lit_again(discs[9])])
    assert found.numbers[N] == found.numbers[4]
    assert found.numbers[N + 1] == found.numbers[9]
    assert found.n_groups == N
    assert np.flatnonzero(~found.is_alone).tolist() == [4, 9, N, N + 1]
    assert "42 images look like 40 parts: 4 seem to" in found.explain()
    assert "3 images look like 1 part: 3 seem" in FoundGroups(np.zeros(3, np.int64), None).explain()


def test_different_parts_of_one_product_are_alone(discs):
    found = find(discs)
    assert found.numbers.tolist() == list(range(N))
    assert found.is_alone.all()


def test_groups_do_not_depend_on_the_order(discs):
    images = [*discs, *(lit_again(one) for one in discs[:10])]
    order = np.random.default_rng(1).permutation(len(images))
    one, other = find(images).numbers, find([images[i] for i in order]).numbers
    assert np.array_equal(one[order][:, None] == one[order], other[:, None] == other)


def test_a_long_sequence_is_cut():
    found = find(drifting(120))
    sizes = np.bincount(found.numbers)
    assert sizes.max() <= MOST_IN_A_GROUP
    assert 120 / MOST_IN_A_GROUP <= found.n_groups <= 40
    i, j = np.nonzero(found.numbers[:, None] == found.numbers)
    assert np.abs(i - j).max() < MOST_IN_A_GROUP


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_images(discs, n):
    assert find(discs[:n]).n_groups == n
    assert find([discs[0]] * n).n_groups == min(n, 1)


def test_plain_pictures_say_nothing():
    assert find([np.full((32, 32, 3), 99, np.uint8)] * 30).is_alone.all()


def test_a_field_of_the_names_that_agrees_is_told_as_a_rule(discs):
    images = [*discs[:20], *(lit_again(one) for one in discs[:20])]
    names = [f"day{i // 20}/cam_{i % 20 // 2:02}_{i:03}.png" for i in range(40)]
    rule = find(images, names).rule
    told = [sample.group for sample in group_by(dataset(names=tuple(names)), rule).samples]
    assert told == [f"{i % 20 // 2:02}" for i in range(40)]
    assert rule in find(images, names).advise()


def test_folders_may_agree_and_names_that_do_not_are_not_told(discs):
    images = [*discs[:20], *(lit_again(one) for one in discs[:20])]
    assert find(images, [f"{i % 20}/{i}.png" for i in range(40)]).rule == PARENT
    assert find(images, [f"a_{i}.png" for i in range(40)]).rule is None


def test_thumbnails_are_gray_and_square():
    wide = np.zeros((40, 300, 3), np.uint8)
    wide[:, 150:, 1] = 255
    found = read_thumbnails(ArrayImages([wide, wide[:8, :8]]), NoProgress())
    assert found.shape == (2, 64, 64)
    assert found.dtype == np.uint8
    assert found[0, :, 40:].min() == np.asarray(Image.fromarray(wide).convert("L")).max()
    assert read_thumbnails(ArrayImages([]), NoProgress()).shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("n_good", "n_unlabeled", "wanted"),
    [(0, 400, False), (1, 400, False), (298, 1, False), (299, 400, True), (3, 0, True)],
)
def test_groups_are_looked_for_where_something_may_be_promised(n_good, n_unlabeled, wanted):
    labels = [Label.NORMAL] * n_good + [Label.UNLABELED] * n_unlabeled + [Label.ANOMALOUS]
    samples = [
        Sample(Path(f"{i}.png"), label, None, "train", None, None, f"{i}.png")
        for i, label in enumerate(labels)
    ]
    train = Dataset(Path(), "list", tuple(samples))
    assert wants_groups(train) == wanted
    assert n_normals_needed(0.01) == N_NEEDED
    assert wants_groups(train, n_needed=1) == (n_good > 0)
    assert not wants_groups(replace(train, samples=(replace(samples[0], group="a"), *samples[1:])))
