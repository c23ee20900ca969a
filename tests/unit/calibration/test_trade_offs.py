from dataclasses import replace

import numpy as np
import pytest

from defectory.calibration import choose_threshold
from defectory.calibration.trade_offs import find_holders, trade_offs
from defectory.domain import DefectScores, HeldOutScores

GOOD = np.linspace(0, 1, 400)
DEFECTS = DefectScores(np.linspace(0.5, 2.5, 41, dtype=np.float32), is_simulated=True)


def test_looser_promises_find_more():
    rows = trade_offs(HeldOutScores.of(GOOD), DEFECTS, rates=(0.1, 0.01, 0.05))
    assert [row.threshold.false_reject_rate for row in rows] == [0.01, 0.05, 0.1]
    recalls = [row.recall for row in rows]
    assert recalls == sorted(recalls)
    for row in rows:
        assert row.recall == pytest.approx((DEFECTS.scores > row.threshold.value).mean())
        assert not row.has_interval
        assert np.isnan([row.low, row.high]).all()
        assert row.to_dict()["recall_interval"] is None
    for row in trade_offs(HeldOutScores.of(GOOD), replace(DEFECTS, is_simulated=False)):
        assert row.low < row.recall < row.high
        assert row.to_dict()["recall_interval"] == [row.low, row.high]
    for row in rows:
        assert row.to_dict()["defects"] == "simulated"


def test_without_defects_the_recall_is_not_known():
    row = trade_offs(HeldOutScores.of(GOOD), DefectScores.none())[0]
    assert row.to_dict()["recall"] is None


def test_the_image_that_holds_the_threshold_up_is_named():
    contents = [f"{i:012x}" for i in range(31)]
    held_out = HeldOutScores.of([*np.linspace(0, 1, 30), 2.0], contents=contents)
    threshold = choose_threshold(held_out, 0.01)
    (holder,) = find_holders(held_out, DEFECTS, threshold)
    assert holder.content == contents[30]
    assert (threshold.value, holder.threshold_without) == (2.0, 1.0)
    assert holder.recall_without > holder.recall + 0.4


def test_where_any_of_several_images_does_the_same_none_is_named():
    """Five may lie above the threshold: whichever of six high ones goes, it falls by one rank."""
    held_out = HeldOutScores.of([*np.linspace(0, 1, 534), *np.linspace(2, 2.5, 6)])
    threshold = choose_threshold(held_out, 0.02)
    assert threshold.value == 2.0
    assert choose_threshold(held_out.take(np.arange(539)), 0.02).value == 1.0
    assert find_holders(held_out, DEFECTS, threshold) == ()


def test_where_no_image_alone_matters_none_is_named():
    held_out = HeldOutScores.of(GOOD)
    assert find_holders(held_out, DEFECTS, choose_threshold(held_out, 0.05)) == ()
