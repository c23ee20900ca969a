"""`defectory simulate`: what it writes, that `evaluate` reads it, and what it says of bad input."""

import json

import numpy as np
import pytest
from PIL import Image

from defectory.detectors.mapl import Mapl
from tests.e2e.conftest import run


def test_a_contact_sheet_and_a_data_set_that_evaluate_reads(parts, bundle, tmp_path):
    folder = tmp_path / "simulated"
    result = run("simulate", parts, "-o", folder, "--n", 18, "--mix", "all", "--size", 64)
    assert result.exit_code == 0, result.output
    assert "Simulated 18 defects" in result.output
    assert np.asarray(Image.open(folder / "contact-sheet.png")).std() > 10
    record = json.loads((folder / "simulated.json").read_text())
    assert len(record["images"]) == 18
    for entry in record["images"]:
        path = folder / entry["image"]
        image, original = np.asarray(Image.open(path)), Image.open(folder / "test/good" / path.name)
        mask_path = folder / "ground_truth" / entry["kind"] / f"{path.stem}_mask.png"
        mask = np.asarray(Image.open(mask_path)) > 0
        assert image.shape == (64, 64, 3)
        assert mask.mean() == pytest.approx(entry["mask_ratio"], abs=1e-5)
        np.testing.assert_array_equal(image[~mask], np.asarray(original)[~mask])
    judged = run("evaluate", bundle, folder)
    assert judged.exit_code == 0, judged.output
    assert "of 18" in judged.output


def test_what_is_shown_by_default_is_what_is_taught(parts, tmp_path):
    run("simulate", parts, "-o", tmp_path / "a", "--n", 2, "--size", 64)
    assert json.loads((tmp_path / "a/simulated.json").read_text())["mix"] == Mapl().mix


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(parts, tmp_path):
    def written(name, seed):
        run("simulate", parts, "-o", tmp_path / name, "--n", 3, "--size", 0, "--seed", seed)
        return (tmp_path / name / "contact-sheet.png").read_bytes()

    assert written("a", 4) == written("b", 4) != written("c", 5)
    with Image.open(tmp_path / "a/test/good/0.png") as image:
        assert image.size == (96, 96)


def test_textures_of_the_users_own(parts, tmp_path):
    textures = tmp_path / "textures"
    textures.mkdir()
    Image.new("RGB", (30, 30), "red").save(textures / "red.png")
    out = tmp_path / "out"
    result = run("simulate", parts, "-o", out, "--n", 4, "--textures", textures, "--size", 32)
    assert result.exit_code == 0, result.output


def test_an_existing_folder_is_kept_unless_it_may_be_replaced(parts, tmp_path):
    arguments = ("simulate", parts, "-o", tmp_path / "out", "--size", 32)
    assert run(*arguments, "--n", 3).exit_code == 0
    refused = run(*arguments, "--n", 1)
    assert refused.exit_code == 1
    assert "--overwrite" in refused.output
    done = run(*arguments, "--n", 1, "--overwrite")
    assert done.exit_code == 0
    assert f"replacing {tmp_path / 'out'}, a folder that `defectory simulate` wrote" in done.output
    assert len(list((tmp_path / "out/test/good").iterdir())) == 1
    (tmp_path / "out/mine.txt").write_text("mine")
    refused = run(*arguments, "--n", 1, "--overwrite")
    assert refused.exit_code == 1
    assert "did not write (mine.txt)" in refused.output
    assert (tmp_path / "out/mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--foreground", "bright"), "foreground is 'bright'"),
        (("--foreground", "300"), "0 to 255"),
        (("--foreground", "nan"), "0 to 255"),
        (("--foreground", "below:"), "foreground is 'below:'"),
        (("--n", 0), "n is 0"),
        (("--size", -1), "size is -1"),
        (("--seed", -1), "seed is -1"),
        (("--textures", "nowhere"), "no such file or folder: nowhere"),
    ],
)
def test_bad_options_are_one_line(parts, tmp_path, options, message):
    result = run("simulate", parts, "-o", tmp_path / "out", *options)
    _refused(result, tmp_path, message)


def test_no_data_is_one_line(tmp_path):
    _refused(run("simulate", tmp_path / "none", "-o", tmp_path / "out"), tmp_path, "no such file")
    (tmp_path / "empty").mkdir()
    _refused(run("simulate", tmp_path / "empty", "-o", tmp_path / "out"), tmp_path, "empty")


def test_only_test_images_are_no_images(tmp_path):
    path = tmp_path / "data/test/good/a.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(path)
    result = run("simulate", tmp_path / "data", "-o", tmp_path / "out")
    _refused(result, tmp_path, "no normal or unlabeled image")


def test_an_unreadable_image_is_named_and_nothing_is_left(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"\x89PNG not really")
    _refused(run("simulate", folder, "-o", tmp_path / "out"), tmp_path, "broken.png")


def _refused(result, tmp_path, message):
    assert result.exit_code == 1
    assert result.output.startswith("defectory: ")
    assert message in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
