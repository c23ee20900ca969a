"""Folders, words and lists by the command line: one vocabulary, notes, `inspect` as `fit`, true advice."""

import ast
import csv
import re
import shutil
from pathlib import Path

import click
import pytest

import defectory
from defectory.cli.main import main
from tests.e2e.conftest import run
from tests.pictures import write_mvtec

FAST = ("--size", 64, "--detector", "gaussian")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("source") / "parts"
    return write_mvtec(root, n_train=8, n_good=4, n_defective=4, size_px=64)


def lay(source, root, **folders):
    """Copy the first good pictures of the source, or defective ones for folders in `bad`."""
    for folder, (kind, names) in folders.items():
        (root / folder).mkdir(parents=True)
        for i in names:
            shutil.copy(source / kind / f"{i:03}.png", root / folder / f"{kind[:4]}{i}.png")
    return root


GOOD, BAD = "train/good", "test/scratch"


def test_a_name_that_is_not_understood_is_asked_about_by_every_command(source, bundle, tmp_path):
    data = lay(
        source,
        tmp_path / "d",
        OK=(GOOD, range(4)),
        Charge7=(GOOD, range(4, 8)),
        NOK=(BAD, range(3)),
    )
    for arguments in (
        ["fit", data, "-o", tmp_path / "b", *FAST],
        ["inspect", data],
        ["evaluate", bundle, data],
        ["simulate", data, "-o", tmp_path / "s"],
    ):
        asked = run(*arguments)
        assert asked.exit_code == 1
        assert "Charge7 (4 images)" in asked.output
        assert "--good Charge7 or --bad Charge7" in asked.output
        assert asked.output.count("\n") == 1
    fit = run("fit", data, "-o", tmp_path / "b", *FAST, "--good", "charge 7")
    assert "8 normal, 0 unlabeled; 3 anomalous" in fit.output
    evaluate = run("evaluate", bundle, data, "--bad", "Charge7")
    assert "anomalous rejected" in evaluate.output
    assert "folders taken as normal: OK; as anomalous: Charge7, NOK" in evaluate.output
    assert run("inspect", data, "--good", "Charge7").exit_code == 0
    # scores do not depend on labels: nothing is asked
    assert run("score", bundle, data, "-o", tmp_path / "out").exit_code == 0
    with pytest.warns(defectory.DefectoryWarning) as told:
        assert defectory.fit(data, detector="gaussian", size=64, good_words=("Charge7",))
    assert any("as normal: Charge7" in str(warning.message) for warning in told)


def test_notes_of_every_command(source, bundle, tmp_path):
    data = lay(source, tmp_path / "d", Gut=(GOOD, range(8)), Ausschuss=(BAD, range(3)))
    (data / "a.heic").write_bytes(b"x")
    words = "Note: folders taken as normal: Gut; as anomalous: Ausschuss"
    skipped = "1 file was skipped: .heic (1)"
    for arguments in (
        ["fit", data, "-o", tmp_path / "b", *FAST],
        ["evaluate", bundle, data],
        ["simulate", data, "-o", tmp_path / "s", "--n", 1, "--size", 64],
    ):
        output = run(*arguments).output
        assert words in output
        assert f"Note: {skipped}" in output
    assert f"Note: {skipped}" in run("score", bundle, data, "-o", tmp_path / "o").output
    inspected = " ".join(run("inspect", data).output.split())
    assert words.replace("Note: ", "Note ") in inspected
    assert "WARNING 1 file was skipped: .heic (1) [skipped_files]" in inspected


def test_a_list_that_comes_back_from_excel_teaches(source, bundle, tmp_path):
    data = lay(source, tmp_path, gut=(GOOD, range(2)), schlecht=(BAD, range(2)))
    path = data / "zurück.csv"
    path.write_bytes(
        "sep=;\r\nDatei;Score;Ergebnis\r\ngut\\trai0.png;0,25;i.O.\r\nschlecht\\test0.png;1,5;n.i.O.\r\n"
        "schlecht\\test1.png;1,5;\r\n;;\r\n".encode("cp1252")
    )
    result = run("update", bundle, path, "-o", tmp_path / "new.defectory")
    assert result.exit_code == 0, result.output
    assert "Took 2 labels (1 normal, 1 anomalous)" in result.output
    assert "Note: 1 of 3 rows have no label and are left out" in result.output
    assert "Note: labels read: 'i.O.' = normal, 'n.i.O.' = anomalous" in result.output


def test_every_problem_of_a_list_is_a_line(tmp_path):
    (tmp_path / "l.csv").write_text("path,label\nx\\a.png,odd\nb.png,\n")
    lines = run("inspect", tmp_path / "l.csv").output.splitlines()
    assert lines[0] == f"defectory: {tmp_path / 'l.csv'}: 3 problems"
    assert lines[1].startswith("  line 2, column 'label': 'odd' is not understood; known: normal")
    assert lines[2].startswith(
        r"  line 2, column 'path': 'x\a.png' is not understood; no such file"
    )
    assert len(lines) == 4


@pytest.mark.parametrize("word", ["OK", "NOK"])
def test_update_with_labels_of_one_kind(source, bundle, tmp_path, word):
    data = lay(source, tmp_path / "d", x=(GOOD if word == "OK" else BAD, range(3)))
    (data / "l.csv").write_text(
        "path,label\n" + "".join(f"{p.name},{word}\n" for p in data.rglob("*.png"))
    )
    result = run("update", bundle, data / "l.csv", "-o", tmp_path / "new.defectory")
    assert result.exit_code == 0, result.output
    assert "Took 3 labels" in result.output


def test_update_that_leaves_nothing_normal_is_refused(parts, bundle, tmp_path):
    rows = "".join(f"{path},bad\n" for path in sorted((parts / "train/good").glob("*.png")))
    (tmp_path / "l.csv").write_text("path,label\n" + rows)
    refused = run("update", bundle, tmp_path / "l.csv", "-o", tmp_path / "new.defectory")
    assert refused.exit_code == 1
    assert "0 of the 16 images that the bundle remembers are normal" in refused.output
    assert "swapped" in refused.output
    assert not (tmp_path / "new.defectory").exists()


def broken(path):
    path.write_bytes(b"no picture")


def test_inspect_ends_as_fit_does(source, tmp_path):
    def make(name, **folders):
        return lay(source, tmp_path / name, **folders)

    train = {"train/good": (GOOD, range(4)), "test/scratch": (BAD, range(2))}
    cases = {
        "fine": (make("fine", **train), 0),
        "flat": (make("flat", x=(GOOD, range(3))), 0),
        "only test": (make("only-test", **{"test/good": (GOOD, range(3))}), 1),
        "only bad": (make("only-bad", NOK=(BAD, range(3))), 1),
        "one good": (make("one-good", OK=(GOOD, range(1)), NOK=(BAD, range(3))), 1),
        "asked": (make("asked", OK=(GOOD, range(3)), what=(GOOD, range(3, 5))), 1),
        "empty": (make("empty", OK=(GOOD, range(0))), 1),
    }
    for name, place, status in (
        ("broken in train", "train/good/x.png", 1),
        ("broken in test", "test/scratch/x.png", 0),
    ):
        data = make(name, **train)
        broken(data / place)
        cases[name] = (data, status)
    copies = make("copies", **train)
    for i in range(9):
        shutil.copy(copies / "train/good/trai0.png", copies / f"train/good/copy{i}.png")
    shutil.copy(copies / "train/good/trai0.png", copies / "test/scratch/copy.png")
    cases["contradicting copies"] = (copies, 0)
    masks = make("masks", OK=(GOOD, range(4)), NOK=(BAD, range(2)), masks=(GOOD, range(0)))
    broken(masks / "masks/test0.png")
    cases["broken mask of a defect to learn from"] = (masks, 1)
    for name, (data, status) in cases.items():
        inspected = run("inspect", data)
        assert inspected.exit_code == status, (name, inspected.output)
        # what succeeds need not be slow; what the default detector refuses has to be refused by it
        settings = FAST if status == 0 else FAST[:2]
        fitted = run("fit", data, "-o", tmp_path / f"{name}.defectory", *settings)
        assert fitted.exit_code == status, (name, fitted.output)
    output = run("inspect", copies).output
    for code in ("contradicting_labels", "duplicate_across_splits", "few_distinct", "few_normals"):
        assert f"[{code}]" in output
    assert "fit would refuse these data." in run("inspect", masks).output


def test_inspect_says_where_a_fit_would_be_weak(source, tmp_path):
    data = lay(source, tmp_path / "swapped", OK=(BAD, range(2)), NOK=(GOOD, range(6)))
    output = " ".join(run("inspect", data).output.split())
    assert "6 anomalous but 2 normal images to learn from" in output
    assert "2 images labeled good and 0 unlabeled to learn from; the promise of fit" in output
    data = lay(
        source, tmp_path / "one", **{"train/good": (GOOD, range(4)), "test/ok": (GOOD, range(4, 8))}
    )
    assert "all 4 labeled test images are normal" in " ".join(run("inspect", data).output.split())
    rows = [("path", "label", "split", "group")]
    rows += [(f"{source}/train/good/00{i}.png", "ok", "train", "lot 1") for i in range(4)]
    rows += [(f"{source}/test/good/00{i}.png", "ok", "test", "lot 1") for i in range(2)]
    with (tmp_path / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    output = " ".join(run("inspect", tmp_path / "groups.csv").output.split())
    assert "1 group of images both in train and in test: lot 1" in output
    assert "all 4 images to learn from are of one group" in output


def every_command(group=main):
    """The commands of a group and of the groups in it."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        yield found
        if isinstance(found, click.Group):
            yield from every_command(found)


OPTIONS = {o for c in every_command() for p in c.params for o in (*p.opts, *p.secondary_opts)}
SOURCE = Path(defectory.__file__).parent


def test_every_option_that_a_message_names_exists():
    named = {}
    for path in SOURCE.rglob("*.py"):
        if path.name == "suggestions.py":  # options of other programs
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", node.value):
                    named.setdefault(option, path.name)
    assert {"--good", "--bad", "--skip-unreadable", "--false-reject-rate"} <= named.keys()
    unknown = {
        option: place for option, place in named.items() if option not in OPTIONS | {"--help"}
    }
    assert unknown == {}
