import numpy as np
import pytest

from defectory.domain import Label, ParameterError
from defectory.labeling.candidates import Candidates, spread_labels
from defectory.labeling.queue import DEFAULT_MIX, STRATEGIES, make_queue

N = 60


def candidates_of(n=N, *, labeled=(), **known):
    rng = np.random.default_rng(0)
    codes = np.full(n, Label.UNLABELED, np.int8)
    codes[list(labeled)] = Label.NORMAL
    told = {"scores": rng.normal(size=n), "threshold": 1.0, "codes": codes}
    return Candidates(**(told | known))


def everything_known():
    rng = np.random.default_rng(1)
    return candidates_of(
        labeled=(3, 4),
        embeddings=rng.normal(size=(N, 5)).astype(np.float32),
        suspicions=rng.uniform(size=N),
        disagreements=rng.uniform(size=N),
        holders=np.array([7, 3]),
    )


def asked(candidates, n=N, **settings):
    return [entry.index for entry in make_queue(candidates, n, **settings)]


def only(name):
    return {"mix": {name: 1}}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_asks_each_open_image_at_most_once_and_says_why(name):
    queue = make_queue(everything_known(), N, **only(name))
    indices = [entry.index for entry in queue]
    assert queue
    assert len(set(indices)) == len(indices)
    assert not {3, 4} & set(indices)
    for entry in queue:
        assert entry.strategy == name
        assert len(entry.reason.split()) > 4
        assert "nan" not in entry.reason


def test_likely_defects_come_by_falling_score():
    known = candidates_of()
    order = asked(known, **only("likely-defect"))
    assert order == np.argsort(-known.scores).tolist()


def test_copies_count_once_among_likely_defects():
    known = candidates_of(3, scores=np.array([1.0, 3.0, 2.0]), groups=np.array([0, 1, 1]))
    queue = make_queue(known, 3, **only("likely-defect"))
    assert [entry.index for entry in queue] == [1, 0]
    assert queue[1].reason == "scores 1, rank 2 of 2 unlabeled images"


def test_near_the_threshold_comes_by_distance_to_it():
    known = candidates_of(scores=np.array([0.0, 0.9, 1.3, 5.0]), codes=np.full(4, -1, np.int8))
    queue = make_queue(known, 2, **only("near-threshold"))
    assert [entry.index for entry in queue] == [1, 2]
    assert queue[0].reason == "scores 0.9, close below the threshold 1, and is accepted"
    assert queue[1].reason == "scores 1.3, close above the threshold 1, and is rejected"


def test_what_is_left_to_a_person_is_not_said_to_be_accepted():
    scores = np.array([0.2, 0.9, 1.0, 1.3])
    known = candidates_of(scores=scores, codes=np.full(4, -1, np.int8), accept_threshold=0.9)
    assert [known.decision(i) for i in range(4)] == ["accepted", "review", "review", "rejected"]
    reasons = [entry.reason for entry in make_queue(known, 2, **only("near-threshold"))]
    assert all(reason.endswith("and is left to a person") for reason in reasons)


def test_without_a_threshold_nothing_is_near_it():
    assert asked(candidates_of(threshold=np.inf), **only("near-threshold")) == []


def test_holders_that_are_labeled_are_not_asked_about():
    assert asked(everything_known(), **only("holds-threshold")) == [7]


def test_suspicions_come_first_and_scores_decide_among_equals():
    known = candidates_of(
        scores=np.array([1.0, 2.0, 3.0, 4.0]),
        codes=np.full(4, -1, np.int8),
        suspicions=np.array([1.0, 1.0, 0.5, 0.0]),
    )
    assert asked(known, **only("suspected")) == [1, 0, 2]


def test_diverse_images_cover_what_labeled_ones_do_not():
    embeddings = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]], np.float32)
    codes = np.array([0, -1, -1, -1, -1], np.int8)
    known = Candidates(np.zeros(5), 1.0, codes, embeddings=embeddings)
    order = asked(known, 2, **only("diverse"))
    assert order[0] == 4
    assert order[1] in (2, 3)


def test_shares_hold_in_every_first_part_of_the_queue():
    known = candidates_of(1000)
    mix = {"likely-defect": 0.5, "near-threshold": 0.3, "random": 0.2}
    names = [entry.strategy for entry in make_queue(known, 100, mix=mix)]
    for n in range(1, 101):
        for name, share in mix.items():
            assert abs(names[:n].count(name) - share * n) < 1


def test_what_a_strategy_cannot_ask_goes_to_the_others():
    names = {entry.strategy for entry in make_queue(candidates_of(), N)}
    assert names == {"likely-defect", "near-threshold", "random"}
    assert len(make_queue(candidates_of(), N)) == N


def test_an_image_is_asked_about_once_whichever_strategy_wants_it():
    order = asked(everything_known(), mix=DEFAULT_MIX)
    assert len(order) == len(set(order)) == N - 2


def test_a_group_is_asked_about_once_and_not_where_one_of_it_is_labeled():
    groups = np.repeat(np.arange(N // 3), 3)
    known = candidates_of(labeled=(0,), groups=groups)
    order = asked(known)
    assert sorted(groups[order].tolist()) == list(range(1, N // 3))


def test_images_without_a_group_are_asked_about_each():
    assert len(asked(candidates_of(groups=np.full(N, -1)))) == N


def test_the_same_seed_gives_the_same_queue_and_another_asks_others_at_random():
    known = everything_known()
    assert make_queue(known, 20, seed=3) == make_queue(known, 20, seed=3)
    assert asked(known, **only("random")) != asked(known, **only("random"), seed=1)


def test_nothing_to_ask_gives_an_empty_queue():
    assert make_queue(candidates_of(labeled=range(N)), 5) == []
    assert make_queue(candidates_of(), 0) == []


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ({"clever": 1}, "no strategy is named 'clever'"),
        ({"random": -1}, "the share of random is -1"),
        ({"random": float("nan")}, "the share of random"),
        ({"random": 0}, "at least one strategy"),
    ],
)
def test_a_mix_that_means_nothing_is_refused(mix, words):
    with pytest.raises(ParameterError, match=words):
        make_queue(candidates_of(), 3, mix=mix)


@pytest.mark.parametrize(
    "known",
    [
        {"codes": np.zeros(3, np.int8)},
        {"embeddings": np.zeros((3, 2), np.float32)},
        {"scores": np.full(N, np.nan)},
        {"holders": np.array([N])},
    ],
)
def test_candidates_of_other_lengths_are_refused(known):
    with pytest.raises(ParameterError):
        candidates_of(**known)


def test_the_default_mix_is_whole_and_asks_at_random():
    assert sum(DEFAULT_MIX.values()) == pytest.approx(1)
    assert set(DEFAULT_MIX) <= set(STRATEGIES)
    assert DEFAULT_MIX["random"] >= 0.1


def test_a_label_counts_for_its_group_and_a_defect_first():
    codes = np.array([0, -1, 1, -1, 0, 1, -1, -1], np.int8)
    groups = np.array([0, 0, 1, 1, 2, 2, 2, -1])
    assert spread_labels(codes, groups).tolist() == [0, 0, 1, 1, 0, 1, 1, -1]
    assert spread_labels(codes, None).tolist() == codes.tolist()
