"""Distrusted images: beside the bundle, in its facts, and in the report as far as files can be read."""

import json
from dataclasses import replace

import numpy as np
import pytest

from defectory.artifacts.manifest import MAX_SUSPECTS
from defectory.domain import HeldOutScores, Suspect
from defectory.sources import read_dataset
from defectory.workflows.evaluation.suspect_pictures import describe_suspects
from defectory.workflows.suspects import (
    SUSPECTS_FILE,
    SuspectImage,
    rank_unlabeled,
    record_suspects,
    suspects_path,
    without_suspects,
    write_suspects,
)
from tests.bundles import facts_of
from tests.pictures import disc, save


class Distrusting:
    held_out_ = HeldOutScores.of([])
    suspects_ = (Suspect(2, 9.0, 0.0, 5, 5, 1, "odd"), Suspect(0, 7.5, 0.25, 3, 5, 2, "rather odd"))


@pytest.fixture
def train(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        save(tmp_path / "data" / "train" / f"{name}.png", disc(rng, 32))
    return read_dataset(tmp_path / "data" / "train")


@pytest.fixture
def facts(train):
    found = record_suspects(ranked(train), train.root, contents_of(train))
    return facts_of(suspects=found, n_suspects=2)


def ranked(train):
    return rank_unlabeled(Distrusting(), train, contents_of(train))


def contents_of(dataset):
    images = dataset.images()
    return [images.fingerprint(i)[:12] for i in range(len(dataset))]


def test_the_file_names_every_suspect_in_order_with_paths_from_its_folder(train, tmp_path):
    path = suspects_path(tmp_path / "out" / "tiles.v1.defectory")
    assert path == tmp_path / "out" / "tiles.v1.suspects.jsonl"
    part = tmp_path / "part"
    write_suspects(ranked(train), part, path.parent)
    rows = [json.loads(line) for line in part.read_text().splitlines()]
    assert SUSPECTS_FILE.is_ours(part)
    assert rows == [
        {
            "name": "c.png", "path": "../data/train/c.png", "score": 9.0, "weight": 0.0,
            "votes": 5, "n_votes": 5, "round": 1, "reason": "odd", "random": "no",
        },
        {
            "name": "a.png", "path": "../data/train/a.png", "score": 7.5, "weight": 0.25,
            "votes": 3, "n_votes": 5, "round": 2, "reason": "rather odd", "random": "no",
        },
    ]  # fmt: skip


def test_all_unlabeled_images_are_ranked_the_distrusted_ones_first(train):
    detector = Distrusting()
    detector.held_out_ = HeldOutScores.of([3.0, 8.0, 9.0], contents=contents_of(train))
    found = rank_unlabeled(detector, train, contents_of(train))
    assert [item.name for item in found] == ["c.png", "a.png", "b.png"]
    assert [item.suspect.is_distrusted for item in found] == [True, True, False]
    assert (found[2].suspect.score, found[2].suspect.weight) == (8.0, 1.0)


def test_without_suspects_there_is_to_be_no_list(tmp_path):
    part = tmp_path / "part"
    part.touch()
    write_suspects((), part, tmp_path)
    assert not part.exists()


def test_a_list_that_a_person_has_added_to_is_theirs(train, tmp_path):
    part = tmp_path / "part"
    write_suspects(ranked(train), part, tmp_path)
    part.write_text(part.read_text().replace('"name"', '"label": "good", "name"', 1))
    assert not SUSPECTS_FILE.is_ours(part)


def test_a_broken_file_name_is_written_too(tmp_path):
    item = SuspectImage("a\udcff.png", tmp_path / "a\udcff.png", Distrusting.suspects_[0])
    write_suspects([item], tmp_path / "s.jsonl", tmp_path)
    assert json.loads((tmp_path / "s.jsonl").read_text())["name"] == "a\udcff.png"


def test_facts_keep_the_oddest(train):
    assert record_suspects((), train.root, contents_of(train)) == ()
    many = ranked(train) * (MAX_SUSPECTS - 1)
    recorded = record_suspects(many, train.root, contents_of(train))
    assert len(recorded) == MAX_SUSPECTS
    assert (recorded[0].name, recorded[0].path, recorded[0].weight) == ("c.png", "c.png", 0.0)
    assert recorded[0].content == contents_of(train)[2]


def test_a_confirmed_image_is_no_suspect_any_more(train, facts):
    left = without_suspects(facts, {contents_of(train)[2]})
    assert [entry.name for entry in left.suspects] == ["a.png"]
    assert left.n_suspects == 1
    assert facts.n_suspects == 2
    assert without_suspects(facts_of(), {"x"}) == facts_of()


@pytest.mark.parametrize("folder", [".", "part"])
def test_the_report_shows_files_that_are_still_what_they_were(train, facts, folder):
    shown = describe_suspects(facts, train.root / folder)
    assert [item.name for item in shown.items] == ["c.png", "a.png"]
    pixels = train.images().read([2, 0])
    for item, image in zip(shown.items, pixels, strict=True):
        np.testing.assert_array_equal(item.image, image)


def test_another_file_of_that_name_is_not_shown_for_it(train, facts):
    save(train.root / "c.png", np.zeros((8, 8, 3)))
    (train.root / "a.png").unlink()
    shown = describe_suspects(facts, train.root)
    assert [item.image for item in shown.items] == [None, None]
    assert [item.reason for item in shown.items] == ["odd", "rather odd"]


@pytest.mark.parametrize("path", ["/dev/zero", "a\0b", "x" * 5000, ""])
def test_a_hostile_path_in_a_bundle_harms_nobody(facts, path, tmp_path):
    suspects = (replace(facts.suspects[0], path=path), *facts.suspects[1:])
    assert describe_suspects(replace(facts, suspects=suspects), tmp_path).items[0].image is None


def test_a_bundle_without_suspects_has_no_section(tmp_path):
    assert describe_suspects(facts_of(), tmp_path) is None
