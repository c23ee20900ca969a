"""Folder trees as people have them: understood, noted, or asked about; never silently unlabeled."""

import unicodedata

import numpy as np
import pytest

from defectory.domain import DataError, Label
from defectory.sources import read_dataset
from tests.pictures import save

PIXEL = np.zeros((4, 5, 3), np.uint8)
N, A, U = Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED


def make(root, *names):
    for name in names:
        save(root / name, PIXEL)
    return root


def labels(root, **words):
    """Folders -> (label, split, defect type)."""
    return {
        s.name.rpartition("/")[0]: (s.label, s.split, s.defect_type)
        for s in read_dataset(root, **words).samples
    }


TREES = {
    "OK and NOK": {"OK": (N, "", None), "NOK": (A, "", None)},
    "German": {
        "Gut": (N, "", None),
        "Ausschuß/Kratzer": (A, "", "Kratzer"),
        "ungeprüft": (U, "", None),
    },
    "Kaggle casting": {
        "train/ok_front": (N, "train", None),
        "train/def_front": (A, "train", "def_front"),
        "Test/ok_front": (N, "test", None),
        "Test/def_front": (A, "test", "def_front"),
    },
    "BTAD": {
        "train/ok": (N, "train", None),
        "test/ko": (A, "test", "ko"),
        "test/ok": (N, "test", None),
    },
    "VisA": {"Data/Images/Normal": (N, "", None), "Data/Images/Anomaly": (A, "", None)},
    "MVTec with another word": {
        "Train/IO": (N, "train", None),
        "TEST/IO": (N, "test", None),
        "TEST/dent": (A, "test", "dent"),
        "TEST/good_with_dirt": (A, "test", "good_with_dirt"),
    },
    "MVTec one folder down": {
        "bottle/train/good": (N, "train", None),
        "bottle/test/good": (N, "test", None),
        "bottle/test/broken_large": (A, "test", "broken_large"),
    },
    "MVTec with unlabeled beside": {
        "train/good": (N, "train", None),
        "test/dent": (A, "test", "dent"),
        "unlabeled": (U, "", None),
    },
    "types in names": {"good": (N, "", None), "defect-scratch": (A, "", "defect-scratch")},
    "0 and 1": {"0": (N, "", None), "1": (A, "", None)},
    "lines": {
        "line 1/pass": (N, "", None),
        "line 1/fail": (A, "", None),
        "line 2/pass": (N, "", None),
    },
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_trees_that_are_understood(tmp_path, tree):
    assert labels(make(tmp_path, *(f"{folder}/a.png" for folder in tree))) == tree


ASKED = {
    "a batch": (
        ["good/a", "Charge7/a", "Charge7/b"],
        r"Charge7 \(2 images\).*beside good. Say --good Charge7",
    ),
    "deep in it": (["OK/a", "x/y/a", "x/z/a"], r"bad: x \(2 images\)\?"),
    "beside labeled ones": (["l1/OK/a", "l1/new/a"], r"l1/new \(1 image\)"),
    "in train": (["train/good/a", "train/Charge7/a", "test/dent/a"], r"train/Charge7"),
    "beside train": (["train/good/a", "test/good/a", "Charge 7/a"], r"--bad 'Charge 7'"),
    "in an unlabeled train": (["train/monday/a", "test/good/a"], r"train/monday"),
    "numbers": (["good/a", "1/a", "2/a"], r"bad: 1 \(1 image\), 2 \(1 image\)"),
    "in doubt": (["good/a", "good_or_bad/a"], "good_or_bad"),
    "beside unlabeled": (["unlabeled/a", "new/a"], "new"),
    "bad in good": (["normal/OK/a", "normal/NOK/a"], r"bad: normal/NOK \(1 image\)"),
}


@pytest.mark.parametrize(("names", "message"), ASKED.values(), ids=ASKED.keys())
def test_names_not_understood_beside_others_are_asked_about(tmp_path, names, message):
    make(tmp_path, *(f"{name}.png" for name in names))
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(tmp_path)
    assert "\n" not in str(caught.value)
    assert "unlabeled/" in str(caught.value)


def test_answers_of_a_person(tmp_path):
    make(tmp_path, "good/a.png", "Charge7/a.png", "Kratzer/tief/a.png", "Kratzer 2/a.png")
    found = labels(tmp_path, good_words=["charge 7"], bad_words=["Kratzer"])
    assert found == {
        "good": (N, "", None),
        "Charge7": (N, "", None),
        "Kratzer/tief": (A, "", "tief"),
        "Kratzer 2": (A, "", None),
    }


def test_an_answer_goes_before_what_stands_above_it(tmp_path):
    make(tmp_path, "normal/OK/a.png", "normal/NOK/a.png", "defects/none/a.png")
    found = labels(tmp_path, bad_words=["NOK"], good_words=["none"])
    assert found == {
        "normal/OK": (N, "", None),
        "normal/NOK": (A, "", None),
        "defects/none": (N, "", None),
    }


def notes(root, **words):
    return " | ".join(read_dataset(root, **words).notes)


def test_notes_say_what_was_assumed(tmp_path):
    make(tmp_path / "plain", "good/a.png", "defect/a.png")
    make(tmp_path / "words", "iO/a.png", "NIO/a.png", "iO/b.txt.png")
    make(tmp_path / "numbers", "0/a.png", "1/a.png")
    make(tmp_path / "none", "monday/a.png", "tuesday/a.png")
    make(tmp_path / "loose", "OK/a.png", "b.png", "c.png")
    make(tmp_path / "mvtec", "train/good/a.png", "test/dent/a.png", "overview.png")
    make(tmp_path / "two", "x/train/ok/a.png", "x/test/dent/a.png", "y/train/ok/a.png")
    assert notes(tmp_path / "plain") == ""
    assert notes(tmp_path / "words") == "folders taken as normal: iO; as anomalous: NIO"
    assert notes(tmp_path / "numbers") == "folders taken as normal: 0; as anomalous: 1"
    assert "(monday, tuesday): all 2 images are taken as unlabeled" in notes(tmp_path / "none")
    assert "2 images beside labeled folders, in ., are taken as unlabeled" in notes(
        tmp_path / "loose"
    )
    assert "1 image outside the folders train and test left out" in notes(tmp_path / "mvtec")
    assert "2 folders with train and test folders of their own" in notes(tmp_path / "two")
    assert "no folder or label says 'charge9'" in notes(tmp_path / "plain", good_words=["Charge9"])


def test_folders_without_any_known_name_are_flat(tmp_path):
    dataset = read_dataset(make(tmp_path, "monday/a.png", "tuesday/deep/b.png"))
    assert dataset.layout == "flat"
    assert set(dataset.labels) == {U}


def test_files_skipped_by_their_ending_are_counted_and_junk_is_not(tmp_path):
    make(tmp_path, "good/a.png", "good/B.JFIF")
    for name in (
        "a.heic",
        "b.HEIC",
        "c.txt",
        "Thumbs.db",
        "desktop.ini",
        "~$list.png",
        ".x",
        "noend",
    ):
        (tmp_path / "good" / name).write_bytes(b"x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.heic").write_bytes(b"x")
    dataset = read_dataset(tmp_path)
    assert [s.name for s in dataset.samples] == ["good/B.JFIF", "good/a.png"]
    assert dataset.skipped == ((".heic", 2), (".txt", 1), ("no ending", 1))
    assert dataset.notes == ("4 files were skipped: .heic (2), .txt (1), no ending (1)",)


def test_a_folder_of_other_files_says_which(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(
        DataError, match=r"holds a\.heic; 1 file was skipped: \.heic \(1\) \(PNG, JPEG"
    ):
        read_dataset(tmp_path)


def test_masks_are_found_whatever_the_case_of_names(tmp_path):
    make(tmp_path, "Test/Bad/IMG_1.JPG", "Ground Truth/bad/img_1_MASK.png", "Train/good/a.png")
    dataset = read_dataset(tmp_path)
    bad = next(s for s in dataset.samples if s.label is A)
    assert bad.mask_path == tmp_path / "Ground Truth/bad/img_1_MASK.png"


@pytest.mark.parametrize(("image", "mask"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_masks_are_found_however_a_system_composes_letters(tmp_path, image, mask):
    name = f"prüfung/{unicodedata.normalize(image, 'ö')}.png"
    masked = f"{unicodedata.normalize(mask, 'prüfung/ö')}_mask.png"
    make(tmp_path, f"test/{name}", f"ground_truth/{masked}")
    (sample,) = read_dataset(tmp_path).samples
    assert sample.mask_path == tmp_path / "ground_truth" / masked


def test_a_list_beside_images_without_labels_is_pointed_at(tmp_path):
    make(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_text("path,label\na.png,ok\n")
    assert "labels.csv lies beside the images; give it instead" in notes(tmp_path)
