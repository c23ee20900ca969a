"""Which images a threshold may be fitted on: good ones that the model has not learned from."""

import shutil

import pytest

from defectory.domain import DataError, Label
from defectory.workflows.recalibrating.good_images import check_good_images, read_good_images
from tests.pictures import write_mvtec
from tests.unit.workflows.brightness import write_bright


def names(good):
    return [sample.name for sample in good.dataset.samples]


def test_unlabeled_images_are_taken_as_good(tmp_path):
    given = read_good_images([write_bright(tmp_path, [1, 2, 3])])
    good = check_good_images(given, frozenset())
    assert (good.dataset.labels == Label.NORMAL).all()
    assert len(set(good.contents)) == 3
    assert good.notes == ()


def test_several_paths_and_patterns_are_read(tmp_path):
    first, second = (
        write_bright(tmp_path / n, values) for n, values in (("a", [1]), ("b", [2, 3]))
    )
    given = read_good_images([first, second / "*1.png"])
    assert [sample.name for sample in given.samples] == ["a/000.png", "b/001.png"]


def test_images_labeled_anomalous_and_those_of_a_test_split_are_left_out(tmp_path):
    write_bright(tmp_path, [1, 2, 3, 4])
    (tmp_path / "list.csv").write_text(
        "path,label,split,group\n000.png,ok,,p\n001.png,defect,,p\n002.png,ok,test,q\n003.png,,,q\n"
    )
    good = check_good_images(read_good_images([tmp_path / "list.csv"]), frozenset())
    assert names(good) == ["000.png", "003.png"]
    assert good.dataset.groups.tolist() == [0, 1]
    assert any("1 of 4 images are labeled anomalous and are left out" in n for n in good.notes)
    assert any("1 of 3 images are of the test split" in note for note in good.notes)


def test_words_of_the_user_say_what_is_bad(tmp_path):
    for name in ("prima", "murks"):
        write_bright(tmp_path / name, [len(name)])
    given = read_good_images([tmp_path], good_words=iter(["prima"]), bad_words=iter(["murks"]))
    assert names(check_good_images(given, frozenset())) == ["prima/000.png"]


def test_images_that_were_learned_from_are_left_out(tmp_path):
    given = read_good_images([write_bright(tmp_path, [1, 2, 3])])
    learned = frozenset(given.contents()[:2])
    good = check_good_images(given, learned)
    assert names(good) == ["002.png"]
    assert "2 of 3 images were learned from" in good.notes[0]
    with pytest.raises(DataError, match=r"no good images .*: 3 of 3 images were learned from"):
        check_good_images(given, frozenset(given.contents()))


def test_copies_count_once(tmp_path):
    write_bright(tmp_path, [1, 2])
    shutil.copy(tmp_path / "000.png", tmp_path / "100.png")
    good = check_good_images(read_good_images([tmp_path]), frozenset())
    assert names(good) == ["000.png", "001.png"]
    assert "1 of 3 images are copies of others and are left out" in good.notes


def test_a_data_set_of_defects_has_no_good_images(tmp_path):
    root = write_mvtec(tmp_path / "parts", n_train=2, n_good=1, n_defective=1)
    shutil.rmtree(root / "train")
    with pytest.raises(DataError, match="there are no good images to fit a threshold on"):
        check_good_images(read_good_images([root]), frozenset())
