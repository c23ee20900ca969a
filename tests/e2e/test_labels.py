"""`defectory labels`: labels and masks from other tools and to them, and what it says of bad input."""

import json
import shutil

import numpy as np
import pytest

from defectory.domain import Label
from defectory.sources import read_dataset
from tests.e2e.conftest import run
from tests.pictures import disc, save, scratched, write_mvtec

OUTPUTS = {
    "coco": "labels.json",
    "labelme": "labels",
    "cvat": "labels.xml",
    "label-studio": "tasks.json",
    "manifest": "list.csv",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_mvtec(tmp_path / "parts", n_train=4, n_good=3, n_defective=3, size_px=48)


def said(*arguments, status=0):
    result = run("labels", *arguments)
    assert result.exit_code == status, result.output
    return result.output


def refused(message, *arguments):
    output = said(*arguments, status=1)
    assert message in output
    assert output.startswith("defectory: ")
    assert output.count("\n") == 1
    return output


@pytest.mark.parametrize("to", OUTPUTS)
def test_labels_go_to_a_tool_and_come_back(data, tmp_path, to):
    output = tmp_path / OUTPUTS[to]
    assert "10 images: 7 good, 3 defective (3 with a mask), 0 unlabeled." in said(
        "export", data, "-o", output, "--to", to
    )
    if to == "manifest":
        back = output
    else:
        back = tmp_path / "out/manifest.csv"
        told = said("import", output, data, "-o", tmp_path / "out")
        assert f"Read {to}: 10 images, 3 annotations." in told
        assert "  good: good (7)\n  defective: scratch (3)\n" in told
        assert "10 images: 7 good, 3 defective (3 with a mask), 0 unlabeled." in told
        assert str(tmp_path) not in back.read_text()
    was, now = read_dataset(data), read_dataset(back)
    for i, (before, after) in enumerate(zip(was.samples, now.samples, strict=True)):
        assert before.path.resolve() == after.path.resolve()
        assert (before.label, before.defect_type) == (after.label, after.defect_type)
        if before.label == Label.ANOMALOUS:
            np.testing.assert_array_equal(was.masks().read(i), now.masks().read(i))
    moved = shutil.move(tmp_path, tmp_path.with_name("moved"))
    assert read_dataset(moved / back.relative_to(tmp_path)).labels.tolist() == was.labels.tolist()
    shutil.move(moved, tmp_path)


def test_what_is_written_may_be_replaced_and_nothing_else(data, tmp_path):
    for to, name in OUTPUTS.items():
        arguments = ("export", data, "-o", tmp_path / name, "--to", to)
        said(*arguments)
        refused("--overwrite", *arguments)
        assert f"replacing {tmp_path / name}" in said(*arguments, "--overwrite")
    arguments = ("import", tmp_path / "labels.json", data, "-o", tmp_path / "out")
    said(*arguments)
    refused("--overwrite", *arguments)
    assert "`defectory labels import` wrote" in said(*arguments, "--overwrite")
    (tmp_path / "out/masks/mine.png").write_bytes(b"mine")
    refused("did not write (masks/mine.png)", *arguments, "--overwrite")
    for name in ("mine.json", "mine.xml"):
        (tmp_path / name).write_text("[1]")
        for to in ("coco", "cvat", "label-studio"):
            refused("it stays", "export", data, "-o", tmp_path / name, "--to", to, "--overwrite")


def test_an_output_is_never_an_input(data, tmp_path):
    said("export", data, "-o", "labels", "--to", "labelme")
    said("export", data, "-o", "list.csv", "--to", "manifest")
    refused("is what this command reads", "import", "labels", data, "-o", "labels")
    refused("lies inside the input", "import", "labels", data, "-o", "labels/out")
    refused("lies inside the input", "import", "labels", data, "-o", data / "out")
    refused("lies inside the input", "export", data, "-o", data / "a.json", "--to", "coco")
    refused(
        "is what this command reads",
        *("export", "list.csv", "-o", "list.csv", "--to", "manifest", "--overwrite"),
    )


def test_update_and_evaluate_take_the_manifest(data, bundle, tmp_path):
    rng = np.random.default_rng(5)
    for i in range(3):
        image, mask = scratched(disc(rng, 96), rng)
        save(tmp_path / f"new/{i}.png", image)
        save(tmp_path / f"new/masks/{i}.png", np.where(mask, 255, 0))
    save(tmp_path / "new/ok.png", disc(rng, 96))
    (tmp_path / "list.csv").write_text(
        "path,label,mask\nnew/ok.png,ok,\n"
        + "".join(f"new/{i}.png,nok,new/masks/{i}.png\n" for i in range(3))
    )
    said("export", "list.csv", "-o", "tasks.json", "--to", "label-studio")
    said("import", "tasks.json", "new", "-o", "out")
    judged = run("evaluate", bundle, "out/manifest.csv")
    assert judged.exit_code == 0, judged.output
    assert "of 3" in judged.output
    assert "pixel" in judged.output


def write_coco(tmp_path, images, annotations=()):
    categories = [{"id": 1, "name": "scratch"}, {"id": 2, "name": "gut"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    return tmp_path / "coco.json"


def test_it_says_what_it_understood(data, tmp_path):
    names = ["000.png", "test/good/001.png", "test/good/002.png", "gone.png", "../../secret.png"]
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    labels = write_coco(tmp_path, images, [box, {"image_id": 2, "category_id": 2}])
    told = said("import", labels, data, "-o", tmp_path / "out")
    assert "  good: gut (1)\n  defective: scratch (1)\n" in told
    assert "10 images: 1 good, 1 defective (1 with a mask), 8 unlabeled." in told
    assert "Note: 2 images of the labels not found, left out: gone.png, ../../secret.png" in told
    assert "Note: 8 images not in the labels, unlabeled: " in told
    assert "left out, 1 in all: 000.png fits test/good/000.png, test/scratch/000.png" in told
    assert "1 of the masks are drawn from boxes" in told


def test_images_without_a_word_are_good_only_if_asked_for(data, tmp_path):
    labels = write_coco(tmp_path, [{"id": 1, "file_name": "test/good/000.png"}])
    assert "0 good, 0 defective" in said("import", labels, data, "-o", "a")
    assert "1 good, 0 defective" in said("import", labels, data, "-o", "b", "--unmarked", "good")


def test_words_of_the_users_own(data, tmp_path):
    images = [{"id": 1, "file_name": "test/good/000.png"}]
    labels = write_coco(tmp_path, images, [{"image_id": 1, "category_id": 1}])
    told = said("import", labels, data, "-o", "out", "--good", "scratch")
    assert "1 good, 0 defective" in told


@pytest.mark.parametrize(
    ("image", "segmentation", "message"),
    [
        ({"width": 40, "height": 48}, [[1, 1, 5, 1, 5, 5]], "labeled as 40 x 48 px"),
        ({}, {"size": [40, 48], "counts": [1920]}, "is for 48 x 40 px"),
        ({}, {"size": [48, 48], "counts": [5]}, "cover 5 pixels of 2,304"),
        ({}, {"size": [48, 48], "counts": [-1, 2305]}, "negative length"),
        ({}, {"size": [60_000, 60_000], "counts": [3_600_000_000]}, "is for 60000 x 60000 px"),
        ({}, {"size": [48, 48], "counts": "zz"}, "damaged"),
        ({}, [[1, 1, 5, 1, 5]], "odd number"),
        ({}, [[1, 1, 5, 1, 5, float("nan")]], "a coordinate is nan"),
        ({}, [[0, 0, 1, 1, 0, 1]] * 10_001, "10,001 shapes on one image"),
    ],
)
def test_masks_that_cannot_be_are_one_line(data, tmp_path, image, segmentation, message):
    images = [{"id": 1, "file_name": "test/good/000.png", **image}]
    annotation = {"image_id": 1, "category_id": 1, "segmentation": segmentation}
    labels = write_coco(tmp_path, images, [annotation])
    refused(message, "import", labels, data, "-o", "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_labels_of_other_images_and_bad_options_are_one_line(data, tmp_path):
    labels = write_coco(tmp_path, [{"id": 1, "file_name": "gone\n.png"}])
    refused("names no image", "import", labels, data, "-o", "out")
    refused("names no image", "import", write_coco(tmp_path, []), data, "-o", "out")
    same = [{"id": 1, "file_name": "a/good/001.png"}, {"id": 2, "file_name": "test/good/001.png"}]
    refused("names no image", "import", write_coco(tmp_path, same[:1]), data, "-o", "out")
    same[0]["file_name"] = "x/test/good/001.png"
    refused("all mean the image", "import", write_coco(tmp_path, same), data, "-o", "out")
    refused("no such file or folder: no.json", "import", "no.json", data, "-o", "out")
    refused("no such file or folder: no", "import", labels, "no", "-o", "out")
    refused("holds no LabelMe files", "import", data, data, "-o", "out")
    refused("is a folder; give the file", "import", data, data, "-o", "out", "--format", "cvat")
    (tmp_path / "list.csv").write_text("path\nparts/test/good/000.png\n")
    refused("needs no import", "import", "list.csv", data, "-o", "out")
    refused("must end in .csv", "export", data, "-o", "a.txt", "--to", "manifest")


def test_a_damaged_mask_leaves_nothing_half_written(data, tmp_path):
    (data / "ground_truth/scratch/002_mask.png").write_bytes(b"no mask")
    for to, name in OUTPUTS.items():
        if to != "manifest":
            refused("002_mask.png", "export", data, "-o", name, "--to", to, "-q")
            assert not (tmp_path / name).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
