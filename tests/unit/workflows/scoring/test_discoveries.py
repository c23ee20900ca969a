"""What a batch's discoveries are worth, in words."""

from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest

from defectory.artifacts import Bundle, Promise
from defectory.domain import HeldOutScores, ParameterError
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.discoveries import find_discoveries
from defectory.workflows.scoring.folder import score_to_folder
from tests.bundles import facts_of


def model_of(held_out):
    detector = SimpleNamespace(name="none")
    return CalibratedDetector(Bundle(detector, held_out, Promise(0.05, 0.95), facts_of()))


GOOD = HeldOutScores.of(np.linspace(0, 1, 199))


def test_discoveries_are_the_scores_from_one_on():
    found = find_discoveries(model_of(GOOD), [0.2, 5.0, 0.5, 3.0], 0.1)
    assert (found.n_found, found.lowest_score, found.n_fewest) == (2, 3.0, 1)
    rows = [{"score": score} for score in (5.0, None, 3.0, 0.5)]
    marked = [row["is_discovery"] for row in found.mark(rows)]
    assert marked == [True, None, True, False]
    assert found.explain() == (
        "2 of 4 images are discoveries (score from 3 on), at a false discovery rate of at most 10.0%."
    )


def test_where_nothing_stands_out_nothing_is_marked():
    found = find_discoveries(model_of(GOOD), np.linspace(0, 1, 50), 0.1)
    assert (found.n_found, found.lowest_score) == (0, inf)
    assert not any(row["is_discovery"] for row in found.mark([{"score": 1e9}]))
    assert found.explain() == (
        "0 of 50 images are discoveries, at a false discovery rate of at most 10.0%. With 199 held-out good "
        "images no fewer than 3 at once are possible in such a batch; with 499 one image alone may be one."
    )


def test_a_group_counts_once_by_its_highest_score():
    """Of 19 groups the lowest p-value is 1/20, too high for one of two images at 5 %."""
    grouped = replace(GOOD.take(np.arange(190)), groups=np.arange(190) // 10)
    of_images = find_discoveries(model_of(GOOD), [0.2, 5.0], 0.05)
    of_groups = find_discoveries(model_of(grouped), [0.2, 5.0], 0.05)
    assert (of_images.n_found, of_groups.n_found) == (1, 0)
    assert of_groups.n_normals == 19
    assert "With 19 groups of held-out good images no fewer than 2" in of_groups.explain()


def test_a_score_that_one_image_of_each_group_reaches_is_no_discovery():
    """By the shares of the groups its p-value would be (1 + 19 / 10) / 20 = .145."""
    held_out = HeldOutScores.of(np.tile([*[0.0] * 9, 4.0], 19), groups=np.repeat(range(19), 10))
    assert model_of(held_out).p_values.of(3.0) == pytest.approx(0.145)
    assert find_discoveries(model_of(held_out), [3.0], 0.2).n_found == 0
    assert find_discoveries(model_of(held_out), [4.5], 0.2).n_found == 1


def test_what_rests_on_unlabeled_images_is_named_an_estimate():
    unlabeled = replace(GOOD, is_confirmed=np.zeros(199, bool))
    found = find_discoveries(model_of(unlabeled), [0.2, 5.0], 0.1)
    assert found.basis == "estimated"
    assert "at a false discovery rate estimated, not promised, to be 10.0%" in found.explain()


def test_a_rate_is_refused_before_work_starts(tmp_path):
    with pytest.raises(ParameterError, match="false discovery rate is 5; give a number between"):
        score_to_folder(tmp_path / "none", [tmp_path / "none"], tmp_path / "out", fdr=5)
