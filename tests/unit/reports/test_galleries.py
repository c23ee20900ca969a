import numpy as np

from defectory.reports.galleries import pick_false_alarms, pick_highest, pick_misses

SCORES = np.array([5.0, 1.0, 9.0, 3.0, 9.0, 2.0])
LABELS = np.array([0, 1, 0, 1, -1, -1])
REJECTED = SCORES > 4


def test_highest_come_first_and_ties_keep_their_order():
    assert pick_highest(SCORES).tolist() == [2, 4, 0, 3, 5, 1]


def test_misses_are_accepted_defects_lowest_first():
    assert pick_misses(SCORES, LABELS, REJECTED).tolist() == [1, 3]


def test_false_alarms_are_rejected_good_parts_highest_first():
    assert pick_false_alarms(SCORES, LABELS, REJECTED).tolist() == [2, 0]


def test_nothing_is_picked_of_nothing():
    none = np.zeros(0)
    assert pick_misses(none, none.astype(int), none.astype(bool)).size == 0
    assert pick_false_alarms(none, none.astype(int), none.astype(bool)).size == 0
