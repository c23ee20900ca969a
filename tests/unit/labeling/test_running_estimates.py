import numpy as np
import pytest

from defectory.domain import Label, ParameterError
from defectory.labeling.candidates import Candidates, spread_labels
from defectory.labeling.queue import make_queue
from defectory.labeling.random_part import find_random_part, random_order
from defectory.labeling.running_estimates import estimate_running

N_REVIEWS, N_IMAGES, THRESHOLD = 200, 600, 1.5
MIX = {"likely-defect": 0.5, "near-threshold": 0.3, "random": 0.2}


def collection(seed, n=N_IMAGES, defect_ratio=0.12):
    rng = np.random.default_rng(seed)
    is_bad = rng.random(n) < defect_ratio
    return rng.normal(size=n) + 2.0 * is_bad, is_bad


def review(scores, is_bad, n_labels, seed, groups=None):
    """The labels that a review with the mix has gathered, twenty at a time."""
    codes = np.full(len(scores), Label.UNLABELED, np.int8)
    for _ in range(n_labels // 20):
        known = Candidates(scores, THRESHOLD, codes.copy(), groups=groups)
        for entry in make_queue(known, 20, mix=MIX, seed=seed):
            codes[entry.index] = int(is_bad[entry.index])
    return codes


@pytest.fixture(scope="module")
def reviews():
    found = []
    for seed in range(N_REVIEWS):
        scores, is_bad = collection(seed)
        codes = review(scores, is_bad, 200, seed)
        estimate = estimate_running(scores, THRESHOLD, codes, find_random_part(codes, seed=seed))
        is_rejected = scores > THRESHOLD
        truth = {
            "defect_ratio": is_bad.mean(),
            "recall": is_rejected[is_bad].mean(),
            "precision": is_bad[is_rejected].mean(),
        }
        found.append((estimate, truth))
    return found


@pytest.mark.parametrize("name", ["defect_ratio", "recall", "precision"])
def test_95_percent_intervals_hold_the_truth_in_200_reviews(reviews, name):
    said = [(found, truth[name]) for e, truth in reviews if (found := getattr(e, name)) is not None]
    holds = [found.lower <= true <= found.upper for found, true in said]
    assert len(said) > 0.9 * N_REVIEWS
    assert np.mean(holds) >= 0.93


@pytest.mark.parametrize(("defect_ratio", "n_labels"), [(0.02, 40), (0.03, 100), (0.3, 40)])
def test_the_defect_ratio_holds_where_few_are_seen_or_most_are_defective(defect_ratio, n_labels):
    holds = []
    for seed in range(N_REVIEWS):
        scores, is_bad = collection(seed, defect_ratio=defect_ratio)
        codes = review(scores, is_bad, n_labels, seed)
        part = find_random_part(codes, seed=seed)
        found = estimate_running(scores, THRESHOLD, codes, part).defect_ratio
        holds.append(found.lower <= is_bad.mean() <= found.upper)
    assert np.mean(holds) >= 0.93


@pytest.mark.parametrize("name", ["defect_ratio", "recall", "precision"])
def test_estimates_are_right_on_average_though_defects_are_looked_for(reviews, name):
    errors = [
        found.value - truth[name] for e, truth in reviews if (found := getattr(e, name)) is not None
    ]
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))


def test_what_was_asked_at_random_and_nothing_else_would_miss_defects():
    biases = []
    for seed in range(60):
        scores, is_bad = collection(seed)
        codes = review(scores, is_bad, 200, seed)
        order = random_order(len(codes), seed)
        first = order[: int(find_random_part(codes, seed=seed).sum())]
        targeted = np.argsort(-scores)[:100]
        biases.append(is_bad[np.setdiff1d(first, targeted)].mean() - is_bad.mean())
    assert np.mean(biases) < -0.03


def test_the_random_part_ends_at_the_first_image_that_waits():
    order = random_order(10, seed=4)
    codes = np.full(10, -1, np.int8)
    codes[order[[0, 1, 3]]] = 0
    assert set(np.flatnonzero(find_random_part(codes, seed=4))) == set(order[:2])
    is_passed = np.zeros(10, bool)
    is_passed[order[2]] = True
    part = find_random_part(codes, is_passed=is_passed, seed=4)
    assert set(np.flatnonzero(part)) == set(order[[0, 1, 3]])


def test_images_that_come_later_leave_the_others_in_their_order():
    before, after = random_order(100, seed=4), random_order(130, seed=4)
    assert sorted(after) == list(range(130))
    assert after[after < 100].tolist() == before.tolist()
    assert (
        after[:50] >= 100
    ).any()  # and their turn comes among the others', as if they had been there


def test_random_entries_go_on_where_the_random_part_ends():
    scores, is_bad = collection(0)
    codes = review(scores, is_bad, 60, 0)
    known = Candidates(scores, THRESHOLD, codes)
    order = random_order(N_IMAGES, 0)
    first = next(i for i in order.tolist() if codes[i] == Label.UNLABELED)
    assert make_queue(known, 1, mix={"random": 1})[0].index == first


def test_groups_that_are_asked_about_once_do_not_hold_the_random_part_up():
    scores, is_bad = collection(5)
    groups = np.arange(N_IMAGES) // 2
    is_bad = is_bad[groups * 2]
    codes = review(scores, is_bad, 200, 5, groups)
    assert find_random_part(spread_labels(codes, groups), seed=5).sum() > 40
    assert find_random_part(codes, seed=5).sum() < 40


def test_nothing_is_said_where_nothing_can_be():
    scores, codes = np.array([0.0, 1.0, 2.0]), np.array([-1, -1, -1], np.int8)
    nothing = estimate_running(scores, 1.5, codes, np.zeros(3, bool))
    assert (nothing.defect_ratio, nothing.recall, nothing.precision) == (None, None, None)
    assert nothing.n_random == 0
    good = estimate_running(scores, 1.5, np.array([0, 0, -1], np.int8), np.array([1, 1, 0], bool))
    assert good.defect_ratio.value == 0
    assert (good.recall, good.precision) == (None, None)


def test_all_images_labeled_leave_nothing_open():
    scores, is_bad = collection(1)
    codes = is_bad.astype(np.int8)
    found = estimate_running(scores, THRESHOLD, codes, find_random_part(codes))
    ratio = found.defect_ratio
    assert ratio.lower == ratio.value == ratio.upper == pytest.approx(is_bad.mean())
    assert found.recall.value == pytest.approx((scores > THRESHOLD)[is_bad].mean())


def test_without_a_threshold_recall_is_none_of_the_defects():
    codes = np.array([1, 0, 1], np.int8)
    found = estimate_running(np.arange(3.0), np.inf, codes, np.ones(3, bool))
    assert found.recall.value == 0
    assert found.precision is None


def test_unlabeled_images_and_other_lengths_are_refused():
    codes = np.array([1, -1], np.int8)
    with pytest.raises(ParameterError, match="no label"):
        estimate_running(np.zeros(2), 1.0, codes, np.ones(2, bool))
    with pytest.raises(ParameterError, match="same images"):
        estimate_running(np.zeros(3), 1.0, codes, np.ones(2, bool))
