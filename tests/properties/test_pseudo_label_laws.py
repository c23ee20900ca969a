"""What no data may break: truth has no way in, votes make labels, order and offset do not matter."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.domain import Label
from defectory.domain.otsu import otsu_threshold
from defectory.pseudolabels import PseudoLabeler, labeler, match_lower, match_upper

FEW = settings(max_examples=25)
# Eighths of small numbers, moved by whole numbers: every sum below is exact.
SCORES = arrays(np.float64, st.integers(1, 20), elements=st.integers(-80, 80).map(lambda i: i / 8))
SHIFTS = st.integers(-1000, 1000)


@st.composite
def pools(draw):
    """Features with some outliers, labels with at least six unlabeled samples."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, d = draw(st.integers(10, 40)), draw(st.integers(1, 50))
    features = rng.normal(size=(n, d)) + 4 * (rng.random((n, 1)) < 0.2)
    labels = rng.choice([-1, 0, 1], size=n, p=[0.6, 0.25, 0.15]).astype(np.int8)
    labels[:6] = Label.UNLABELED
    return features.astype(np.float32), labels


SETTINGS = st.fixed_dictionaries(
    {
        "n_classifiers": st.integers(1, 3),
        "thresholds": st.sampled_from(["matching", "percentile", "otsu"]),
    }
)


def test_the_truth_of_unlabeled_samples_has_no_way_in():
    assert list(inspect.signature(PseudoLabeler.label).parameters) == [
        "self", "features", "labels", "round",
    ]  # fmt: skip


@FEW
@given(pools(), SETTINGS)
def test_labels_follow_from_votes_and_votes_from_scores(pool, chosen):
    features, labels = pool
    found = PseudoLabeler(**chosen).label(features, labels)
    for i, code in enumerate(labels):
        if code != Label.UNLABELED:
            assert found.labels[i] == code
            continue
        for k, (low, high) in enumerate(found.thresholds):
            above, below = found.scores[i, k] > high, found.scores[i, k] < low
            expected = {(True, False): 1, (False, True): 0}.get((bool(above), bool(below)), -1)
            assert found.votes[i, k] == expected
        votes = set(found.votes[i].tolist())
        assert found.labels[i] == (votes.pop() if len(votes) == 1 else Label.UNLABELED)


@pytest.mark.parametrize("thresholds", ["matching", "percentile", "otsu"])
@pytest.mark.parametrize("n_classifiers", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_samples_does_not_matter_where_subsets_are_the_same(
    thresholds, n_classifiers, seed, monkeypatch
):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(50, 8)) + 5 * (rng.random((50, 1)) < 0.2)
    features = features.astype(np.float32)
    labels = rng.choice([-1, 0, 1], size=50, p=[0.7, 0.2, 0.1])
    order = rng.permutation(50)
    members = np.arange(50) % n_classifiers

    def deal_fixed(owner):
        return lambda indices, k, _: [indices[owner[indices] == part] for part in range(k)]

    model = PseudoLabeler(n_classifiers=n_classifiers, thresholds=thresholds)
    monkeypatch.setattr(labeler, "deal_subsets", deal_fixed(members))
    found = model.label(features, labels)
    monkeypatch.setattr(labeler, "deal_subsets", deal_fixed(members[order]))
    moved = model.label(features[order], labels[order])

    np.testing.assert_allclose(moved.scores, found.scores[order], rtol=1e-4)
    np.testing.assert_allclose(moved.thresholds, found.thresholds, rtol=1e-3)
    np.testing.assert_array_equal(moved.labels, found.labels[order])


@FEW
@given(SCORES, SCORES, SHIFTS)
def test_thresholds_move_along_with_the_scores(labeled, unlabeled, shift):
    def moves(threshold, *sets):
        return threshold(*(s + shift for s in sets)) - threshold(*sets)

    assert moves(lambda scores: otsu_threshold(scores)[0], unlabeled) == pytest.approx(
        shift, abs=1e-9
    )
    taken = unlabeled[unlabeled > match_upper(labeled, unlabeled)]
    still = unlabeled[unlabeled + shift > match_upper(labeled + shift, unlabeled + shift)]
    assert len(taken) == len(still) or _is_a_tie(labeled, taken, still)


def _is_a_tie(labeled, one, other):
    from scipy.stats import wasserstein_distance

    gap = wasserstein_distance(labeled, one) - wasserstein_distance(labeled, other)
    return abs(gap) < 1e-9


@FEW
@given(SCORES, SCORES)
def test_lower_matching_mirrors_upper_matching(labeled, unlabeled):
    assert match_lower(labeled, unlabeled) == -match_upper(-labeled, -unlabeled)
