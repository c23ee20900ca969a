"""Folders are understood, or refused with what was found."""

import os
from contextlib import nullcontext

import numpy as np
import pytest

from defectory.domain import DataError, ImageReadError, Label, ParameterError
from defectory.sources import read_dataset
from tests.pictures import save, write_mvtec

PIXEL = np.zeros((4, 5, 3), np.uint8)
N, A, U = Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED


def make(root, *names):
    for name in names:
        save(root / name, PIXEL)
    return root


def known(dataset):
    """Name -> (label, split, defect type, mask name)."""
    return {
        s.name: (
            s.label,
            s.split,
            s.defect_type,
            s.mask_path.relative_to(dataset.root).as_posix() if s.mask_path else None,
        )
        for s in dataset.samples
    }


def test_mvtec(tmp_path):
    make(
        tmp_path,
        "train/good/0.png",
        "train/unlabeled/0.PNG",
        "train/dent/1.jpg",
        "validation/good/0.png",
        "test/good/0.png",
        "test/dent/0.JPG",
        "test/dent/1.bmp",
        "test/dent/2.png",
        "ground_truth/dent/0_mask.png",
        "ground_truth/dent/1.png",
        "ground_truth/dent/9_mask.png",
        "overview.png",
    )
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "mvtec"
    assert known(dataset) == {
        "train/good/0.png": (N, "train", None, None),
        "train/unlabeled/0.PNG": (U, "train", None, None),
        "train/dent/1.jpg": (A, "train", "dent", "ground_truth/dent/1.png"),
        "validation/good/0.png": (N, "train", None, None),
        "test/good/0.png": (N, "test", None, None),
        "test/dent/0.JPG": (A, "test", "dent", "ground_truth/dent/0_mask.png"),
        "test/dent/1.bmp": (A, "test", "dent", "ground_truth/dent/1.png"),
        "test/dent/2.png": (A, "test", "dent", None),
    }
    assert [p.name for p in dataset.unmatched_masks] == ["9_mask.png"]


def test_tree_at_any_depth(tmp_path):
    make(
        tmp_path,
        "line1/OK/a.png",
        "line1/NG/scratch/b.png",
        "line2/defects/c.png",
        "line2/anomalies/deep/er/d.png",
        "line2/unknown/e.png",
        "line2/f.png",
        "train/normal/g.png",
        "val/normal/h.png",
        "test/bad/dent/good/i.png",
        "defective/test/j.png",
    )
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "tree"
    assert known(dataset) == {
        "line1/OK/a.png": (N, "", None, None),
        "line1/NG/scratch/b.png": (A, "", "scratch", None),
        "line2/defects/c.png": (A, "", None, None),
        "line2/anomalies/deep/er/d.png": (A, "", "deep", None),
        "line2/unknown/e.png": (U, "", None, None),
        "line2/f.png": (U, "", None, None),
        "train/normal/g.png": (N, "train", None, None),
        "val/normal/h.png": (N, "train", None, None),
        "test/bad/dent/good/i.png": (A, "test", "dent", None),
        "defective/test/j.png": (A, "test", None, None),
    }


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("bad/a.png", "masks/a.png"),
        ("bad/a.png", "bad/masks/a_mask.png"),
        ("bad/dent/a.jpg", "ground_truth/bad/dent/a.png"),
        ("bad/dent/a.jpg", "ground_truth/dent/a.png"),
        ("Images/anomaly/a.jpg", "Masks/anomaly/a.png"),
        ("test/bad/a.png", "test/masks/bad/a.png"),
    ],
)
def test_tree_masks_beside_the_images(tmp_path, image, mask):
    dataset = read_dataset(make(tmp_path, image, mask))
    assert [s.name for s in dataset.samples] == [image]
    assert dataset.samples[0].mask_path == tmp_path / mask
    assert dataset.unmatched_masks == ()


@pytest.mark.parametrize(
    "in_order",
    [
        ("bad/masks/a.png", "masks/bad/dent/a.png"),
        ("masks/bad/dent/a.png", "masks/dent/a.png"),
        ("masks/dent/a.png", "masks/a_mask.png"),
        ("masks/a_mask.png", "masks/a.png"),
    ],
)
def test_the_nearest_mask_goes_first(tmp_path, in_order):
    dataset = read_dataset(make(tmp_path, "bad/dent/a.png", *in_order))
    assert dataset.samples[0].mask_path == tmp_path / in_order[0]
    assert dataset.unmatched_masks == (tmp_path / in_order[1],)


def test_mask_of_another_folder_is_not_taken(tmp_path):
    dataset = read_dataset(make(tmp_path, "bad/dent/0.png", "ground_truth/scratch/0_mask.png"))
    assert dataset.samples[0].mask_path is None
    assert len(dataset.unmatched_masks) == 1


def test_splits_without_labels_are_a_tree(tmp_path):
    dataset = read_dataset(make(tmp_path, "train/a.png", "test/b.png"))
    assert known(dataset) == {
        "train/a.png": (U, "train", None, None),
        "test/b.png": (U, "test", None, None),
    }


def test_flat_folder_in_natural_order(tmp_path):
    dataset = read_dataset(make(tmp_path, "img10.png", "img2.png", "img1.jpg", "IMG3.PNG"))
    assert dataset.layout == "flat"
    assert [s.name for s in dataset.samples] == ["IMG3.PNG", "img1.jpg", "img2.png", "img10.png"]
    assert (dataset.labels == -1).all()
    assert dataset.labels.dtype == np.int8


def test_flat_by_wish_takes_every_folder(tmp_path):
    dataset = read_dataset(make(tmp_path, "monday/a.png", "good/b.png"), layout="flat")
    assert {s.label for s in dataset.samples} == {U}
    assert len(dataset) == 2


def test_single_image_file(tmp_path):
    dataset = read_dataset(save(tmp_path / "a.png", PIXEL))
    assert (dataset.layout, dataset.root, len(dataset)) == ("file", tmp_path, 1)
    assert dataset.images().read([0])[0].shape == (4, 5, 3)


def test_hidden_and_system_files_are_ignored(tmp_path):
    make(tmp_path, "good/a.png", "good/._a.png", ".cache/b.png", "__MACOSX/good/a.png")
    (tmp_path / "good" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "good" / "notes.txt").write_text("x")
    assert [s.name for s in read_dataset(tmp_path).samples] == ["good/a.png"]


def test_link_loops_end(tmp_path):
    make(tmp_path, "good/a.png", "bad/b.png")
    (tmp_path / "good" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "good" / "self").symlink_to(tmp_path / "good", target_is_directory=True)
    (tmp_path / "good" / "itself.png").symlink_to(tmp_path / "good" / "itself.png")
    (tmp_path / "good" / "dangling.png").symlink_to(tmp_path / "gone.png")
    names = [s.name for s in read_dataset(tmp_path).samples]
    assert names == ["bad/b.png", "good/a.png", "good/dangling.png", "good/itself.png"]


def test_linked_folders_are_followed(tmp_path):
    make(tmp_path, "store/a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "good").symlink_to(tmp_path / "store", target_is_directory=True)
    assert [s.name for s in read_dataset(tmp_path / "data").samples] == ["good/a.png"]


def test_order_does_not_depend_on_the_disk(tmp_path, monkeypatch):
    make(tmp_path, *(f"good/{i}.png" for i in (3, 20, 1, "01", "b", "B")))
    first = read_dataset(tmp_path)
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: nullcontext(reversed(list(scan(path)))))
    assert read_dataset(tmp_path) == first


def test_missing_empty_and_imageless_folders(tmp_path):
    with pytest.raises(DataError, match=r"no such file or folder.*nowhere"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="empty"):
        read_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"no images in .* holds notes\.txt"):
        read_dataset(tmp_path)
    with pytest.raises(DataError, match=r"neither an image nor a manifest"):
        read_dataset(tmp_path / "notes.txt")


def test_wrong_explicit_layouts(tmp_path):
    make(tmp_path, "a.png")
    with pytest.raises(ParameterError, match=r"unknown layout 'coco'; known: mvtec, tree"):
        read_dataset(tmp_path, layout="coco")
    with pytest.raises(DataError, match=r"no images in .* layout 'mvtec'"):
        read_dataset(tmp_path, layout="mvtec")
    with pytest.raises(DataError, match="needs a folder"):
        read_dataset(tmp_path / "a.png", layout="tree")


def test_only_masks_is_no_data_set(tmp_path):
    with pytest.raises(DataError, match="no images"):
        read_dataset(make(tmp_path, "masks/a.png"), layout="tree")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_forbidden_folder_is_named(tmp_path):
    make(tmp_path, "good/a.png")
    (tmp_path / "good").chmod(0)
    with pytest.raises(DataError, match=r"cannot look into .*good"):
        read_dataset(tmp_path)


def test_subset_filter_and_sources(tmp_path):
    dataset = read_dataset(write_mvtec(tmp_path, n_train=3, n_good=2, n_defective=2, size_px=32))
    assert [len(dataset), len(dataset.subset("train")), len(dataset.subset("test"))] == [7, 3, 4]
    assert len(dataset.filter(lambda sample: sample.label is A)) == 2
    np.testing.assert_array_equal(dataset.subset("test").labels, [0, 0, 1, 1])
    test = dataset.subset("test")
    assert len(test.images()) == len(test.masks()) == 4
    assert test.masks().read(0) is None
    assert test.masks().read(2).any()


def test_fingerprint_follows_names_labels_images_and_masks(tmp_path):
    def fingerprint():
        return read_dataset(tmp_path).fingerprint()

    write_mvtec(tmp_path, n_train=2, n_good=1, n_defective=1, size_px=32)
    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    save(tmp_path / "train/good/000.png", PIXEL)
    seen.append(fingerprint())
    save(tmp_path / "ground_truth/scratch/000_mask.png", PIXEL)
    seen.append(fingerprint())
    (tmp_path / "train/good/000.png").rename(tmp_path / "train/good/009.png")
    seen.append(fingerprint())
    (tmp_path / "train/good/009.png").rename(tmp_path / "train/unlabeled.png")
    seen.append(fingerprint())
    assert len(set(seen)) == 5
    dataset = read_dataset(tmp_path)
    dataset.samples[0].path.unlink()
    with pytest.raises(ImageReadError):
        dataset.fingerprint()


def test_written_pictures_are_deterministic(tmp_path):
    a, b = (read_dataset(write_mvtec(tmp_path / n, size_px=32)).fingerprint() for n in "ab")
    assert a == b
    c = read_dataset(write_mvtec(tmp_path / "c", size_px=32, seed=1)).fingerprint()
    assert a != c
