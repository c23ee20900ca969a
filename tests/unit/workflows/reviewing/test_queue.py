import csv
import itertools
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from defectory.artifacts import UpdateRecord
from defectory.detectors.auto import Auto
from defectory.domain import CONTENT_DIGITS, DataError, Label, OutputError, ParameterError
from defectory.labeling.random_part import random_order
from defectory.sources import read_dataset
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.reviewing.queue import make_rows, queue_to_file
from defectory.workflows.reviewing.queue_tables import COLUMNS, QUEUE_FILE, QueueRow, write_queue
from defectory.workflows.updating.new_labels import read_new_labels
from defectory.workflows.updating.update import update_model
from tests.pictures import disc, save
from tests.unit.workflows.brightness import brightness_model, write_bright

NOW = datetime(2026, 1, 2, tzinfo=UTC)
VALUES = (5, 90, 41, 20, 60)


@pytest.fixture
def images(tmp_path):
    return write_bright(tmp_path / "new parts", VALUES)


@pytest.fixture
def model(monkeypatch):
    """The command reads a bundle; a fake detector has none, so that reading it gives the model."""
    found = brightness_model()
    monkeypatch.setattr("defectory.workflows.reviewing.queue.load_calibrated", lambda _: found)
    return found


def rows_of(path, delimiter=","):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def queued(tmp_path, images, n=3, **settings):
    path = tmp_path / "out" / "queue.csv"
    found = queue_to_file(tmp_path / "b.defectory", images, path, n, **settings)
    return found, path


def test_decisions_are_those_of_score(images):
    model, data = brightness_model().with_miss_rate(0.05), read_dataset(images)
    _, decisions = model.judge(data.images())
    asked = make_rows(model, data, len(VALUES)).rows
    assert {row.name: row.decision for row in asked} == {
        sample.name: decision.outcome
        for sample, decision in zip(data.samples, decisions, strict=True)
    }
    assert {row.decision for row in asked} == {"review", "rejected"}


@pytest.mark.parametrize(("n_labels", "says"), [((), False), ((19,), False), ((15, 5), True)])
def test_whether_it_is_enough_is_said_once_a_person_has_answered(n_labels, says, images):
    updates = tuple(UpdateRecord(NOW, n, {}) for n in n_labels)
    found = make_rows(brightness_model(updates=updates), read_dataset(images), 3)
    assert (found.gain is not None) == says
    if says:
        assert found.gain.n_next == 3
        assert 0 <= found.gain.flip_ratio <= 1


def test_a_queue_says_what_to_look_at_and_why(model, images, tmp_path):
    found, path = queued(tmp_path, images, strategy="likely-defect")
    rows = rows_of(path)
    assert tuple(rows[0]) == COLUMNS
    assert [row["score"] for row in rows] == ["90", "60", "41"]
    assert [row["decision"] for row in rows] == ["rejected"] * 3
    assert {(row["label"], row["mask"], row["strategy"]) for row in rows} == {
        ("", "", "likely-defect")
    }
    assert rows[0]["reason"] == "scores 90, the highest of 5 unlabeled images"
    assert (found.n_images, found.n_open, len(found.rows)) == (5, 5, 3)
    assert found.n_by_strategy == {"likely-defect": 3}
    assert found.gain is None


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_update_reads_it_as_it_comes_back_from_a_spreadsheet(delimiter, model, images, tmp_path):
    _, path = queued(tmp_path, images, strategy="likely-defect", for_excel=delimiter == ";")
    rows = rows_of(path, delimiter)
    for row, label in zip(rows, ("NOK", "", "i.O."), strict=True):
        row["label"] = label
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    labels = read_new_labels(path)
    assert [s.path.name for s in labels.dataset.samples] == ["001.png", "002.png"]
    assert labels.dataset.labels.tolist() == [Label.ANOMALOUS, Label.NORMAL]
    assert "1 of 3 rows have no label and are left out" in labels.notes


@pytest.mark.parametrize("strategy", ["random", "likely-defect", "mix"])
def test_update_learns_which_images_are_a_random_sample(strategy, model, images, tmp_path):
    """Those that stand first in the random order, whoever chose them; all others were chosen."""
    n = 4
    _, path = queued(tmp_path, images, n, strategy=strategy)
    rows = rows_of(path)
    for row in rows:
        row["label"] = "good"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    labels = read_new_labels(path)
    source = read_dataset(images)
    content_of = [source.images().fingerprint(i)[:CONTENT_DIGITS] for i in range(len(VALUES))]
    order = [content_of[i] for i in random_order(len(VALUES))]
    asked = set(labels.contents)
    first = list(itertools.takewhile(lambda content: content in asked, order))
    assert (labels.drawn, labels.chosen) == (set(first), asked - set(first))
    assert len(labels.drawn) >= (n if strategy == "random" else 1)


def test_images_with_a_label_are_not_asked_about_nor_those_of_the_test(model, images, tmp_path):
    table = images / "list.csv"
    table.write_text(
        "path,label,split\n000.png,,\n001.png,bad,\n002.png,,test\n003.png,good,\n004.png,,\n"
    )
    found, path = queued(tmp_path, table, 10)
    assert sorted(row["image"] for row in rows_of(path)) == [
        "../new parts/000.png",
        "../new parts/004.png",
    ]
    assert "nobody is asked about the test split (1 images, 1 without a label)" in " ".join(
        found.notes
    )


def test_all_of_the_test_split_or_all_labeled_leaves_nothing_to_ask(model, images, tmp_path):
    table = images / "list.csv"
    table.write_text("path,label,split\n000.png,,test\n")
    with pytest.raises(DataError, match="of the test split, from which nothing may learn"):
        queued(tmp_path, table)
    table.write_text("path,label\n000.png,good\n")
    with pytest.raises(DataError, match="all of 1 images have a label"):
        queued(tmp_path, table)
    with pytest.raises(DataError, match="suspected finds nothing to ask among 5 images"):
        queued(tmp_path, images, strategy="suspected")
    assert not (tmp_path / "out").exists()


def test_an_unknown_strategy_is_refused(model, images, tmp_path):
    with pytest.raises(ParameterError, match="no strategy is named 'clever'"):
        queued(tmp_path, images, strategy="clever")


def test_a_queue_with_answers_is_never_replaced(model, images, tmp_path):
    _, path = queued(tmp_path, images)
    with pytest.raises(OutputError, match="exists already"):
        queued(tmp_path, images)
    queued(tmp_path, images, overwrite=True, for_excel=True)
    queued(tmp_path, images, overwrite=True)
    answered = path.read_text(encoding="utf-8-sig").replace(".png,,", ".png,good,", 1)
    path.write_text(answered, encoding="utf-8-sig")
    with pytest.raises(OutputError, match="is not a queue without answers"):
        queued(tmp_path, images, overwrite=True)
    assert path.read_text(encoding="utf-8-sig") == answered


def test_a_table_of_somebody_else_with_a_huge_cell_stays(model, images, tmp_path):
    path = tmp_path / "out" / "queue.csv"
    path.parent.mkdir()
    path.write_text("x" * (csv.field_size_limit() + 1))
    with pytest.raises(OutputError, match="is not a queue without answers"):
        queued(tmp_path, images, overwrite=True)


def test_an_input_is_no_output(model, images, tmp_path):
    table = images / "list.csv"
    table.write_text("path\n000.png\n")
    with pytest.raises(OutputError):
        queue_to_file(tmp_path / "b.defectory", table, table, 2, overwrite=True)


def test_the_same_picture_is_asked_about_once(model, images, tmp_path):
    (images / "copy.png").write_bytes((images / "001.png").read_bytes())
    found = make_rows(model, read_dataset(images), 10)
    assert found.n_open == len(found.rows) == 5
    assert found.n_copies == 1
    assert len({row.score for row in found.rows}) == 5


def test_names_that_are_no_text_come_back(tmp_path):
    name = b"teil-\xff.png".decode("utf-8", "surrogateescape")
    row = QueueRow(name, tmp_path / name, 1.0, "accepted", "random", True, "drawn")
    write_queue([row], tmp_path / "q.csv", tmp_path)
    assert b"teil-\xff.png,,,1,accepted,random,yes,drawn" in (tmp_path / "q.csv").read_bytes()


def test_scores_are_of_every_image(model, images):
    found = make_rows(model, read_dataset(images), 5, mix={"random": 1})
    assert np.sort([row.score for row in found.rows]).tolist() == sorted(VALUES)


def test_what_was_chosen_for_its_score_counts_once_its_turn_in_the_random_order_has_come(tmp_path):
    """Else the good images that count as drawn at random would lack the highest, and promise too much."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "parts"
    for i in range(40):
        save(folder / f"{i:02}.png", disc(rng, 64))
    data = read_dataset(folder)
    contents = [c[:CONTENT_DIGITS] for c in data.contents()]
    model = fit_dataset(data, FitOptions(detector=Auto(size_px=64), keep_probes=False)).model
    chosen, path = [], tmp_path / "queue.csv"
    for n in (6, 6, 28):
        rows = make_rows(model, data, n)
        order = random_order(40).tolist()
        write_queue((*rows.rows, *rows.answered), path, tmp_path)
        assert QUEUE_FILE.is_ours(path)  # may be replaced: nobody has answered
        text = path.read_text("utf-8-sig").replace(".png,,", ".png,good,")
        path.write_text(text, "utf-8")
        assert {row.label for row in rows.answered} <= {"normal"}
        assert {row.strategy for row in rows.answered} <= {"answered"}
        model = update_model(model, read_new_labels(path)).model
        chosen = list(model.facts.chosen)
        labeled = {c for c in contents if c in model.bundle.detector.known_labels}
        first = next((k for k, i in enumerate(order) if contents[i] not in labeled), 40)
        assert not {contents[i] for i in order[:first]} & set(chosen)
    assert not chosen  # all are labeled: nobody was chosen from among others


def test_a_copy_of_a_labeled_image_does_not_end_the_random_sample(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [disc(rng, 64) for _ in range(30)]
    for i, picture in enumerate(pictures):
        save(tmp_path / "parts" / f"{i:02}.png", picture)
    save(tmp_path / "parts" / "copy.jpg", pictures[0], quality=95)
    data = read_dataset(tmp_path / "parts")
    samples = [replace(s, label=Label.NORMAL) if s.name == "00.png" else s for s in data.samples]
    found = make_rows(
        brightness_model(), replace(data, samples=tuple(samples)), 29, mix={"random": 1}
    )
    assert len(found.rows) == 29
    assert all(row.is_random for row in found.rows)


def test_an_answered_row_that_a_person_changed_is_never_replaced(tmp_path):
    row = QueueRow(
        "a.png", tmp_path / "a.png", 1.0, "accepted", "answered", True,
        "is labeled normal: it is its turn", "normal",
    )  # fmt: skip
    path = tmp_path / "queue.csv"
    write_queue([row], path, tmp_path)
    assert QUEUE_FILE.is_ours(path)
    text = path.read_text("utf-8-sig")
    for changed in (
        text.replace(",normal,,", ",defect,,"),
        text.replace(",normal,,", ",normal,m.png,"),
    ):
        assert changed != text
        path.write_text(changed, "utf-8")
        assert not QUEUE_FILE.is_ours(path)


def test_chosen_images_count_only_once_the_random_ones_before_them_are_answered(tmp_path):
    save(tmp_path / "a.png", disc(np.random.default_rng(0), 32))
    save(tmp_path / "b.png", disc(np.random.default_rng(1), 32))
    for answer, is_whole in (("", False), ("ok", True)):
        (tmp_path / "t.csv").write_text(f"path,label,random\na.png,ok,yes\nb.png,{answer},yes\n")
        assert read_new_labels(tmp_path / "t.csv").is_whole == is_whole


@pytest.mark.parametrize("label", [None, Label.NORMAL, Label.ANOMALOUS])
def test_no_label_is_written_that_the_bundle_does_not_remember(images, label):
    """Of an image that it knows to have been labeled, but not how, a guess would be taught."""
    data = read_dataset(images)
    content = data.contents()[0][:CONTENT_DIGITS]
    model = brightness_model(
        chosen=(content,), confirmed_names={content: "000.png"}, holder_names={"f" * 12: "f"}
    )
    model.bundle.detector.known_labels = {} if label is None else {content: label}
    found = make_rows(model, data, 10, mix={"random": 1})
    assert len(found.rows) == len(data) - 1
    assert [row.label for row in found.answered] == ([] if label is None else [label.name.lower()])
