"""A fit in parts is the fit of one: any number, any order, any process; what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors.gaussian import Gaussian
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import DataError, HeldOutScores, Label, OutputError, ParameterError
from defectory.sources import read_dataset
from defectory.workflows.fitting import resume
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.fitting.parts import Collection, collect_part
from defectory.workflows.fitting.resume import resume_fit
from defectory.workflows.shards.membership import Shard
from defectory.workflows.updating.new_labels import check_new_labels
from defectory.workflows.updating.update import update_model
from tests.pictures import write_mvtec

GAUSSIAN = FitOptions(detector="gaussian", size_px=64, keep_probes=False, group_by="none")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts") / "data"
    return read_dataset(write_mvtec(root, n_train=24, n_good=6, n_defective=6, size_px=64))


def fit_in(n, data, folder, options):
    for index in reversed(range(n)):
        collect_part(data, folder, Shard(index, n), options)
    return fit_dataset(data, options, parts=folder).model


def scores_of(model, data):
    return model.bundle.detector.score(data.subset("test").images()).image_scores


@pytest.mark.parametrize(
    "options",
    [pytest.param(GAUSSIAN, marks=pytest.mark.thorough), replace(GAUSSIAN, detector="auto")],
)
def test_many_parts_and_one_score_alike(options, data, tmp_path):
    one = fit_in(1, data, tmp_path / "1", options)
    many = fit_in(3, data, tmp_path / "3", options)
    found, expected = scores_of(many, data), scores_of(one, data)
    # a memory of so few patches holds all of them, in another order
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.ptp(expected))
    assert many.threshold.value == pytest.approx(one.threshold.value, rel=1e-3)
    assert many.facts.data.n_images == 24
    plain = scores_of(fit_dataset(data, replace(options, use_cache=False)).model, data)
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-4 * np.ptp(expected))


def test_a_memory_in_parts_covers_what_it_says(data, tmp_path):
    detector = PatchMemory(size_px=64, n_bank=64, n_dims=16)
    options = FitOptions(detector=detector, keep_probes=False, group_by="none")
    model = fit_in(4, data, tmp_path / "p", options)
    bank = model.bundle.detector.bank_
    assert len(bank.index_.bank) == 64
    train = data.subset("train").images()
    backbone = model.bundle.detector.backbone_
    for features in backbone.extract(train, model.bundle.detector.view):
        grid = model.bundle.detector._stack(features)
        assert bank.distances(grid).max() <= bank.coverage_radius_ * (1 + 1e-3)


def test_whole_groups_lie_in_one_part(data, tmp_path):
    options = replace(GAUSSIAN, group_by=r"/(\d\d)\d\.png")
    parts = [collect_part(data, tmp_path / "p", Shard(i, 3), options) for i in range(3)]
    assert sum(part.n_images for part in parts) == 24
    assert all(part.n_images % 10 in (0, 4) for part in parts)  # tens of names, the last has four
    assert fit_dataset(data, options, parts=tmp_path / "p").model.threshold.n_groups == 3


def test_what_is_there_is_kept_and_damage_is_mended(data, tmp_path):
    folder = tmp_path / "p"
    first = collect_part(data, folder, Shard(0, 2), GAUSSIAN)
    again = collect_part(data, folder, Shard(0, 2), GAUSSIAN)
    assert not first.was_there
    assert again.was_there
    assert again.n_images == first.n_images
    content = first.path.read_bytes()
    first.path.write_bytes(content[:-1000])
    assert not collect_part(data, folder, Shard(0, 2), GAUSSIAN).was_there
    assert first.path.read_bytes() == content


def test_a_part_of_which_no_image_can_be_read_is_empty(tmp_path):
    n, folder, options = 8, tmp_path / "p", replace(GAUSSIAN, skip_unreadable=True)
    data = read_dataset(
        write_mvtec(tmp_path / "data", n_train=12, n_good=1, n_defective=1, size_px=64)
    )
    train = data.subset("train")
    collection = Collection(train, Gaussian(size_px=64))
    parts = [collection.part(Shard(index, n)) for index in range(n)]
    few = min((part for part in parts if len(part)), key=len)
    for row in few.tolist():
        (tmp_path / "data" / train.samples[row].name).write_bytes(b"no picture")
    found = [collect_part(data, folder, Shard(index, n), options) for index in range(n)]
    assert [part.n_images for part in found] == [0 if part is few else len(part) for part in parts]
    model = fit_dataset(data, options, parts=folder).model
    assert len(model.bundle.calibration) == 12 - len(few)


def test_missing_parts_are_named_with_the_command_that_makes_them(data, tmp_path):
    folder = tmp_path / "p"
    collect_part(data, folder, Shard(1, 3), GAUSSIAN)
    with pytest.raises(DataError, match=r"part 0/3 is missing:.*--shard 0/3"):
        fit_dataset(data, GAUSSIAN, parts=folder)
    with pytest.raises(DataError, match="holds no parts"):
        fit_dataset(data, GAUSSIAN, parts=tmp_path)


def test_parts_of_something_else_are_refused(data, tmp_path):
    folder = tmp_path / "p"
    collect_part(data, folder, Shard(0, 1), GAUSSIAN)
    with pytest.raises(OutputError, match="other settings"):
        collect_part(data, folder, Shard(0, 1), replace(GAUSSIAN, size_px=96))
    fewer = data.filter(lambda sample: sample.name != "train/good/000.png")
    with pytest.raises(DataError, match="other images"):
        fit_dataset(fewer, GAUSSIAN, parts=folder)
    with pytest.raises(ParameterError, match="cannot be made in parts"):
        collect_part(data, tmp_path / "m", Shard(0, 1), replace(GAUSSIAN, detector="memseg"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match=r"letter\.txt"):
        collect_part(data, tmp_path / "mine", Shard(0, 1), GAUSSIAN)


@pytest.mark.parametrize(
    "name", [pytest.param("gaussian", marks=pytest.mark.thorough), "patch-memory", "auto"]
)
def test_a_resumed_fit_knows_what_a_fit_of_all_knows(name, data):
    options = replace(GAUSSIAN, detector=name)
    train = data.subset("train")
    half = replace(train, samples=train.samples[:12])
    rest = replace(train, samples=train.samples[12:])
    old = fit_dataset(half, options).model
    before = scores_of(old, data)
    resumed = resume_fit(old, rest, options)
    everything = scores_of(fit_dataset(train, options).model, data)
    found = scores_of(resumed.model, data)
    np.testing.assert_array_equal(scores_of(old, data), before)  # the old one stays as it is
    assert np.abs(found - before).max() > 0.01 * np.std(everything)
    assert np.corrcoef(found, everything)[0, 1] > 0.99
    assert len(resumed.model.bundle.calibration) == 24
    assert resumed.model.facts.data.n_images == 24
    assert resumed.n_learned == 12
    assert not resumed.doubted


def test_a_resumed_fit_keeps_no_pictures_where_none_are_to_be_kept(data):
    train = data.subset("train")
    half = replace(train, samples=train.samples[:12])
    rest = replace(train, samples=train.samples[12:])
    with_probes = replace(GAUSSIAN, keep_probes=True)
    old = fit_dataset(half, with_probes).model
    assert old.bundle.probes
    assert resume_fit(old, rest, with_probes).model.bundle.probes == old.bundle.probes
    assert resume_fit(old, rest, GAUSSIAN).model.bundle.probes == ()


def test_images_of_the_fit_and_those_that_updates_brought_are_told_apart(data):
    train, test = data.subset("train"), data.subset("test")
    first, then = (
        replace(train, samples=samples) for samples in (train.samples[:12], train.samples[12:])
    )
    model = fit_dataset(first, replace(GAUSSIAN, detector="auto")).model
    later = replace(test, samples=tuple(replace(sample, split="") for sample in test.samples))
    taught = update_model(model, check_new_labels(later, "labels")).model
    resumed = resume_fit(taught, then, GAUSSIAN).model
    assert set(resumed.facts.data.fitted_hashes) == set(train.contents())
    assert set(resumed.facts.data.image_hashes) == {*train.contents(), *test.contents()}


def test_old_and_new_scores_are_kept_by_the_images_they_stand_for(data, monkeypatch):
    model = fit_dataset(data.subset("train"), GAUSSIAN).model  # 24 images
    monkeypatch.setattr(resume, "MAX_HELD_OUT", 20)
    pairs = np.repeat(np.arange(12), 2)
    new = HeldOutScores.of(np.full(24, 1e6), np.zeros(24), groups=pairs)
    for n_today, n_new in ((24, 10), (72, 15), (8, 5)):
        kept = resume._in_proportion(model, new, n_today)
        is_new = kept.scores == 1e6
        assert abs(is_new.sum() - n_new) <= 1
        assert 18 <= len(kept) <= 20
        _, sizes = np.unique(kept.groups[is_new], return_counts=True)
        assert (sizes == 2).all()  # of a group all or none


def test_a_resumed_fit_does_not_learn_what_the_bundle_rejects(data):
    train = data.subset("train")
    old = fit_dataset(train, GAUSSIAN).model
    test = data.subset("test")
    unlabeled = replace(
        test, samples=tuple(replace(s, label=Label.UNLABELED, split="train") for s in test.samples)
    )
    resumed = resume_fit(old, unlabeled, GAUSSIAN)
    scores = scores_of(old, data)
    is_rejected = scores > old.threshold.value
    names = [sample.name for sample in test.samples]
    assert is_rejected.any()
    assert set(resumed.doubted) == {names[i] for i in np.flatnonzero(is_rejected)}
    assert resumed.n_learned == 12 - is_rejected.sum()
    with pytest.raises(ParameterError, match="learned from before"):
        resume_fit(old, train, GAUSSIAN)


def test_a_basis_is_not_a_part(data):
    detector = Gaussian(size_px=64).prepare(data.subset("train").images())
    assert set(detector.basis_) == {"noise"}
    assert not hasattr(detector, "backbone_")
