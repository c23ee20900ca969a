"""The data doctor finds what is planted, and nothing in a healthy data set."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from defectory.calibration import n_normals_needed
from defectory.sources import read_dataset
from defectory.sources.inspection import inspect_dataset
from defectory.sources.inspection_text import format_text
from defectory.workflows.inspection import inspect_data
from tests.pictures import disc, relit, save, scratched, write_mvtec

MAGNETIC_TILE = Path(__file__).parents[4] / "shared" / "data" / "magnetic-tile"


@pytest.fixture
def root(tmp_path):
    return write_mvtec(tmp_path / "discs", n_train=8, n_good=6, n_defective=3)


def inspect(root):
    return inspect_dataset(read_dataset(root))


def findings(root):
    """Code -> finding; a code may come once an inspection."""
    problems = inspect(root).problems
    assert len({f.code for f in problems}) == len(problems)
    return {f.code: f for f in problems}


def finding(root, code):
    return findings(root)[code]


def picture(root, name):
    return np.asarray(Image.open(root / name))


def test_healthy_data_set(root):
    result = inspect(root)
    assert result.problems == ()
    assert not result.has_errors
    assert result.counts == {"train": {"normal": 8}, "test": {"anomalous": 3, "normal": 6}}
    assert result.defect_types == {"scratch": 3}
    assert (result.layout, result.n_images, result.n_masks) == ("mvtec", 17, 3)
    assert result.sizes_px == {"min": (96, 96), "median": (96, 96), "max": (96, 96)}
    assert result.modes == {"RGB": 17}
    assert "Nothing wrong found." in format_text(result)


def test_progress_gets_one_step_an_image(root):
    class Steps:
        def __init__(self):
            self.total, self.done = 0, 0

        def start(self, stage, total):
            self.total = total

        def advance(self, steps=1):
            self.done += steps

        def note(self, text):
            pass

    steps = Steps()
    inspect_dataset(read_dataset(root), progress=steps)
    assert (steps.total, steps.done) == (17, 17)


def test_unreadable_images_are_listed_with_the_reason(root):
    (root / "train/good/zero.png").write_bytes(b"")
    (root / "test/good/text.jpg").write_text("hello")
    found = finding(root, "unreadable_image")
    assert found.severity == "error"
    assert "2 images" in found.message
    assert set(found.groups) == {("train/good/zero.png",), ("test/good/text.jpg",)}
    result = inspect(root)
    assert (result.n_unreadable, result.n_images, result.has_errors) == (2, 19, True)


def test_nothing_readable(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"x")
    result = inspect(tmp_path)
    assert [f.code for f in result.problems] == ["unreadable_image"]
    assert result.sizes_px == {}
    assert "3 images cannot be read" in format_text(result)


def test_files_of_several_frames_are_said(root):
    frames = [Image.new("L", (96, 96), level) for level in (10, 200)]
    for name in ("a.gif", "b.tif"):
        frames[0].save(root / "test/good" / name, save_all=True, append_images=frames[1:])
    frames[0].save(root / "test/good/c.tif")
    found = finding(root, "several_frames")
    assert found.groups == (("test/good/a.gif",), ("test/good/b.tif",))


def test_what_stops_a_fit_is_an_error_and_the_rest_is_not(root):
    (root / "test/good/text.jpg").write_text("hello")
    assert not inspect(root).has_errors
    (root / "train/good/text.jpg").write_text("hello")
    assert inspect(root).has_errors
    assert "fit would refuse these data." in format_text(inspect(root))


def test_notes_and_the_promise_are_part_of_it(root):
    (root / "a.heic").write_bytes(b"x")
    result = inspect_data(root)
    assert result.notes == ("1 file was skipped: .heic (1)",)
    assert [f.code for f in result.problems] == ["skipped_files", "few_normals"]
    assert "promise less with --false-reject-rate 0.313" in result.problems[1].advice
    assert "Note      1 file was skipped" in format_text(result)


def test_groups_are_counted_as_a_fit_counts_them(tmp_path):
    """An image without a group is one of its own; defects are no good images."""
    rng = np.random.default_rng(0)
    rows = ["path,label,group"]
    for i, group in enumerate(("a", "a", "b", "b", "", "", "", "")):
        save(tmp_path / f"{i}.png", disc(rng, 32))
        rows.append(f"{i}.png,{'bad' if i == 7 else 'good'},{group}")
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    result = inspect_data(tmp_path / "groups.csv")
    assert result.n_groups == 6
    (few,) = [f for f in result.problems if f.code == "few_normals"]
    n_missing = n_normals_needed(0.01) - 5
    assert few.message.startswith("7 images (5 groups) labeled good and 0 unlabeled to learn from")
    assert few.advice.startswith(f"add {n_missing} groups of good images, or promise less with ")
    assert few.advice.endswith("--false-reject-rate 0.451")  # 1 - .05^(1/5)


def test_exact_copies_within_and_across_splits(root):
    shutil.copy(root / "train/good/000.png", root / "train/good/900.png")
    shutil.copy(root / "train/good/001.png", root / "test/good/901.png")
    assert finding(root, "duplicate").groups == (("train/good/000.png", "train/good/900.png"),)
    across = finding(root, "duplicate_across_splits")
    assert across.severity == "warning"
    assert across.groups == (("test/good/901.png", "train/good/001.png"),)
    codes = [f.code for f in inspect(root).problems]
    assert not [code for code in codes if code.startswith("near") or code == "same_part"]


def test_copies_with_contradicting_labels(root):
    shutil.copy(root / "test/scratch/000.png", root / "test/good/900.png")
    found = finding(root, "contradicting_labels")
    assert found.severity == "warning"
    assert found.groups == (("test/good/900.png", "test/scratch/000.png"),)


def test_near_copies_within_and_across_splits(root):
    save(root / "train/good/900.jpg", picture(root, "train/good/000.png"), quality=70)
    dimmed = picture(root, "train/good/001.png") * 0.9
    save(root / "test/good/901.png", dimmed)
    save(root / "test/scratch/902.png", picture(root, "test/good/002.png") * 0.95)
    assert finding(root, "near_duplicate").groups == (
        ("test/good/002.png", "test/scratch/902.png"),
        ("train/good/000.png", "train/good/900.jpg"),
    )
    across = finding(root, "near_duplicate_across_splits")
    assert (across.severity, across.groups) == (
        "warning",
        (("test/good/901.png", "train/good/001.png"),),
    )
    contradicting = finding(root, "near_contradicting_labels")
    assert contradicting.severity == "warning"
    assert contradicting.groups == (("test/good/002.png", "test/scratch/902.png"),)


def test_the_same_part_in_train_and_test(root):
    save(root / "test/good/900.png", relit(picture(root, "train/good/003.png")))
    found = finding(root, "same_part_across_splits")
    assert found.groups == (("test/good/900.png", "train/good/003.png"),)


def test_masks_that_do_not_fit(root):
    save(root / "ground_truth/scratch/000_mask.png", np.zeros((20, 30)))
    found = finding(root, "mask_unusable")
    assert found.severity == "warning"  # of the test split: fit does not read it
    assert "30 x 20 px" in found.message
    assert "96 x 96 px" in found.message
    assert found.groups == (("test/scratch/000.png",),)


def test_unreadable_mask(root):
    (root / "ground_truth/scratch/001_mask.png").write_bytes(b"")
    assert finding(root, "mask_unusable").groups == (("test/scratch/001.png",),)


def test_empty_mask_mask_on_normal_and_mask_of_nothing(root):
    save(root / "ground_truth/scratch/002_mask.png", np.zeros((96, 96)))
    save(root / "ground_truth/good/001.png", np.full((96, 96), 255))
    save(root / "ground_truth/scratch/nobody_mask.png", np.zeros((96, 96)))
    assert finding(root, "mask_empty").groups == (("test/scratch/002.png",),)
    assert ("test/good/001.png",) in finding(root, "mask_on_normal").groups
    assert finding(root, "mask_unmatched").groups == (("ground_truth/scratch/nobody_mask.png",),)


def test_mixed_sizes_modes_small_and_blank(root):
    rng = np.random.default_rng(9)
    save(root / "train/good/901.png", disc(rng, 120))
    save(root / "train/good/902.png", disc(rng, 24))
    save(root / "train/good/903.png", disc(rng, 96)[:, :, 0])
    save(root / "train/good/904.png", np.full((96, 96, 3), 80))
    assert "3 different" in finding(root, "mixed_sizes").message
    assert finding(root, "mixed_modes").groups == (("train/good/903.png",),)
    assert finding(root, "too_small").groups == (("train/good/902.png",),)
    assert finding(root, "blank_image").groups == (("train/good/904.png",),)
    assert inspect(root).sizes_px["max"] == (120, 120)


@pytest.mark.parametrize(("top", "is_dark"), [(1023, True), (65535, False)])
def test_dark_16_bit_pictures(tmp_path, top, is_dark):
    rng = np.random.default_rng(0)
    for i in range(3):
        deep = (disc(rng)[:, :, 0] / 255 * top).astype(np.uint16)
        (tmp_path / "good").mkdir(exist_ok=True)
        Image.fromarray(deep).save(tmp_path / "good" / f"{i}.png")
    codes = [f.code for f in inspect(tmp_path).problems]
    assert ("dark_16bit" in codes) == is_dark


def test_brightness_and_contrast_drift(root):
    for path in (root / "test").rglob("*.png"):
        save(path, np.asarray(Image.open(path)) * 0.6)
    found = finding(root, "brightness_drift")
    assert found.severity == "warning"
    assert "in train" in found.message
    assert finding(root, "contrast_drift")


def test_drift_is_not_claimed_from_few_or_varied_images(tmp_path):
    rng = np.random.default_rng(2)
    for split in ("train", "test"):
        for i in range(30):
            save(tmp_path / split / "good" / f"{i}.png", disc(rng) * rng.uniform(0.5, 1))
    assert not [f for f in inspect(tmp_path).problems if "drift" in f.code]
    write_mvtec(tmp_path / "few", n_train=4, n_good=4)
    for path in (tmp_path / "few" / "test").rglob("*.png"):
        save(path, np.asarray(Image.open(path)) * 0.5)
    assert not [f for f in inspect(tmp_path / "few").problems if "drift" in f.code]


def test_worst_comes_first_and_json_holds_everything(root):
    for i in range(8):
        (root / f"train/good/broken{i}.png").write_bytes(b"")
    save(root / "ground_truth/scratch/002_mask.png", np.zeros((96, 96)))
    save(root / "train/good/901.png", disc(np.random.default_rng(9), 120))
    result = inspect(root)
    assert [f.severity for f in result.problems] == ["error", "warning", "info"]
    data = json.loads(json.dumps(result.to_dict()))
    assert data["has_errors"] is True
    assert len(data["problems"][0]["groups"]) == 8
    text = format_text(result)
    assert "... and 3 more" in text
    assert "1 error, 1 warning." in text


def test_text_fits_100_columns(root):
    long = "train/good/" + "part-with-a-long-name " * 8
    for i in range(7):
        (root / f"{long}{i}.png").write_bytes(b"")
        types = root / "test" / f"defect_type_number_{i}"
        image, _ = scratched(disc(np.random.default_rng(i)), np.random.default_rng(i))
        save(types / "0.png", image)
    text = format_text(inspect(root))
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_inspecting_twice_gives_the_same(root):
    save(root / "train/good/900.jpg", picture(root, "train/good/000.png"), quality=70)
    assert inspect(root) == inspect(root)


@pytest.mark.thorough
@pytest.mark.skipif(not MAGNETIC_TILE.is_dir(), reason="../shared/data/magnetic-tile is absent")
def test_magnetic_tile():
    result = inspect(MAGNETIC_TILE)
    assert result.counts == {"train": {"normal": 761}, "test": {"anomalous": 392, "normal": 191}}
    assert not result.has_errors
    by_code = {f.code: f for f in result.problems}
    assert len(by_code["mask_empty"].groups) == 4
    assert by_code["near_duplicate_across_splits"].groups  # tiles under several lights
    assert not {"mask_unmatched", "mask_unusable", "brightness_drift"} & set(by_code)


def test_where_only_images_to_learn_from_are_broken_no_groups_are_looked_for(root):
    for path in (root / "train" / "good").iterdir():
        path.write_bytes(b"no picture")
    codes = [found.code for found in inspect(root).problems]
    assert "unreadable_image" in codes
    assert "found_groups" not in codes
