"""Outputs that would cost somebody something: one clear line, exit status 1, everything on disk as it was."""

import os
import shutil
import socket
import subprocess

import pytest

from defectory.sources import read_dataset
from defectory.sources.manifest_writing import write_manifest
from tests.e2e.conftest import run
from tests.unit.storage.places import snapshot


@pytest.fixture(scope="module")
def world(parts, bundle, tmp_path_factory):
    """A home with a working directory full of things that somebody needs."""
    home = tmp_path_factory.mktemp("world") / "home"
    work = home / "work"
    shutil.copytree(parts, work / "parts")
    shutil.copytree(parts / "test/good", work / "flat")
    shutil.copy(bundle, work / "tiny.defectory")
    (work / "sub").mkdir()
    shutil.copy(bundle, work / "sub/b.defectory")
    (work / "sub/offer.docx").write_text("months of work")
    (work / "docs").mkdir()
    (work / "docs/thesis.docx").write_text("years of work")
    write_manifest(read_dataset(work / "parts"), work / "list.csv")
    (work / "labels.csv").write_text(
        "path,label,mask\nparts/test/scratch/000.png,anomalous,parts/ground_truth/scratch/000_mask.png\n"
    )
    for name, command in {
        "scored": ("score", work / "tiny.defectory", work / "flat"),
        "mixed": ("score", work / "tiny.defectory", work / "flat"),
        "edited": ("score", work / "tiny.defectory", work / "flat"),
        "simulated": ("simulate", work / "parts", "--n", 2, "--size", 32),
    }.items():
        assert run(*command, "-o", work / name).exit_code == 0
    (work / "mixed/notes.docx").write_text("months of work")
    with (work / "edited/scores.jsonl").open("a") as file:
        file.write("a remark\n")
    (work / "busy.unfinished").mkdir()
    (work / "busy.unfinished/mine").write_text("mine")
    (work / "pair.suspects.jsonl").write_text('{"mine": 1}\n')
    (work / "notes.txt").write_text("notes")
    (work / "page.html").write_text("<html>mine</html>")
    (work / "data.json").write_text('{"mine": 1}')
    (work / "link").symlink_to("parts")
    (work / "dead").symlink_to("nowhere")
    (work / "circle").symlink_to("circle")
    shutil.copy(bundle, work / "old.html")
    (work / "hard.html").hardlink_to(work / "parts/test/good/000.png")
    os.mkfifo(work / "pipe")
    here = os.getcwd()  # noqa: PTH109
    os.chdir(work)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("sock")
    os.chdir(here)
    return work


B = "tiny.defectory"
FOLDERS = {
    "score": ["score", B, "parts"],
    "score flat": ["score", B, "flat"],
    "score list": ["score", B, "list.csv"],
    "score sub": ["score", "sub/b.defectory", "flat"],
    "score scored": ["score", B, "parts/test/good/000.png"],
    "simulate": ["simulate", "parts", "--n", "2", "--size", "32"],
    "outliers": ["outliers", "flat"],
    "demo": ["demo"],
}  # fmt: skip
FILES = {
    "fit": ["fit", "parts", "-o"],
    "fit list": ["fit", "list.csv", "-o"],
    "update": ["update", B, "labels.csv", "-o"],
    "json": ["evaluate", B, "parts", "--json"],
    "report": ["evaluate", B, "parts", "--report"],
    "json list": ["evaluate", B, "list.csv", "--json"],
    "report of old": ["evaluate", "old.html", "parts", "--report"],
    "report list": ["evaluate", B, "list.csv", "--report"],
}
WRONG = [
    # what is read
    ("score", "parts", "is what this command reads"),
    ("score", "parts/test", "lies inside the input parts"),
    ("score", "parts/new/deep", "lies inside the input parts"),
    ("score", "docs/../parts/test/good", "lies inside the input parts"),
    ("score", "link", "is a link"),
    ("score", "link/new", "lies inside the input parts"),
    ("score", B, "is what this command reads"),
    ("score sub", "sub", "contains the input sub/b.defectory"),
    ("score list", "parts", "contains the input"),
    ("score list", "parts/test", "contains the input"),
    ("score list", "parts/ground_truth", "did not write (scratch)"),
    ("score list", "list.csv", "is what this command reads"),
    ("score scored", "parts", "contains the input parts/test/good/000.png"),
    ("score scored", "parts/test/good/000.png", "is what this command reads"),
    ("score scored", "parts/test/good/000.png/x", "lies inside the input"),
    ("simulate", "parts", "is what this command reads"),
    ("simulate", "parts/train", "lies inside the input parts"),
    ("outliers", "flat", "is what this command reads"),
    ("outliers", "flat/out", "lies inside the input flat"),
    ("fit", "parts", "is what this command reads"),
    ("fit", "parts/b.defectory", "lies inside the input parts"),
    ("fit", "parts/train/good/000.png", "lies inside the input parts"),
    ("fit list", "list.csv", "is what this command reads"),
    ("fit list", "parts/train/good/000.png", "is what this command reads"),
    ("fit list", "parts/ground_truth/scratch/000_mask.png", "is what this command reads"),
    ("update", B, "is what this command reads"),
    ("update", "labels.csv", "is what this command reads"),
    ("update", "parts/test/scratch/000.png", "is not a bundle that defectory wrote"),
    ("update", "parts/ground_truth/scratch/000_mask.png", "is not a bundle that defectory wrote"),
    ("json", B, "is what this command reads"),
    ("report of old", "old.html", "is what this command reads"),
    ("report", "parts/report.html", "lies inside the input parts"),
    ("report list", "hard.html", "is what this command reads"),
    ("json list", "list.csv", "is what this command reads"),
    # places
    ("score", ".", "is the working directory"),
    ("score", "..", "is your home folder"),
    ("score", "/", "contains your home folder"),
    ("score", "../..", "contains your home folder"),
    ("simulate", ".", "is the working directory"),
    ("outliers", "..", "is your home folder"),
    ("demo", ".", "is the working directory"),
    ("demo", "/", "contains your home folder"),
    ("score", "/proc", "mount point"),
    ("score", "/proc/out", "cannot write /proc/out"),
    ("fit", "/proc/b", "cannot write /proc/b"),
    ("fit", ".", "is the working directory"),
    ("json", "docs", "is a folder; give the name of a file"),
    ("score", "notes.txt", "is a file; give the name of a folder"),
    ("score", "notes.txt/out", "no folder"),
    ("fit", "notes.txt/b", "no folder"),
    ("score", "dead", "is a link"),
    ("fit", "dead", "is a link"),
    ("score", "circle/out", "cannot write circle/out"),
    ("score", "pipe", "is a pipe"),
    ("json", "pipe", "is a pipe"),
    ("json", "sock", "is a socket"),
    ("json", "/dev/null", "is a device"),
    ("fit", "/dev/null", "is a device"),
    ("score", "/dev/null", "is a device"),
    ("score", "x" * 300, "name too long"),
    ("fit", "y" * 300, "name too long"),
    ("json", "new/" + "z" * 300, "name too long"),
    # what is not ours
    ("score", "docs", "did not write (thesis.docx)"),
    ("simulate", "docs", "did not write (thesis.docx)"),
    ("outliers", "docs", "did not write (thesis.docx)"),
    ("demo", "docs", "did not write (thesis.docx)"),
    ("score", "sub", "did not write (b.defectory and 1 more)"),
    ("score", "mixed", "did not write (notes.docx)"),
    ("simulate", "mixed", "did not write (notes.docx)"),
    ("score", "edited", "scores.jsonl, changed since"),
    ("score", "busy", "busy.unfinished, where unfinished work would lie"),
    ("score", "busy.unfinished", "did not write (mine)"),
    ("fit", "notes.txt", "is not a bundle that defectory wrote"),
    ("fit", "page.html", "is not a bundle that defectory wrote"),
    ("fit", "pair.defectory", "pair.suspects.jsonl exists and is not a list of suspects"),
    ("update", "notes.txt", "is not a bundle that defectory wrote"),
    ("json", "data.json", "is not figures of an evaluation that defectory wrote"),
    ("json", "notes.txt", "is not figures of an evaluation that defectory wrote"),
    ("json", "sub/b.defectory", "is not figures of an evaluation that defectory wrote"),
    ("report", "page.html", "is not a report that defectory wrote"),
    ("report", "old.html", "is not a report that defectory wrote"),
    ("json", "labels.csv", "is not figures of an evaluation that defectory wrote"),
]  # fmt: skip


def refused(world, arguments, says, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("HOME", str(world.parent))
    before = snapshot(world.parent)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("defectory: ")
    assert result.output.count("\n") == 1, result.output
    assert says.lower() in result.output.lower()
    assert snapshot(world.parent) == before


def test_there_are_more_than_60():
    assert len(WRONG) > 60


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
@pytest.mark.parametrize(("command", "path", "says"), WRONG)
def test_a_wrong_output_is_refused_and_nothing_changes(
    command, path, says, overwrite, world, monkeypatch
):
    arguments = FILES[command] if command in FILES else [*FOLDERS[command], "-o"]
    refused(world, [*arguments, path, *overwrite], says, monkeypatch)


@pytest.mark.parametrize("pair", [("x.html", "x.html"), ("x.html", "./X.HTML"), ("x", "x/y.html")])
def test_two_outputs_of_a_command_are_two(pair, world, monkeypatch):
    arguments = ["evaluate", B, "parts", "--json", pair[0], "--report", pair[1]]
    says = "inside the other" if pair[1] == "x/y.html" else "are the same file"
    refused(world, arguments, says, monkeypatch)


@pytest.mark.parametrize("command", ["score", "simulate"])
def test_what_exists_is_replaced_only_on_demand(command, world, monkeypatch):
    for name in ("scored", "simulated"):
        refused(world, [*FOLDERS[command], "-o", name], "add --overwrite", monkeypatch)
    refused(world, [*FILES["fit"], "sub/b.defectory"], "add --overwrite", monkeypatch)


def test_a_read_only_disk_is_refused_before_work(world, tmp_path, monkeypatch):
    if os.geteuid() != 0 or subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "none", tmp_path]
    ):
        pytest.skip("no permission to mount a disk")
    try:
        for arguments in ([*FOLDERS["score"], "-o"], FILES["fit"], FILES["json"]):
            says = "Read-only file system"
            refused(world, [*arguments, tmp_path / "new/out"], says, monkeypatch)
        refused(world, [*FOLDERS["score"], "-o", tmp_path], "is a mount point", monkeypatch)
    finally:
        subprocess.check_call(["umount", tmp_path])
