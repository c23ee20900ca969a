"""What may never be an output, told before work starts."""

import os
import socket
import stat
from pathlib import Path

import pytest

from defectory.domain import OutputError
from defectory.storage import OutputFile, OutputFolder, check_outputs
from defectory.storage.checks import _mount_points
from tests.unit.storage.places import NOTE, snapshot, write_folder, write_note


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with data, and home beside it."""
    home, here = tmp_path / "home", tmp_path / "home/work"
    (here / "parts/train").mkdir(parents=True)
    (here / "parts/train/1.png").write_text("one")
    (here / "other").mkdir()
    (here / "other/2.png").write_text("two")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    return here


def refuse(path, match, *, inputs=("parts",), folder=True, overwrite=True, more=()):
    output = OutputFolder(Path(path), "test") if folder else OutputFile(Path(path), NOTE)
    before = snapshot(Path.cwd())
    with pytest.raises(OutputError, match=match) as error:
        check_outputs([output, *more], inputs=map(Path, inputs), overwrite=overwrite)
    assert "\n" not in str(error.value)
    assert snapshot(Path.cwd()) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("parts", "is what this command reads"),
        ("other/../parts/.", "is what this command reads"),
        ("parts/train", "lies inside the input parts"),
        ("parts/new/deep", "lies inside the input parts"),
        ("link", "is a link"),
        ("link/new", "lies inside the input"),
        (".", "is the working directory"),
        ("..", "is your home folder"),
        ("../..", "contains your home folder"),
        ("/", "contains your home folder"),
        ("other", "contains the input other/2.png"),
        ("", "working directory"),
        ("parts/train/1.png/x", "lies inside the input parts"),
        ("other/3.txt/x", "no folder"),
        ("nowhere", "is a link"),
        ("x" * 300, "name too long"),
        ("new/" + "x" * 300, "name too long"),
        ("circle/x", "Symlink loop|levels of symbolic links"),
        ("nul\0", "null"),
        ("/proc/out", "cannot write /proc/out"),
        ("/proc", "mount point"),
    ],
)
def test_a_folder_that_is_refused(path, match, overwrite, place):
    (place / "link").symlink_to("parts")
    (place / "other/3.txt").write_text("three")
    (place / "nowhere").symlink_to("gone")
    (place / "circle").symlink_to("circle")
    refuse(path, f"(?i){match}", inputs=("parts", "other/2.png"), overwrite=overwrite)


def test_a_file_that_is_an_input_by_another_name_is_refused(place):
    (place / "hard").hardlink_to(place / "other/2.png")
    refuse("hard", "is what this command reads", inputs=["other/2.png"], folder=False)
    (place / "soft").symlink_to("other/2.png")
    refuse("other/2.png", "is what this command reads", inputs=["soft"], folder=False)


def test_a_folder_that_an_input_leads_into_is_refused(place):
    write_folder(place / "out", a="1")
    (place / "parts/train/link.png").symlink_to("../../out/a")
    refuse("out", "contains the input", inputs=["parts", "parts/train/link.png"])


def test_a_folder_that_is_ours_but_read_is_refused(place):
    write_folder(place / "out", a="1")
    refuse("out", "is what this command reads", inputs=["out"])
    refuse("out", "contains the input out/a", inputs=["out/a"])


@pytest.mark.parametrize("name", ["notes.docx", "sub/notes.docx", ".hidden"])
def test_a_file_that_we_did_not_write_keeps_its_folder(name, place):
    write_folder(place / "out", a="1")
    (place / "out" / name).parent.mkdir(exist_ok=True)
    (place / "out" / name).write_text("months of work")
    refuse("out", name)


def test_an_empty_folder_link_or_changed_file_of_the_user_keeps_the_folder(place):
    for name in ("one", "two", "three", "four"):
        write_folder(place / name, a="1")
    (place / "one/mine").mkdir()
    (place / "two/mine").symlink_to("../parts")
    (place / "three/a").write_text("2")  # of the same length
    (place / "four/a").unlink()
    (place / "four/a").symlink_to("../parts/train/1.png")
    refuse("one", "mine")
    refuse("two", "mine")
    refuse("three", "a, changed since")
    refuse("four", "a, changed since")


def test_what_systems_put_into_folders_is_nobodys(place):
    write_folder(place / "out", a="1")
    (place / "out/.DS_Store").write_text("")
    (place / "out/Thumbs.db").write_text("")
    check_outputs([OutputFolder(Path("out"), "test")], overwrite=True)


def test_a_folder_without_a_marker_or_with_a_wrong_one_is_refused(place):
    refuse("other", "did not write .2.png", inputs=[])
    for text in ("", "{}", "[]", '{"schema": 1, "written_by": 3}', "\xff", "[" * 100_000):
        (place / "other/.defectory.json").write_text(text, "latin-1")
        refuse("other", "did not write", inputs=[])


def test_special_files_are_refused(place):
    os.mkfifo(place / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("sock")
    for folder in (True, False):
        refuse("pipe", "is a pipe", folder=folder)
        refuse("sock", "is a socket", folder=folder)
        refuse("/dev/null", "is a device", folder=folder)


def test_a_folder_is_no_file_and_a_file_no_folder(place):
    (place / "empty").mkdir()
    write_note(place / "n", "1")
    refuse("empty", "is a folder; give the name of a file", folder=False)
    refuse("n", "is a file; give the name of a folder")


def test_a_file_that_is_not_ours_is_refused(place):
    (place / "thesis").write_text("months of work")
    refuse("thesis", "exists and is not a note that defectory wrote", folder=False)
    refuse("thesis", "exists and is not a note", folder=False, overwrite=False)


def test_what_will_be_replaced_is_told(place):
    write_folder(place / "out", a="1", b="2")
    write_note(place / "n", "1")
    (place / "empty").mkdir()
    outputs = [
        OutputFolder(Path("out"), "t"),
        OutputFile(Path("n"), NOTE),
        OutputFolder(Path("empty"), "t"),
    ]
    said = []
    check_outputs(outputs, inputs=[Path("parts")], overwrite=True, say=said.append)
    check_outputs([OutputFile(Path("new"), NOTE)], overwrite=True, say=said.append)
    assert said == [
        "replacing out, a folder that `defectory test` wrote, of 2 files",
        "replacing n, a note",
        "replacing empty, an empty folder",
    ]


def test_outputs_of_one_command_stay_apart(place):
    note = OutputFile(Path("n"), NOTE)
    refuse("other/../n", "the same file", folder=False, more=[note])
    refuse("N", "the same file", folder=False, more=[note])
    refuse("n/deep", "one lies inside the other", folder=False, more=[note])


def test_a_read_only_place_is_refused(place, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; /proc stands in for it above")
    (place / "locked").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    refuse("locked/out", "Permission denied")


def test_what_a_killed_check_has_left_goes(place):
    (place / ".defectory.probe").mkdir()
    check_outputs([OutputFile(Path("n"), NOTE)])
    assert not (place / ".defectory.probe").exists()


def test_mounts_are_known_with_their_spaces(monkeypatch):
    lines = b"36 35 98:0 / /mnt/my\\040disk rw - ext3 /dev/root rw\nshort\n"
    monkeypatch.setattr(Path, "read_bytes", lambda self: lines)
    assert _mount_points() == {Path("/mnt/my disk")}


def test_checking_many_inputs_asks_each_folder_once(place, monkeypatch):
    write_folder(place / "out", a="1")
    images = [place / f"parts/train/{i}.png" for i in range(2000)]
    for image in images:
        image.write_text("")
    calls = []
    stat_of = Path.stat
    monkeypatch.setattr(
        Path, "stat", lambda self, **kw: (calls.append(self), stat_of(self, **kw))[1]
    )
    check_outputs([OutputFolder(Path("out"), "test")], inputs=images, overwrite=True)
    assert len(calls) < 2.1 * len(images)
