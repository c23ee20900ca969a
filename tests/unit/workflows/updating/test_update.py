"""An update takes labels, keeps the story of the bundle, and checks every confirmed decision."""

import copy
import dataclasses
import json
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import ClassVar

import numpy as np
import pytest

from defectory.artifacts import (
    LabelCounts,
    Promise,
    RecalibrationRecord,
    RecordedSuspect,
    TrainingData,
    UpdateRecord,
)
from defectory.artifacts.probes import Probe
from defectory.cli.update import _print_images
from defectory.detectors.revision import Confirmed, Revision
from defectory.domain import DefectScores, HeldOutScores, Label, ParameterError, WorseError
from defectory.sources import Dataset, Sample
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.facts import confirmed_names, holder_names
from defectory.workflows.updating.new_labels import NewLabels
from defectory.workflows.updating.results import CheckedImage
from defectory.workflows.updating.update import refuse_worse, update_model
from tests.bundles import DATA, bundle_of

BEFORE = np.linspace(0, 10, 30, dtype=np.float32)  # threshold 10
AFTER = np.linspace(0, 5, 400, dtype=np.float32)  # enough for 1 %: threshold below 5


class Taught:
    name = "fake"
    known_labels: ClassVar[dict] = {}

    def __init__(self, held_out, account=()):
        self.held_out_, self.account_ = HeldOutScores.of(held_out), account
        self.left_out_defects_ = np.zeros(0, np.float32)


class Taking(Taught):
    """Answers every update with the images it was made with."""

    def __init__(self, confirmed, account=("Now.",), after=AFTER):
        super().__init__(BEFORE)
        self._revision = Revision(Taught(after, account), tuple(confirmed))

    def update(self, images, labels, masks=None, *, groups=None, progress=None):
        self.asked = (len(images), labels.tolist(), len(masks))
        return self._revision


def confirmed(name, label, before, after):
    return Confirmed(name, int(label), before, after)


def model_of(detector, **facts):
    return CalibratedDetector(bundle_of(detector, **facts))


@pytest.fixture
def new(tmp_path):
    sample = Sample(tmp_path / "n.png", Label.NORMAL, None, "", None, None, "n.png")
    odd = dataclasses.replace(
        sample, path=tmp_path / "o.png", name="o.png", label=Label.ANOMALOUS,
        mask_path=tmp_path / "m.png",
    )  # fmt: skip
    return NewLabels(Dataset(tmp_path, "csv", (sample, odd)), ("aaa", "bbb"))


def test_each_confirmed_image_is_decided_by_the_threshold_of_its_time(new):
    found = update_model(
        model_of(
            Taking([
                confirmed("aaa", Label.NORMAL, 12.0, 1.0),  # false alarm no more
                confirmed("bbb", Label.ANOMALOUS, 7.0, 7.0),  # found, by the new threshold alone
                confirmed("ccc", Label.NORMAL, 1.0, 6.0),  # now a false alarm
                confirmed("ddd", Label.ANOMALOUS, 2.0, 3.0),  # missed as before
                confirmed("eee", Label.NORMAL, 10.0, 2.0),  # at the threshold is not above it
            ])
        ),
        new,
    )  # fmt: skip
    assert (found.threshold_before.value, found.model.threshold.value) == (
        10.0,
        pytest.approx(5, 0.02),
    )
    flips = [(image.name, image.is_rejected, image.is_right) for image in found.flips]
    assert flips == [("n.png", False, True), ("o.png", True, True), ("ccc", True, False)]
    assert [image.name for image in found.still_wrong] == ["ddd"]
    assert len(found.checked) == 5
    assert (found.n_labels, found.n_normal, found.n_anomalous, found.n_masks) == (2, 1, 1, 1)


def test_an_image_of_the_fit_was_decided_as_it_was_shown_left_out(new):
    seen = Confirmed(
        "bbb", int(Label.ANOMALOUS), 2.0, 12.0, left_out_before=11.0, left_out_after=8.0
    )
    of_fit = dataclasses.replace(DATA, image_hashes=("bbb",))
    elsewhere = update_model(model_of(Taking([seen])), new)
    assert elsewhere.checked[0].before == 2.0
    found = update_model(model_of(Taking([seen]), data=of_fit), new)
    [image] = found.checked
    # learned as normal, it would look better to the new model than any like it
    assert (image.before, image.after, image.was_rejected, image.flips) == (11.0, 8.0, True, False)
    assert (found.effect.n_found_before, found.effect.n_found_after) == (1, 1)


def test_the_detector_gets_images_labels_and_masks_in_one_order(new):
    detector = Taking([])
    update_model(model_of(detector), new)
    assert detector.asked == (2, [int(Label.NORMAL), int(Label.ANOMALOUS)], 2)


def test_labels_that_overturn_earlier_ones_are_named(new):
    first, second = new.contents
    for known, said in (({first: Label.NORMAL}, False), ({first: Label.ANOMALOUS}, True)):
        detector = Taking([])
        detector.known_labels = known
        notes = " ".join(update_model(model_of(detector), new).notes)
        assert ("1 of these labels overturn" in notes) == said
    assert second not in known


def test_facts_stay_and_the_update_is_added(new):
    earlier = UpdateRecord(datetime(2026, 1, 1, tzinfo=UTC), 1, {"yyy": "y.png"})
    model = model_of(
        Taking([confirmed("yyy", Label.NORMAL, 1, 9), confirmed("zzz", Label.NORMAL, 1, 9)]),
        seed=3,
        data=TrainingData("f", "csv", 2, ("aaa", "zzz")),
        labels=LabelCounts(normal=2),
        account=("Then.",),
        confirmed_names={"zzz": "z.png"},
        updates=(earlier,),
        suspects=(RecordedSuspect("o.png", "o.png", "bbb", 1.0, 0.0, "odd"),),
        n_suspects=1,
    )
    found = update_model(model, new)
    after = found.model.facts
    assert (after.seed, after.labels) == (3, LabelCounts(normal=2))
    assert after.data == TrainingData("f", "csv", 2, ("aaa", "zzz", "bbb"))
    assert after.account == ("Now.",)
    assert (after.suspects, after.n_suspects) == ((), 0)
    assert after.updates[0] == earlier
    assert after.updates[1].n_labels == 2
    assert after.updates[1].names == {"aaa": "n.png", "bbb": "o.png"}
    assert len(after.updates) == 2
    assert [image.name for image in found.checked] == ["y.png", "z.png"]


def test_the_probes_of_the_fit_stay(new):
    model = model_of(Taking([]))
    probes = (Probe(b"of the fit", "random"),)
    kept = CalibratedDetector(dataclasses.replace(model.bundle, probes=probes))
    assert update_model(kept, new).model.bundle.probes == probes
    assert update_model(model, new).model.bundle.probes == ()


def test_the_account_of_the_fit_stays_where_the_update_gives_none(new):
    found = update_model(model_of(Taking([], account=()), account=("Then.",)), new)
    assert found.model.facts.account == ("Then.",)


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_note_on_the_promise_is_that_of_the_new_threshold(new, is_kept):
    detector = Taking([], after=AFTER if is_kept else AFTER[:40])
    old = model_of(detector).threshold.explain()
    found = update_model(model_of(detector, notes=("left out: x", old)), new)
    expected = ["left out: x"] if is_kept else ["left out: x", found.model.threshold.explain()]
    assert found.model.facts.notes == tuple(expected)
    assert found.model.threshold.explain() != old


def test_the_model_before_is_unchanged_and_the_promise_stays(new):
    model = model_of(Taking([]), seed=1)
    before = copy.deepcopy(model.facts)
    found = update_model(model.with_false_reject_rate(0.2, 0.9), new)
    assert found.model.promise == Promise(0.2, 0.9)
    assert model.facts == before
    assert model.threshold.value == 10.0


def test_what_is_printed_as_json_is_json(new):
    detector = Taking([confirmed("aaa", Label.NORMAL, 12.0, 1.0)], after=np.zeros(0))
    found = update_model(model_of(detector), new)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert found.model.threshold.value == inf
    assert data["threshold"] is None
    assert data["threshold_before"] == 10.0
    assert data["flips"] == [
        {
            "name": "n.png", "label": "normal", "before": 12.0, "after": 1.0,
            "was_rejected": True, "is_rejected": False, "flips": True, "is_right": True,
        }
    ]  # fmt: skip
    assert (data["n_confirmed"], data["still_wrong"], data["account"]) == (1, [], ["Now."])


def test_what_a_recalibration_fitted_is_said_to_be_gone(new):
    record = RecalibrationRecord(datetime(2026, 1, 2, tzinfo=UTC), 40, 3, False, 10.0, 12.0)
    detector = Taking([confirmed("aaa", Label.NORMAL, 12.0, 1.0)])
    (note,) = update_model(model_of(detector, recalibrations=(record,)), new).notes
    assert "of 2026-01-02 was fitted on 40 fresh good images" in note
    assert "recalibrate again" in note


@pytest.mark.parametrize(
    ("defect", "good", "says"),
    [
        ((12.0, 3.0), (0.0, 0.0), "1 are found before and 0 after"),
        ((3.0, 12.0), (0.0, 0.0), ""),
    ],
)
def test_an_update_that_finds_less_is_worse(defect, good, says, new):
    known = [
        Confirmed("aaa", int(Label.ANOMALOUS), *defect, *defect),
        Confirmed("bbb", int(Label.NORMAL), *good, *good),
    ]
    update = update_model(model_of(Taking(known)), new)
    assert update.effect.n_defects == 1
    why = update.effect.why_worse(0.01)
    assert says in why if says else not why
    if says:
        with pytest.raises(WorseError, match="decide worse"):
            refuse_worse(update)
    else:
        refuse_worse(update)


@pytest.mark.parametrize(("n_rejected_before", "is_worse"), [(0, True), (2, False), (3, False)])
def test_good_images_are_compared_with_themselves(n_rejected_before, is_worse, new):
    """Three of four newly confirmed good images are rejected after it, at a threshold of 10."""
    old = [12.0] * n_rejected_before + [0.0] * (4 - n_rejected_before)
    known = [
        Confirmed(f"{i}", int(Label.NORMAL), was, now, was, now)
        for i, (was, now) in enumerate(zip(old, [12.0, 12.0, 12.0, 0.0], strict=True))
    ]
    effect = update_model(model_of(Taking(known)), new).effect
    assert (effect.n_good, effect.n_false_before, effect.n_false_after) == (4, n_rejected_before, 3)
    why = (
        f"of 4 newly confirmed good images, {n_rejected_before} are rejected before and 3 after it"
    )
    assert effect.why_worse(0.01).startswith(why) == is_worse
    assert bool(effect.why_worse(0.01)) == is_worse


@pytest.mark.parametrize(("n_images", "is_worse"), [(100, True), (300, False)])
def test_images_chosen_among_others_stand_for_all_of_them(n_images, is_worse, new):
    """Four were asked about because they are suspicious: of 300 good images three may be rejected at 1 %."""
    after = [12.0, 12.0, 12.0, 0.0]
    known = [Confirmed(f"{i}", int(Label.NORMAL), 0.0, x, 0.0, x) for i, x in enumerate(after)]
    effect = update_model(_model_of_images(Taking(known), n_images), new).effect
    assert effect.n_good_among == n_images
    assert bool(effect.why_worse(0.01)) == is_worse


def _model_of_images(detector, n_images):
    """A model that was fitted on images whose contents are 0, 1, 2, ..., and two defects."""
    contents = tuple(f"{i}" for i in range(n_images + 2))
    labels = LabelCounts(unlabeled=n_images, anomalous=2)
    return model_of(detector, data=TrainingData("f", "csv", n_images + 2, contents), labels=labels)


@pytest.mark.parametrize(("odd", "finds_less"), [(50.0, True), (0.0, False)])
def test_a_promise_waits_to_be_asked_for(odd, finds_less, new):
    """Taken wherever it finds more, it would be taken where chance made it too low."""
    scores = np.random.default_rng(0).normal(size=500)
    scores[0] = odd
    if not finds_less:
        scores[:400] /= 2
    detector = Taking([])
    detector.held_out_ = HeldOutScores.of(scores, is_confirmed=np.zeros(500, bool))
    detector._revision.detector.held_out_ = HeldOutScores.of(
        scores, is_confirmed=np.arange(500) < 400
    )
    model = model_of(detector)
    assert model.threshold.is_estimated
    found = update_model(model, new).model
    assert (found.threshold.basis, found.promise.prefers_estimate) == ("estimated", True)
    assert any("is to be had" in note for note in found.facts.notes)
    asked_for = found.with_false_reject_rate(0.01)
    assert asked_for.threshold.basis == "promised"
    assert (asked_for.threshold.value > found.threshold.value) == finds_less


@pytest.mark.parametrize(("odd", "basis"), [(4.0, "short"), (50.0, "estimated")])
def test_too_few_confirmed_images_for_a_promise_go_on_estimating(odd, basis, new):
    """The highest of them would find less; so would the highest plausible estimate, where that is too odd."""
    scores = np.random.default_rng(0).normal(size=100)
    scores[0] = odd
    detector = Taking([])
    detector.held_out_ = HeldOutScores.of(scores, is_confirmed=np.zeros(100, bool))
    detector._revision.detector.held_out_ = HeldOutScores.of(scores)
    found = update_model(model_of(detector), new).model
    assert (found.threshold.basis, found.promise.prefers_estimate) == ("estimated", True)
    asked_for = found.with_false_reject_rate(0.01)
    assert asked_for.threshold.basis == basis
    assert asked_for.threshold.value > found.threshold.value


@pytest.mark.parametrize("n", [0, 4, 5])
def test_simulated_defects_stand_in_while_few_are_labeled(n, new):
    detector = Taking([])
    detector._revision.detector.left_out_defects_ = np.arange(n, dtype=np.float32)
    model = model_of(detector)
    simulated = DefectScores(np.full(40, 7, np.float32), is_simulated=True)
    model = CalibratedDetector(replace(model.bundle, defects=simulated))
    found = update_model(model, new).model.bundle.defects
    assert (found.kind, len(found)) == (("labeled", 5) if n == 5 else ("simulated", 40))


def test_defects_that_were_chosen_for_their_scores_promise_nothing(new):
    defects = [Confirmed(f"{i:012x}", Label.ANOMALOUS, 9, 9, 9, 9) for i in range(100)]
    for chosen, kind in (("0" * 11 + "5", "chosen"), ("f" * 12, "labeled")):
        detector = Taking(defects)
        detector._revision.detector.left_out_defects_ = np.full(100, 9, np.float32)
        taught = update_model(model_of(detector), replace(new, chosen=frozenset([chosen]))).model
        assert taught.bundle.defects.kind == kind
        zone = taught.with_miss_rate(0.05).gray_zone
        assert zone.accept.basis == ("promised" if kind == "labeled" else "estimated")
        assert ("asked about for their scores" in zone.accept.explain()) == (kind == "chosen")
        assert all(row.has_interval == (kind == "labeled") for row in taught.trade_offs)


def test_defects_of_before_a_recalibration_promise_nothing_after_an_update_either(new):
    record = RecalibrationRecord(datetime(2026, 1, 1, tzinfo=UTC), 5, 0, False, 1.0, 2.0)
    for keeps_old, kind in ((False, "chosen"), (True, "labeled")):
        detector = Taking([])
        detector._revision.detector.left_out_defects_ = np.full(100, 9, np.float32)
        model = model_of(detector, recalibrations=(replace(record, keeps_old=keeps_old),))
        assert update_model(model, new).model.bundle.defects.kind == kind


def test_images_chosen_for_their_scores_promise_nothing(new):
    contents = [f"{i:012x}" for i in range(400)]
    detector = Taking([])
    detector._revision.detector.held_out_ = HeldOutScores.of(
        np.arange(400), is_confirmed=np.arange(400) < 350, contents=contents
    )
    first, second, third = (frozenset(contents[i] for i in rows) for rows in ((0, 1), (2,), (1, 2)))

    def confirmed_of(model, chosen, drawn=frozenset()):
        told = dataclasses.replace(new, chosen=chosen, drawn=drawn)
        update = update_model(model, told)
        found = update.model
        n, n_fair = (
            int(scores.is_confirmed.sum())
            for scores in (found.bundle.detector.held_out_, found.bundle.calibration)
        )
        assert update.notes[-1] == (
            f"{n - n_fair} of {n} images confirmed good were asked about for their scores, not drawn at "
            "random: they do not count for a promise"
        )
        return found, n_fair

    once, n_fair = confirmed_of(model_of(detector), first)
    assert (n_fair, once.facts.chosen) == (348, tuple(contents[:2]))
    again = dataclasses.replace(once, bundle=dataclasses.replace(once.bundle, detector=detector))
    later, n_fair = confirmed_of(again, second)
    assert (n_fair, later.facts.chosen) == (347, tuple(contents[:3]))
    later, n_fair = confirmed_of(again, frozenset(), third)  # their turn has come
    assert (n_fair, later.facts.chosen) == (349, tuple(contents[:1]))
    detector._revision.detector.held_out_ = HeldOutScores.of(np.arange(400), contents=contents)
    later, n_fair = confirmed_of(again, second)
    assert (n_fair, len(later.bundle.calibration)) == (397, 397)  # all others are confirmed


@pytest.mark.parametrize(("n_images", "n_fair"), [(399, 399), (500, 398)])
def test_where_all_images_of_the_fit_are_confirmed_there_was_nothing_to_choose(
    n_images, n_fair, new
):
    """But of images that came later nobody knows what they were chosen among."""
    contents = [f"{i:012x}" for i in range(400)]
    data = TrainingData("f", "csv", n_images, tuple(contents[:399]))
    detector = Taking([])
    detector._revision.detector.held_out_ = HeldOutScores.of(np.arange(400), contents=contents)
    told = dataclasses.replace(new, chosen=frozenset((contents[0], contents[399])))
    update = update_model(model_of(detector, data=data), told)
    held_out = update.model.bundle.calibration
    assert update.notes[-1].startswith(
        f"{400 - n_fair} of 400 images confirmed good were asked about"
    )
    assert held_out.contents == tuple(contents[399 - n_fair : 399])
    assert held_out.is_confirmed.all()


def test_another_detector_is_refused_with_what_to_do(new):
    with pytest.raises(ParameterError, match=r"bundle of fake takes no labels.*the detector auto"):
        update_model(model_of(Taught(BEFORE)), new)


def test_names_are_kept_of_labeled_images_anomalous_first_and_not_without_end(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("defectory.workflows.fitting.facts.MAX_NAMES", 2)
    labels = [Label.NORMAL, Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS]
    samples = tuple(
        Sample(tmp_path / f"{i}.png", label, None, "", None, None, f"{i}.png")
        for i, label in enumerate(labels)
    )
    train, contents = Dataset(tmp_path, "csv", samples), ["a", "b", "c", "d"]
    assert confirmed_names(train, contents) == {"d": "3.png", "a": "0.png"}
    detector = Taught([])
    detector.held_out_ = HeldOutScores.of([1.0, 2.0], contents=["a", "b"])
    assert holder_names(detector, train, contents) == {"a": "0.png", "b": "1.png"}


def test_a_file_name_that_is_no_text_is_printed_all_the_same(capsys):
    image = CheckedImage("a\udcff.png", Label.NORMAL, 2.0, 1.0, True, False)
    _print_images([image] * 22, "now right", "now wrong", None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  now right: a\ufffd.png, normal, accepted, score 2 -> 1"
    assert lines[20:] == ["  and 2 more; --json lists all"]


@pytest.mark.parametrize(
    ("after", "is_better"),
    [
        ({"defects": [9.0, 9.0, 9.0], "good": [0.0, 0.0, 0.0]}, True),  # the estimate will do
        (
            {"defects": [9.0, 9.0, 2.7], "good": [0.0, 0.0, 0.0]},
            True,
        ),  # a lower one finds the third
        (
            {"defects": [9.0, 9.0, 9.0], "good": [3.5, 3.4, 3.3]},
            True,
        ),  # a higher one rejects but one
        ({"defects": [9.0, 9.0, 2.7], "good": [3.5, 3.4, 3.3]}, False),  # none does both
        ({"defects": [9.0, 9.0, -9.0], "good": [0.0, 0.0, 0.0]}, False),  # none so low is plausible
        ({"defects": [9.0, 9.0, 9.0], "good": [99.0, 99.0, 99.0]}, False),  # none so high is
    ],
)
def test_confirmed_images_choose_among_plausible_estimates(after, is_better, new):
    scores = np.random.default_rng(0).normal(size=100)
    known = [
        Confirmed(f"{kind}{i}", int(label), before, x, before, x)
        for kind, label, before in (("defects", Label.ANOMALOUS, 9.0), ("good", Label.NORMAL, 0.0))
        for i, x in enumerate(after[kind])
    ]
    detector = Taking(known)
    unlabeled = HeldOutScores.of(scores, is_confirmed=np.zeros(100, bool))
    detector.held_out_ = detector._revision.detector.held_out_ = unlabeled
    model = model_of(detector)
    assert 2.7 < model.threshold.value < 3.3
    update = update_model(model, new)
    found, effect = update.model, update.effect
    assert (not effect.why_worse(0.01)) == is_better
    assert effect.n_found_after == sum(x > found.threshold.value for x in after["defects"])
    low, high = model.threshold.interval
    assert low <= found.threshold.value <= high
    is_moved = found.threshold.value != model.threshold.value
    assert is_moved == (is_better and (min(after["defects"]) < 3 or max(after["good"]) > 3))
    assert is_moved == any("was moved" in note for note in update.notes)
    assert found.pixel_threshold == model.pixel_threshold
    # it stays where it is, and other rates move along
    found.bundle.detector.update = lambda *_, **__: Revision(found.bundle.detector, ())
    again = update_model(found, new)
    assert again.model.threshold.value == found.threshold.value
    assert not any("was moved" in note for note in again.notes)
    other = found.with_false_reject_rate(0.05)
    usual = model.with_false_reject_rate(0.05).threshold.value
    assert np.sign(other.threshold.value - usual) == np.sign(
        found.threshold.value - model.threshold.value
    )
    assert [
        row.threshold.value for row in found.trade_offs if row.threshold.false_reject_rate == 0.01
    ] == [found.threshold.value]
