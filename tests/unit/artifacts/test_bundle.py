"""A bundle scores the same wherever it is shipped, and is written whole or not at all."""

import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defectory import storage
from defectory.artifacts import load_bundle, save_bundle
from defectory.domain import BundleError, HeldOutScores, OutputError
from tests.detectors import every_detector


@pytest.mark.parametrize("name", every_detector())
def test_save_load_score_is_equal_bit_for_bit(fitted, pictures, tmp_path, name):
    bundle = fitted(name)
    path = tmp_path / "new" / "folder" / "a.defectory"
    save_bundle(bundle, path)
    loaded = load_bundle(path)
    before, after = bundle.detector.score(pictures), loaded.detector.score(pictures)
    np.testing.assert_array_equal(after.image_scores, before.image_scores)
    for found, expected in zip(after.anomaly_maps or [], before.anomaly_maps or [], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert loaded.detector.config() == bundle.detector.config()
    assert loaded.detector.backbone_.card == bundle.detector.backbone_.card
    assert loaded.facts == bundle.facts
    assert loaded.promise == bundle.promise
    for kind, value in vars(bundle.calibration).items():
        np.testing.assert_array_equal(getattr(loaded.calibration, kind), value, kind)


def test_what_is_known_of_held_out_images_is_kept(fitted, tmp_path):
    """Groups keep who belongs together; their numbers may be others."""
    known = HeldOutScores.of(
        [3, 1, 2, 5],
        [4, 4, 9, 7],
        is_confirmed=[True, False, False, True],
        groups=[2**40, -5, 2**40, 3],
        contents=["0123456789ab", "000000000000", "ffffffffffff", "00000000000f"],
    )
    save_bundle(replace(fitted("gaussian"), calibration=known), tmp_path / "a")
    found = load_bundle(tmp_path / "a").calibration
    for kind in ("scores", "peaks", "is_confirmed"):
        array, expected = getattr(found, kind), getattr(known, kind)
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype
    assert found.contents == known.contents
    assert found.groups.dtype == np.int64
    np.testing.assert_array_equal(
        found.groups[:, None] == found.groups, known.groups[:, None] == known.groups
    )


def test_no_held_out_scores_are_kept_too(fitted, tmp_path):
    save_bundle(replace(fitted("gaussian"), calibration=HeldOutScores.of([])), tmp_path / "a")
    assert len(load_bundle(tmp_path / "a").calibration) == 0


def test_a_path_may_be_text(fitted, tmp_path):
    path = str(tmp_path / "a.defectory")
    save_bundle(fitted("gaussian"), path)
    assert load_bundle(path).detector.name == "gaussian"


@pytest.mark.parametrize("name", every_detector())
def test_the_same_state_is_the_same_bytes(fitted, tmp_path, name):
    first, again, through = (tmp_path / n for n in ("first", "again", "through"))
    save_bundle(fitted(name), first)
    save_bundle(fitted(name), again)
    save_bundle(load_bundle(first), through)
    assert first.read_bytes() == again.read_bytes() == through.read_bytes()


def test_the_order_of_names_does_not_matter(fitted, tmp_path):
    bundle = fitted("patch-memory")
    names = {"0123456789ab": "a.png", "ba9876543210": "b.png"}
    paths = []
    for step in (1, -1):
        turned = dict(list(names.items())[::step])
        facts = replace(bundle.facts, confirmed_names=turned)
        paths.append(tmp_path / f"{step}.defectory")
        save_bundle(replace(bundle, facts=facts), paths[-1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_bundle_is_a_file_like_any_other(saved):
    """Readable by whomever the umask allows: it is made to be shipped."""
    umask = os.umask(0)
    os.umask(umask)
    assert saved.stat().st_mode & 0o777 == 0o666 & ~umask


def test_state_that_would_not_load_is_not_saved(fitted, tmp_path):
    for bad in (np.nan, np.inf):
        with pytest.raises(BundleError, match=r"'calibration.scores' is not of finite float32"):
            save_bundle(
                replace(fitted("gaussian"), calibration=HeldOutScores.of([bad])), tmp_path / "a"
            )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left")])
@pytest.mark.parametrize("step", ["write", "rename"])
def test_an_interrupted_save_leaves_the_old_file(
    fitted, saved, tmp_path, monkeypatch, interruption, step
):
    path = Path(shutil.copy(saved, tmp_path))
    n_members = 0
    write_member = zipfile.ZipFile.writestr

    def fail(*args, **keywords):
        raise interruption

    def fail_late(*args, **keywords):
        nonlocal n_members
        n_members += 1
        return fail() if n_members == 3 else write_member(*args, **keywords)

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(zipfile.ZipFile, "writestr", fail_late)
        else:
            patch.setattr(storage.transactions, "exchange", fail)
        expected = OutputError if isinstance(interruption, OSError) else KeyboardInterrupt
        with pytest.raises(expected):
            save_bundle(fitted("gaussian"), path, overwrite=True)
    assert path.read_bytes() == saved.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_take_no_file_are_output_errors(fitted, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path, match in (
        (tmp_path / "folder", "is a folder"),
        (tmp_path / "file" / "a", "no folder"),
    ):
        with pytest.raises(OutputError, match=match):
            save_bundle(fitted("gaussian"), path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_only_a_bundle_is_replaced_and_only_on_demand(fitted, saved, tmp_path):
    path = Path(shutil.copy(saved, tmp_path / "a"))
    with pytest.raises(OutputError, match="exists already"):
        save_bundle(fitted("gaussian"), path)
    save_bundle(fitted("gaussian"), path, overwrite=True)
    assert load_bundle(path).detector.name == "gaussian"
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr("thesis.docx", "months of work")
    for other in (tmp_path / "b", tmp_path / "c"):
        other.touch()
        other.write_bytes(other.read_bytes() or b"notes")
        before = other.read_bytes()
        with pytest.raises(OutputError, match="is not a bundle that defectory wrote"):
            save_bundle(fitted("gaussian"), other, overwrite=True)
        assert other.read_bytes() == before
