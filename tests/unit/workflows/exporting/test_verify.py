"""An exported folder is checked where it runs: damaged files and other decisions are seen."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from defectory.artifacts.checksums import write_sums
from defectory.artifacts.exported import as_json, read_decision
from defectory.cli.main import main
from defectory.domain import ExportError
from defectory.storage import OutputFolder
from defectory.workflows.exporting.certify import certify, map_difference
from defectory.workflows.exporting.verify import verify_folder


@pytest.fixture
def folder(exported, tmp_path):
    """A sound folder to do things to."""
    return shutil.copytree(exported, tmp_path / "out")


def verify(folder):
    result = CliRunner().invoke(main, ["verify", str(folder)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_sound_folder_is_verified_and_stays_replaceable(folder):
    before = json.loads((folder / "certificate.json").read_text())
    result = verify(folder)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Verified: 0 of ")
    after = json.loads((folder / "certificate.json").read_text())
    assert {**after, "images_per_s": 0, "date": 0} == {**before, "images_per_s": 0, "date": 0}
    assert OutputFolder(folder, "export").check_replaceable()


@pytest.mark.parametrize(
    "name", ["model.onnx", "decision.json", "probes.json", "maps.safetensors", "probes/003.png"]
)
@pytest.mark.parametrize("harm", ["cut", "turned", "gone"])
def test_a_damaged_file_is_named_in_one_line(folder, name, harm):
    path = folder / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        half = len(content) // 2
        turned = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        path.write_bytes(content[:half] if harm == "cut" else turned)
    result = verify(folder)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("defectory: ")
    assert name in line
    assert ("missing" if harm == "gone" else "damaged") in line


def test_files_that_are_wrong_by_their_checksums_too_are_refused(folder):
    for name, content in (
        ("model.onnx", b"not a graph"),
        ("decision.json", b"{}"),
        ("probes.json", b"[]"),
        ("maps.safetensors", b"x"),
        ("probes/003.png", b"x"),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        write_sums(folder)
        result = verify(folder)
        assert result.exit_code == 1
        assert len(result.output.splitlines()) == 1, result.output
        assert name.rpartition("/")[2] in result.output
        (folder / name).write_bytes(before)


@pytest.mark.parametrize(
    "sums", [b"", b"\xff", b"abc", b"0" * 64 + b"  ../../etc/passwd\n", b"0" * 64 + b"  /etc/x\n"]
)
def test_checksums_lead_nowhere_else(folder, sums):
    (folder / "SHA256SUMS").write_bytes(sums)
    with pytest.raises(ExportError, match="SHA256SUMS"):
        certify(folder)


def test_a_list_of_checksums_that_leaves_files_out_is_refused(folder):
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(x for x in lines if "decision" not in x))
    with pytest.raises(ExportError, match=r"does not list decision\.json"):
        certify(folder)


def test_a_link_is_no_file_of_the_folder(folder, exported):
    (folder / "probes.json").unlink()
    (folder / "probes.json").symlink_to(exported / "probes.json")
    with pytest.raises(ExportError, match="missing"):
        certify(folder)


def test_another_folder_is_no_export(tmp_path):
    with pytest.raises(ExportError, match="no folder that `defectory export` wrote"):
        certify(tmp_path)


def test_a_newer_folder_says_to_update(folder):
    data = json.loads((folder / "decision.json").read_text())
    data["schema_version"] = 2
    (folder / "decision.json").write_text(json.dumps(data))
    write_sums(folder)
    with pytest.raises(ExportError, match="pip install -U defectory"):
        certify(folder)


def test_other_decisions_are_listed_and_refused(folder):
    data = json.loads((folder / "decision.json").read_text())
    data["threshold"] *= 0.5
    (folder / "decision.json").write_text(json.dumps(data))
    write_sums(folder)
    result = verify(folder)
    assert result.exit_code == 1
    first, *flips = result.output.splitlines()
    assert first.startswith("Refused: ")
    assert flips
    assert all("accepted at" in line and "became rejected" in line for line in flips)


def test_a_folder_that_cannot_be_written_is_verified_all_the_same(folder, monkeypatch):
    (folder / "certificate.json").unlink()
    (folder / "certificate.json").mkdir()  # what even root cannot replace by a file
    found = verify_folder(folder)
    assert found.certificate.is_ok
    assert not found.is_written


def test_json_is_the_certificate(folder):
    result = CliRunner().invoke(main, ["verify", str(folder), "--json"])
    assert json.loads(result.output) == json.loads((folder / "certificate.json").read_text())


def test_the_certificate_survives_numbers_that_are_none(exported):
    heat = np.ones((2, 2), np.float32)
    assert map_difference(heat, heat * 1.5, 0.0) == 0.5
    assert map_difference(heat, heat * 1.5, 2.0) == 0.25
    for other in (None, np.ones((2, 3), np.float32), np.full((2, 2), np.nan, np.float32)):
        assert map_difference(heat, other, 0.0) > 1e300
    assert as_json(read_decision(exported)).startswith(b'{\n "schema_version": 1')
