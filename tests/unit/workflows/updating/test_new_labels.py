"""Labels to learn from are refused with one line that says what is wrong, and where."""

import numpy as np
import pytest

from defectory.domain import DataError, Label, ManifestError, MaskError, ParameterError
from defectory.workflows.updating.new_labels import read_new_labels
from tests.pictures import disc, save, scratched


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    save(tmp_path / "good.png", disc(rng, 32))
    image, mask = scratched(disc(rng, 32), rng)
    save(tmp_path / "bad.png", image)
    save(tmp_path / "copy.png", image)
    save(tmp_path / "mask.png", np.where(mask, 255, 0))
    save(tmp_path / "othermask.png", np.where(mask, 0, 255))
    save(tmp_path / "empty.png", np.zeros((32, 32)))
    save(tmp_path / "small.png", np.full((8, 8), 255))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


def labels(folder, *rows, header="path,label,mask"):
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_labels_with_and_without_masks_are_read(folder):
    new = read_new_labels(labels(folder, "good.png,normal,", "bad.png,anomalous,mask.png"))
    assert new.dataset.labels.tolist() == [Label.NORMAL, Label.ANOMALOUS]
    assert [s.mask_path is not None for s in new.dataset.samples] == [False, True]
    images = new.dataset.images()
    assert new.contents == tuple(images.fingerprint(i)[:12] for i in range(2))
    assert list(new.names.items()) == list(zip(new.contents, ("good.png", "bad.png"), strict=True))


def test_json_lines_are_read_too_and_a_normal_image_may_have_an_empty_mask(folder):
    path = folder / "labels.jsonl"
    path.write_text('{"path": "good.png", "label": "good", "mask": "empty.png"}\n')
    assert len(read_new_labels(path).dataset) == 1


def test_a_rule_tells_groups_by_names(folder):
    path = labels(folder, "good.png,normal,", "bad.png,anomalous,")
    assert read_new_labels(path).dataset.groups is None
    assert read_new_labels(path, group_by="[.]png").dataset.groups.tolist() == [0, 0]
    with pytest.raises(ParameterError, match="finds nothing in any of 2 names"):
        read_new_labels(path, group_by="lot")


@pytest.mark.parametrize("masked_first", [True, False])
def test_an_image_listed_twice_counts_once_with_its_mask(folder, masked_first):
    rows = ["bad.png,anomalous,mask.png", "copy.png,anomalous,"]
    rows = rows if masked_first else rows[::-1]
    new = read_new_labels(labels(folder, *rows, "good.png,normal,"))
    assert len(new.contents) == 2
    assert [s.mask_path is not None for s in new.dataset.samples] == [True, False]


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([], DataError, "lists no images"),
        (["good.png,,", "copy.png,unlabeled,"], DataError,
         "labels.csv: none of 2 rows has a label; write normal or anomalous"),
              (["bad.png,normal,", "copy.png,anomalous,"], DataError,
         "bad.png and copy.png are the same image, labeled normal and anomalous"),
        (["bad.png,anomalous,mask.png", "copy.png,anomalous,othermask.png"], DataError,
         "bad.png and copy.png are the same image with different masks"),
        (["gone.png,normal,"], ManifestError, "line 2, column 'path': 'gone.png'"),
        (["bad.png,anomalous,gone.png"], ManifestError, "column 'mask': 'gone.png'"),
        (["bad.png,odd,"], ManifestError, "column 'label': 'odd'"),
        (["bad.png,anomalous,small.png"], MaskError, "small.png is 8 x 8 px"),
        (["bad.png,anomalous,broken.png"], MaskError, "broken.png"),
        (["bad.png,anomalous,empty.png"], DataError, "bad.png.*empty.png marks nothing"),
        (["good.png,normal,mask.png"], DataError, "good.png is labeled normal.*marks a defect"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(folder, rows, error, words):
    with pytest.raises(error, match=words) as caught:
        read_new_labels(labels(folder, *rows))
    assert "\n" not in str(caught.value)


def test_a_column_that_looks_like_labels_is_named(folder):
    path = labels(folder, "good.png,OK", "bad.png,NOK", header="path,Prüfergebnis")
    with pytest.raises(DataError, match=r"'Prüfergebnis' looks like labels: rename it to label$"):
        read_new_labels(path)


def test_test_images_are_never_learned_from(folder):
    path = labels(folder, "good.png,normal,test", header="path,label,split")
    with pytest.raises(DataError, match=r"test split: good\.png$"):
        read_new_labels(path)


def test_only_the_first_names_of_many_are_listed(folder):
    rng = np.random.default_rng(1)
    for i in range(8):
        save(folder / f"{i}.png", disc(rng, 16))
    with pytest.raises(DataError, match=r"test split: 0\.png, .*4\.png and 3 more$"):
        read_new_labels(
            labels(folder, *(f"{i}.png,ok,test" for i in range(8)), header="path,label,split")
        )


def test_rows_without_a_label_are_left_out_and_said(folder):
    new = read_new_labels(labels(folder, "good.png,,", "bad.png,Kratzer,"), bad_words=["kratzer"])
    assert [s.name for s in new.dataset.samples] == ["bad.png"]
    assert "1 of 2 rows have no label and are left out" in new.notes


@pytest.mark.parametrize("name", ["good.png", "", "labels.txt"])
def test_only_a_manifest_holds_labels(folder, name):
    with pytest.raises(DataError, match="labels come as a manifest"):
        read_new_labels(folder / name)


def test_a_folder_or_nothing_in_the_place_of_a_manifest_is_one_error(folder):
    (folder / "x.csv").mkdir()
    save(folder / "x.csv" / "good" / "a.png", np.zeros((8, 8, 3)))
    with pytest.raises(DataError):
        read_new_labels(folder / "x.csv")
    with pytest.raises(DataError, match="no such file"):
        read_new_labels(folder / "none.csv")
