import json

import numpy as np
import pytest

from defectory.domain import Label, ParameterError
from defectory.pseudolabels import PseudoLabeler, PseudoLabels
from defectory.pseudolabels.labeler import cast_votes, count_votes, deal_subsets

N_GOOD, N_DEFECTS, N_LABELED = 80, 12, 4


def pool(seed=0, n_labeled=N_LABELED):
    """Return features and labels: good ones first, defects far off in all directions last."""
    rng = np.random.default_rng(seed)
    good = rng.normal(size=(N_GOOD, 6))
    defects = rng.normal(size=(N_DEFECTS, 6)) * 8
    labels = np.full(N_GOOD + N_DEFECTS, Label.UNLABELED, np.int8)
    labels[:n_labeled] = Label.NORMAL
    labels[len(labels) - n_labeled :] = Label.ANOMALOUS
    return np.concatenate([good, defects]).astype(np.float32), labels


@pytest.mark.parametrize("n_classifiers", [1, 2, 5])
def test_what_is_plain_is_labeled_rightly(n_classifiers):
    labeler = PseudoLabeler(n_classifiers=n_classifiers)
    found = labeler.label(*pool())

    assert (found.labels[:N_GOOD] != Label.ANOMALOUS).all()
    assert (found.labels[N_GOOD:] != Label.NORMAL).all()
    assert (found.labels[:N_GOOD] == Label.NORMAL).mean() > 0.3
    assert (found.labels[N_GOOD:-N_LABELED] == Label.ANOMALOUS).mean() > 0.2


def test_shapes_and_types():
    found = PseudoLabeler(n_classifiers=3).label(*pool(), round=7)
    n = N_GOOD + N_DEFECTS

    assert (found.labels.shape, found.labels.dtype) == ((n,), np.int8)
    assert (found.votes.shape, found.votes.dtype) == ((n, 3), np.int8)
    assert (found.scores.shape, found.scores.dtype) == ((n, 3), np.float32)
    assert (found.thresholds.shape, found.thresholds.dtype) == ((3, 2), np.float64)
    assert (len(found), found.round) == (n, 7)


def test_confirmed_labels_are_never_overwritten():
    features, labels = pool()
    labels[0], labels[-1] = Label.ANOMALOUS, Label.NORMAL  # a person may contradict the features
    found = PseudoLabeler().label(features, labels)
    known = labels != Label.UNLABELED

    np.testing.assert_array_equal(found.labels[known], labels[known])
    np.testing.assert_array_equal(found.is_confirmed, known)
    assert (found.votes[known] == Label.UNLABELED).all()


def test_the_given_arrays_stay_as_they_are():
    features, labels = pool()
    before = features.copy(), labels.copy()
    PseudoLabeler().label(features, labels)
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_seed_and_round_deal_the_subsets_and_the_global_state_stays():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (PseudoLabeler(seed=3).label(*pool()) for _ in range(2))
    other = PseudoLabeler(seed=4).label(*pool())
    later = PseudoLabeler(seed=3).label(*pool(), round=1)

    np.testing.assert_array_equal(first.scores, again.scores)
    assert not np.array_equal(first.scores, other.scores)
    assert not np.array_equal(first.scores, later.scores)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_subsets_are_disjoint_and_cover():
    indices = np.arange(3, 25)
    parts = list(deal_subsets(indices, 4, np.random.default_rng(0)))
    assert sorted(np.concatenate(parts).tolist()) == indices.tolist()
    assert {len(part) for part in parts} == {5, 6}


def test_votes_of_all_cases():
    limits = np.array([[1.0, 2.0], [3.0, 2.0]])  # the second pair is in conflict
    scores = np.array([[0.5, 1], [1.5, 2.5], [2.5, 3.5], [1.0, 2.0], [2.0, 3.0]], np.float32)
    votes = cast_votes(scores, limits)

    assert votes.tolist() == [[0, 0], [-1, -1], [1, 1], [-1, 0], [-1, 1]]


def test_all_must_agree():
    votes = np.array([[1, 1, 1], [1, 1, -1], [1, 0, -1], [0, 0, 1], [0, 0, 0]], np.int8)

    assert count_votes(votes).tolist() == [1, -1, -1, -1, 0]


def test_without_labels_of_a_class_otsu_takes_its_side():
    features, labels = pool()
    otsu = PseudoLabeler(thresholds="otsu").label(features, labels)
    labels[labels == Label.ANOMALOUS] = Label.UNLABELED
    only_normals = PseudoLabeler(thresholds="matching").label(features, labels)
    expected = PseudoLabeler(thresholds="otsu").label(features, labels)

    np.testing.assert_array_equal(only_normals.thresholds[:, 1], expected.thresholds[:, 1])
    assert not np.array_equal(only_normals.thresholds[:, 0], expected.thresholds[:, 0])
    assert (otsu.thresholds[:, 0] == otsu.thresholds[:, 1]).all()


def test_without_any_label_otsu_parts_them():
    features, labels = pool(n_labeled=0)
    labels[:] = Label.UNLABELED
    found = PseudoLabeler().label(features, labels)
    assert (found.labels[N_GOOD:] == Label.ANOMALOUS).mean() > 0.7
    assert (found.labels[:N_GOOD] == Label.NORMAL).mean() > 0.9


def test_percentiles_leave_most_unknown():
    found = PseudoLabeler(thresholds="percentile").label(*pool())
    assert 0 < (found.labels[~found.is_confirmed] != Label.UNLABELED).mean() < 0.1


def test_own_scores_are_left_out():
    """Of few samples in many dimensions, those a model has seen would look far too usual."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 20)).astype(np.float32)
    labels = np.full(60, Label.UNLABELED, np.int8)
    honest, seen = (
        PseudoLabeler(own_scores=own, thresholds="otsu", shrinkage=0.05).label(features, labels)
        for own in ("left-out", "as-fitted")
    )
    gap = np.abs(honest.scores[:, 0] - honest.scores[:, 1]).mean()
    assert gap < 0.5 * np.abs(seen.scores[:, 0] - seen.scores[:, 1]).mean()


def test_labeled_normals_teach_every_model_what_is_usual():
    """Unlabeled samples lie around 0; on one side of them, twenty confirmed normals."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(62, 3)).astype(np.float32)
    features[:20] += 10
    features[-2:] = [[10], [-10]]
    labels = np.repeat([Label.NORMAL, Label.UNLABELED], [20, 42])
    found = PseudoLabeler().label(features, labels)
    assert (found.scores[-2] < 0.6 * found.scores[-1]).all()


def test_records_say_why_and_are_ready_for_json():
    found = PseudoLabels(
        labels=np.array([0, 1, 0, -1], np.int8),
        is_confirmed=np.array([True, False, False, False]),
        votes=np.array([[-1, -1], [1, 1], [0, 0], [1, -1]], np.int8),
        thresholds=np.array([[1.0, 2.0], [1.5, 2.5]]),
        scores=np.array([[0, 0], [3, 3], [1, 1], [2.25, 2.25]], np.float32),
        round=2,
    )
    records = json.loads(json.dumps(found.records(), allow_nan=False))

    assert [record["reason"] for record in records] == [
        "A person confirmed it as normal.",
        "2 of 2 models score it above their anomaly threshold: anomalous.",
        "2 of 2 models score it below their normal threshold: normal.",
        "1 of 2 models vote anomalous and 0 normal; all must agree, so it stays unknown.",
    ]
    assert records[3] == {
        "index": 3, "label": -1, "is_confirmed": False, "round": 2, "votes": [1, -1],
        "scores": [2.25, 2.25], "thresholds": [[1.0, 2.0], [1.5, 2.5]],
        "reason": records[3]["reason"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("n_classifiers", 0, "n_classifiers is 0; give 1 or more"),
        ("thresholds", "best", "choose 'matching' or 'percentile' or 'otsu'"),
        ("own_scores", "none", "choose 'left-out' or 'as-fitted'"),
        ("shrinkage", 0.0, "shrinkage is 0.0"),
        ("n_dims", 0, "n_dims is 0"),
    ],
)
def test_bad_settings_are_refused(name, bad, message):
    with pytest.raises(ParameterError, match=message):
        PseudoLabeler(**{name: bad})


def test_bad_data_are_refused():
    features, labels = pool()
    broken = features.copy()
    broken[5, 2] = np.nan
    cases = [
        (features[0], labels, "give \\(n, d\\) and \\(n,\\)"),
        (features, labels[:-1], "give \\(n, d\\) and \\(n,\\)"),
        (broken, labels, "sample 5 hold nan or infinity"),
        (features, labels + 3, "other codes than"),
        (features, np.abs(labels), "every sample is labeled"),
        (features[:3], np.array([0, -1, 1]), "1 unlabeled and 1 normal samples are too few for 2"),
        (features[:2], np.array([-1, -1]), "2 unlabeled and 0 normal samples are too few for 2"),
    ]
    for given, codes, message in cases:
        with pytest.raises(ParameterError, match=message):
            PseudoLabeler().label(given, codes)
    with pytest.raises(ParameterError, match="round is -1"):
        PseudoLabeler().label(features, labels, round=-1)
