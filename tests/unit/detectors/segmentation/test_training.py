"""What each term of the loss moves, and that a killed run ends as if it had not been."""

import numpy as np
import pytest
import torch

from defectory.detectors.mapl import Mapl
from defectory.detectors.segmentation.rounds import (
    fingerprint_each,
    split_normals,
    split_validation,
)
from defectory.detectors.segmentation.statistics import measure
from defectory.domain import ArrayImages, DataError, Label, ParameterError, TrainingResources
from defectory.testing.pictures import defective, products, twice

N_NORMAL, N_KNOWN = 8, 4


class Masks:
    """Of the known defects: the first two have one."""

    def __len__(self):
        return N_NORMAL + N_KNOWN

    def read(self, index):
        if index not in (N_NORMAL, N_NORMAL + 1):
            return None
        mask = np.zeros((96, 96), bool)
        mask[20:40, 40:60] = True
        return mask


def images():
    return ArrayImages(products(N_NORMAL) + defective())


MASKS = Masks()
LABELS = np.array([Label.NORMAL] * N_NORMAL + [Label.ANOMALOUS] * N_KNOWN)


def make(**settings):
    fast = {"size_px": 64, "n_steps": 2, "n_memory": 3, "width": 0.25, "batch_size": 4}
    return Mapl(**{**fast, **settings})


def caught_trainee(monkeypatch, **settings):
    """The trainee of a fit, stopped at its first step."""

    from defectory.detectors.segmentation import head_training

    caught = []

    def stop(trainee, *_, **__):
        trainee._begin(0)
        caught.append(trainee)
        raise InterruptedError

    monkeypatch.setattr(head_training, "train", stop)
    with pytest.raises(InterruptedError):
        make(**settings).fit(images(), LABELS, Masks())
    return caught[0]


def moved_parts(trainee, term):
    """Names of the parts that get a gradient from one term of the loss."""
    trainee._optimizer.zero_grad(set_to_none=True)
    loss = trainee.losses(0)[term]
    if loss.requires_grad:
        loss.backward()
    head = trainee._network.head
    parts = {
        "decoder": [head.decode, head.refine],
        "map": [head.logits],
        "predictor": [head.predict],
    }
    if head.config.use_fusion:
        parts["fusion"] = [head.keep, head.align]
    if trainee._encoder is not None:
        parts["encoder"] = [trainee._encoder]
    return {
        name for name, modules in parts.items() if all(_has_gradient(module) for module in modules)
    }


def _has_gradient(module):
    return any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in module.parameters())


EVERYTHING = {"encoder", "fusion", "decoder", "map", "predictor"}


@pytest.fixture
def codes(monkeypatch):
    """Pseudo-labels that know every simulated image: the term has something to say."""

    def give(descriptors, confirmed, number):
        return np.where(confirmed == Label.UNLABELED, Label.ANOMALOUS, confirmed).astype(np.int8)

    monkeypatch.setattr(Mapl, "_make_pseudo_label", lambda self: give)


@pytest.mark.parametrize(
    ("term", "moved"),
    [
        ("segmentation", EVERYTHING - {"predictor"}),
        ("image", EVERYTHING),
        ("pseudo", EVERYTHING),
    ],
)
def test_each_term_moves_encoder_fusion_decoder_and_predictor(monkeypatch, codes, term, moved):
    trainee = caught_trainee(monkeypatch, encoder="scratch", memory="image", use_fusion=True)
    assert moved_parts(trainee, term) == moved
    everything = list(trainee._network.head.parameters())
    assert all(p.grad is not None for p in everything) == (moved == EVERYTHING)


def test_with_a_frozen_encoder_all_else_moves(monkeypatch, codes):
    trainee = caught_trainee(monkeypatch)
    assert moved_parts(trainee, "pseudo") == EVERYTHING - {"encoder", "fusion"}


def test_without_fusion_no_weight_is_left_that_nothing_teaches(monkeypatch, codes):
    trainee = caught_trainee(monkeypatch)
    trainee.losses(0)["pseudo"].backward()
    assert all(p.grad is not None for p in trainee._network.head.parameters())


def test_the_memory_path_moves_the_encoder(monkeypatch, codes):
    """Without features of its own to look at, the head still teaches the encoder through the differences."""
    trainee = caught_trainee(monkeypatch, encoder="scratch", memory="image")
    network = trainee._network
    whiten = network.whitening.forward

    def differences_only(levels):
        found = whiten(levels)
        kept = [level.detach() for level in found]
        network.head.register_forward_pre_hook(
            lambda _, inputs: (kept, inputs[1]), with_kwargs=False
        )
        return found

    monkeypatch.setattr(network.whitening, "forward", differences_only)
    assert "encoder" in moved_parts(trainee, "segmentation")


def test_as_released_pseudo_labels_move_nothing(monkeypatch, codes):
    trainee = caught_trainee(monkeypatch, encoder="scratch", memory="image", pseudo_gradient=False)
    assert moved_parts(trainee, "pseudo") == set()


def test_only_masks_teach_pixels_and_all_labels_teach_the_image(monkeypatch, codes):
    trainee = caught_trainee(monkeypatch)
    known = trainee._lesson.known
    assert known.has_mask.tolist() == [True, True, False, False]
    assert len(known) == N_KNOWN
    without = known.rows(np.array([2, 3]))
    trainee._draw_known = lambda lesson, place: without
    unmasked = trainee.losses(0)
    trainee._draw_known = lambda lesson, place: None
    none = trainee.losses(0)
    torch.testing.assert_close(unmasked["segmentation"], none["segmentation"])
    assert float(unmasked["image"].detach()) != pytest.approx(float(none["image"].detach()))


def test_a_distrusted_image_teaches_no_pixel(monkeypatch):
    monkeypatch.setattr(Mapl, "_make_pseudo_label", lambda self: None)
    trainee = caught_trainee(monkeypatch)
    lesson = trainee._lesson
    lesson.known = None
    lesson.normal_codes[:] = Label.ANOMALOUS
    assert float(trainee.losses(0)["segmentation"].detach()) == 0


def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    from defectory.detectors.segmentation import trainee as module

    settings = {"n_steps": 6, "encoder": "scratch", "memory": "image"}
    monkeypatch.setattr(module, "_STEPS_A_ROUND", 4)
    resources = TrainingResources(
        checkpoint=tmp_path / "run", checkpoint_every_s=0, n_threads=1, device="cpu"
    )
    whole = make(**settings)
    whole.resources = TrainingResources(n_threads=1, device="cpu")
    whole.fit(images(), LABELS, Masks())

    step = module.SegmentationTrainee.step

    def killed(self, index, n_steps):
        if index == 5:
            raise MemoryError
        return step(self, index, n_steps)

    monkeypatch.setattr(module.SegmentationTrainee, "step", killed)
    resumed = make(**settings)
    resumed.resources = resources
    with pytest.raises(MemoryError):
        resumed.fit(images(), LABELS, Masks())
    assert (tmp_path / "run").exists()
    monkeypatch.setattr(module.SegmentationTrainee, "step", step)
    resumed.fit(images(), LABELS, Masks())
    assert resumed.head_ == whole.head_
    assert not (tmp_path / "run").exists()


def test_normals_are_held_out_confirmed_ones_first():
    labels = np.array([Label.UNLABELED] * 6 + [Label.NORMAL] * 3 + [Label.ANOMALOUS], np.int8)
    train, held_out = split_normals(labels, 4, 0, np.arange(10))
    assert set(train) | set(held_out) == set(range(9))
    assert set(held_out) >= {6, 7, 8}
    assert len(held_out) == 4
    assert len(set(train) & set(held_out)) == 0


@pytest.mark.parametrize("n_wanted", [1, 7, 20, 50])
@pytest.mark.parametrize("sizes", [[1] * 100, [10] * 10, [50, 50], [60, 30, 10], [99, 1]])
def test_a_group_is_held_out_as_a_whole_and_never_more_than_half_of_all(sizes, n_wanted):
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    labels = np.full(100, Label.UNLABELED, np.int8)
    for seed in range(5):
        train, held_out = split_normals(labels, n_wanted, seed, groups)
        assert sorted([*train, *held_out]) == list(range(100))
        assert not set(groups[train]) & set(groups[held_out])
        assert 1 <= len(held_out) <= 50
        last = max(sizes[number] for number in groups[held_out])
        assert len(held_out) < n_wanted + last


@pytest.mark.parametrize("sizes", [[1] * 100, [10] * 10, [50, 50]])
def test_where_groups_allow_as_many_are_held_out_as_wanted(sizes):
    groups, labels = np.repeat(np.arange(len(sizes)), sizes), np.zeros(100, np.int8)
    _, held_out = split_normals(labels, 40, 0, groups)
    assert len(held_out) in (40, 50)


def test_groups_with_confirmed_normals_are_held_out_first():
    labels, groups = np.full(40, Label.UNLABELED, np.int8), np.arange(40) // 4
    labels[[9, 30]] = Label.NORMAL
    _, held_out = split_normals(labels, 7, 3, groups)
    assert held_out.tolist() == [8, 9, 10, 11, 28, 29, 30, 31]


def test_what_is_normal_is_told_without_the_group_of_a_held_out_image():
    """Where the model knows the twin of each, new products lie far above those held out."""
    source, new = ArrayImages(twice(10)), ArrayImages(products(20, seed=4))

    def rise(groups):
        fitted = Mapl(size_px=64, n_steps=2, n_memory=2).fit(source, groups=groups)
        scores = fitted.score(new).image_scores
        return (np.median(scores) - np.median(fitted.held_out_.scores)) / scores.std()

    assert rise(None) > rise(np.tile(np.arange(10), 2)) + 2


def test_whitening_brings_directions_to_one_variance():
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.normal(size=(5, 5)))[0] * [1, 1.5, 2, 2.5, 3]
    levels = [(mixing @ rng.normal(size=(5, 400)) + 7).reshape(5, 20, 20) for _ in range(20)]
    statistics = measure((level,) for level in levels)
    ((mean, projection),) = statistics.whitening(1.0)
    cells = np.concatenate([level.reshape(5, -1) for level in levels], axis=1).T
    covariance = np.cov((cells - mean) @ projection, rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(5), atol=0.05)
    ((_, plain),) = statistics.whitening(0.0)
    shared = np.cov((cells - mean) @ plain, rowvar=False)
    assert np.trace(shared) == pytest.approx(5, rel=0.05)
    np.testing.assert_allclose(plain.T @ plain, np.eye(5) * (plain.T @ plain)[0, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "resnet"}, "encoder is 'resnet'"),
        ({"memory_choice": "first"}, "memory_choice"),
        ({"encoder": "scratch", "memory": "patch"}, "by image or by position"),
        ({"pseudo_labels": "guess"}, "pseudo_labels is 'guess'"),
        ({"n_classifiers": 0}, "n_classifiers"),
        ({"n_steps": 0}, "n_steps"),
        ({"batch_size": 1}, "batch_size"),
        ({"whitening": 1.5}, "whitening"),
        ({"head_weight": -1.0}, "head_weight"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"mix": "everything"}, "no mix is named"),
        ({"memory": "cell"}, "memory is 'cell'"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        make(**settings).fit(images(), LABELS)


def test_one_normal_is_too_few():
    with pytest.raises(DataError, match="at least 2"):
        make().fit(ArrayImages(products(1)))


@pytest.mark.thorough
def test_where_nothing_is_unlabeled_votes_change_nothing():
    normals = np.zeros(len(LABELS), np.int8)
    voted, plain = (
        make(pseudo_labels=how).fit(images(), normals).score(images())
        for how in ("matching", "off")
    )
    np.testing.assert_array_equal(voted.image_scores, plain.image_scores)
    np.testing.assert_array_equal(voted.anomaly_maps, plain.anomaly_maps)


@pytest.mark.parametrize("is_voted", [False, True])
def test_simulated_images_are_known_unless_they_are_voted_on(monkeypatch, is_voted):
    asked = []

    def give(descriptors, codes, number):
        asked.append(codes)
        return codes

    monkeypatch.setattr(Mapl, "_make_pseudo_label", lambda self: give)
    trainee = caught_trainee(monkeypatch, pseudo_simulated=is_voted)
    n = len(trainee._lesson.round.indices)
    wanted = Label.UNLABELED if is_voted else Label.ANOMALOUS
    assert set(asked[0][n : 2 * n]) == {wanted}
    assert set(trainee._lesson.simulated_codes) == {wanted}


def test_a_single_unlabeled_image_stays_in_doubt():
    codes = np.zeros(12, np.int8)
    codes[3] = Label.UNLABELED
    descriptors = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    found = make(pseudo_labels="matching")._make_pseudo_label()(descriptors, codes, 0)
    np.testing.assert_array_equal(found, codes)


@pytest.mark.thorough
def test_every_round_asks_for_votes_anew(monkeypatch):
    asked = []

    def give(descriptors, codes, number):
        asked.append(number)
        return codes

    monkeypatch.setattr(Mapl, "_make_pseudo_label", lambda self: give)
    monkeypatch.setattr("defectory.detectors.segmentation.trainee._STEPS_A_ROUND", 2)
    make(n_steps=6).fit(images(), LABELS)
    assert asked == [0, 1, 2]


@pytest.mark.parametrize(("n", "n_validation"), [(8, 1), (100, 12), (5000, 32)])
def test_validation_is_spared_from_training(n, n_validation):
    pool = np.arange(n) * 3
    train, validation = split_validation(pool, 0)
    assert len(validation) == n_validation
    assert np.array_equal(np.sort(np.concatenate([train, validation])), pool)
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert not np.array_equal(validation, split_validation(pool, 1)[1]) or n == 8


def test_few_images_train_and_validate():
    for part in split_validation(np.arange(7), 0):
        assert part.tolist() == list(range(7))


def test_interrupted_training_goes_on_only_with_the_same_groups_labels_and_masks():
    groups = np.arange(N_NORMAL + N_KNOWN)

    def known(labels=LABELS, masks=MASKS, groups=groups):
        return list(fingerprint_each(images(), labels, masks, groups))

    assert known() == known()
    others = known(LABELS[::-1]), known(masks=None), known(groups=groups // 2)
    for other in others:
        assert other != known()
