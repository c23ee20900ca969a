"""Facts are typed and in range from the moment a bundle is read, and before one is written."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from defectory.artifacts import (
    Promise,
    RecordedSuspect,
    TrainingData,
    UpdateRecord,
    load_bundle,
    save_bundle,
)
from defectory.artifacts.manifest import MAX_HASHES, MAX_NAMES, MAX_NOTES, MAX_SUSPECTS
from defectory.domain import BundleError
from tests.bundles import facts_of

CONTENT = "0123456789ab"
FULL = facts_of(
    data=TrainingData("f" * 64, "csv", 3, (CONTENT, "ba9876543210")),
    notes=("größer", "zwei"),
    account=("Evidence: three pictures.",),
    suspects=(RecordedSuspect("a.png", "train/a.png", CONTENT, 1.5, 0.25, "odd"),),
    n_suspects=7,
    confirmed_names={CONTENT: "a.png"},
    holder_names={CONTENT: "a.png", "ba9876543210": "c.png"},
    updates=(UpdateRecord(datetime(2026, 2, 3, tzinfo=UTC), 1, {CONTENT: "b.png"}),),
)
SUSPECT = {
    "name": "a", "path": "a", "content": CONTENT, "score": 1.0, "weight": 0.0, "reason": "odd"
}  # fmt: skip


def test_they_come_back_as_they_were(fitted, tmp_path):
    bundle = replace(fitted("patch-memory"), facts=FULL, promise=Promise(0.05, 0.9))
    save_bundle(bundle, tmp_path / "a")
    loaded = load_bundle(tmp_path / "a")
    assert loaded.facts == FULL
    assert loaded.promise == Promise(0.05, 0.9)
    assert loaded.facts.labeled_names == {CONTENT: "b.png"}
    assert loaded.facts.known_names == {CONTENT: "b.png", "ba9876543210": "c.png"}


def test_a_bundle_of_before_has_no_names_of_holders(forge):
    old = forge(edit=lambda data: data["facts"].pop("holder_names"))
    assert load_bundle(old).facts.holder_names == {}


def test_a_bundle_may_promise_of_defects_or_be_of_a_time_when_none_did(fitted, forge, tmp_path):
    save_bundle(replace(fitted("patch-memory"), promise=Promise(0.05, 0.9, 0.1)), tmp_path / "a")
    assert load_bundle(tmp_path / "a").promise.miss_rate == 0.1
    old = forge(edit=lambda data: data["promise"].pop("miss_rate"))
    assert load_bundle(old).promise.miss_rate is None


@pytest.mark.parametrize("rate", [0, 1, "0.05", True])
def test_a_miss_rate_is_a_share(forge, rate):
    with pytest.raises(BundleError, match="the manifest is damaged"):
        load_bundle(forge(edit=lambda data: data["promise"].update(miss_rate=rate)))


def test_a_file_name_that_is_no_text_does_not_lose_the_fit(fitted, tmp_path):
    facts = facts_of(confirmed_names={CONTENT: "a\udcff.png"})
    save_bundle(replace(fitted("patch-memory"), facts=facts), tmp_path / "a")
    assert load_bundle(tmp_path / "a").facts.confirmed_names == {CONTENT: "a?.png"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1), ("seed", True), ("seed", 1.0), ("seed", "1"), ("seed", None),
        ("created", "yesterday"), ("created", "2026-01-02T03:04:05"), ("created", 5), ("created", None),
        ("defectory_version", 1), ("weights", None), ("weights", "x" * 5000),
        ("data", None), ("data", {}), ("data", 3), ("data", {"fingerprint": "f", "layout": "csv"}),
        ("data", {"fingerprint": "f", "layout": "csv", "n_images": -1}),
        ("data", {"fingerprint": "f", "layout": "csv", "n_images": True}),
        ("data", {"fingerprint": "f", "layout": "csv", "n_images": 10**30}),
        *[("data", {"fingerprint": "f", "layout": "csv", "n_images": 1, "image_hashes": hashes})
          for hashes in ("abc", ["abc"], [CONTENT.upper()], [CONTENT + "\n"], [CONTENT + "0"], [5], {})],
        ("labels", {"normal": -1}), ("labels", {"normal": 0.5}), ("labels", {"normal": True}), ("labels", []),
        ("notes", "text"), ("notes", [1]), ("notes", ["x" * 5000]), ("notes", [""] * (MAX_NOTES + 1)),
        ("account", {"a": "b"}), ("account", [None]),
        ("n_suspects", -1), ("n_suspects", True), ("n_suspects", "1"),
        ("suspects", [{"name": "a"}]), ("suspects", ["a"]), ("suspects", 5), ("suspects", [SUSPECT]),
        *[("suspects", [{**SUSPECT, **wrong}]) for wrong in (
            {"score": "1"}, {"score": None}, {"score": 1e999}, {"weight": 2}, {"weight": -0.1},
            {"content": "x"}, {"path": 1}, {"name": None}, {"weight": True})],
        ("suspects", [SUSPECT] * (MAX_SUSPECTS + 1)),
        ("confirmed_names", [1]), ("confirmed_names", {CONTENT: 1}), ("confirmed_names", {"a": "b"}),
        ("confirmed_names", {f"{i:012x}": "" for i in range(MAX_NAMES + 1)}),
        ("holder_names", {"a": "b"}),
        ("updates", 3), ("updates", [{}]), ("updates", [{"date": "2026-01-01", "n_labels": 1, "names": {}}]),
        ("updates", [{"date": "2026-01-01T00:00:00Z", "n_labels": -1, "names": {}}]),
        ("updates", [{"date": "2026-01-01T00:00:00Z", "n_labels": 1, "names": {"a": "b"}}]),
        ("updates", [{"date": "2026-01-01T00:00:00Z", "n_labels": 1}]),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_one_line(forge, field, value):
    def edit(data):
        data["facts"][field] = value
        if field == "suspects" and value != [SUSPECT]:
            data["facts"]["n_suspects"] = 10**6

    with pytest.raises(BundleError, match="the manifest is damaged") as caught:
        load_bundle(forge(edit=edit))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["seed", "created", "defectory_version", "weights", "data"])
def test_what_must_be_there_is_missed(forge, field):
    with pytest.raises(BundleError, match=f"missing required field `{field}`"):
        load_bundle(forge(edit=lambda data: data["facts"].pop(field)))


@pytest.mark.parametrize("key", ["false_reject_rate", "confidence"])
@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, "0.1", None, True, 1e999, [], 10**400])
def test_a_promise_that_is_none_is_refused(forge, key, value):
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(forge(edit=lambda data: data["promise"].update({key: value})))


def test_facts_of_a_later_version_are_ignored(forge):
    path = forge(edit=lambda data: data["facts"].update(mood={"deep": [[[]]]}))
    assert load_bundle(path).facts.seed == 0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_json_has_not_are_refused(forge, members, text):
    manifest = json.loads(members["manifest.json"])
    manifest["promise"]["confidence"] = "HERE"
    content = json.dumps(manifest).replace('"HERE"', text).encode()
    with pytest.raises(BundleError):
        load_bundle(forge(manifest=content))


def test_facts_that_would_not_load_are_not_saved(fitted, tmp_path):
    for wrong in ({"seed": -1}, {"notes": ("x" * 5000,)}, {"confirmed_names": {"a": "b"}}):
        with pytest.raises(BundleError, match="damaged"):
            save_bundle(replace(fitted("gaussian"), facts=facts_of(**wrong)), tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_many_images_are_no_burden(fitted, tmp_path):
    """A manifest of the largest kind is within its limit."""
    hashes = tuple(f"{i:012x}" for i in range(MAX_HASHES))
    facts = facts_of(data=TrainingData("f" * 64, "csv", MAX_HASHES, hashes))
    save_bundle(replace(fitted("patch-memory"), facts=facts), tmp_path / "a")
    assert load_bundle(tmp_path / "a").facts.data.image_hashes[-1] == hashes[-1]
