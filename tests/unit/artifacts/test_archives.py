"""A bundle's file is its members one behind the other: whatever else a ZIP archive may be is refused."""

import io
import os
import struct
import zipfile

import pytest

from defectory.artifacts import archive, is_bundle, load_bundle
from defectory.domain import BundleError
from tests.unit.artifacts.conftest import write_zip

END = 22  # bytes of the record at the end


def refusal(path):
    with pytest.raises(BundleError) as caught:
        load_bundle(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def put(tmp_path):
    def write(content):
        path = tmp_path / "odd.defectory"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("n", [1, 22, 4096])
def test_bytes_before_or_behind_are_refused(saved, put, n):
    content = saved.read_bytes()
    for changed in (b"\0" * n + content, content + b"\0" * n, content + content):
        refusal(put(changed))


def test_bytes_between_members_are_refused(members, put):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
            buffer.write(b"hidden")
            file.start_dir = buffer.tell()
    assert "one behind the other" in refusal(put(buffer.getvalue()))


def test_members_in_the_same_place_are_refused(members, put):
    """Two entries of the directory may point at one place: a small file would be read as a large one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
        infos = {info.filename: info for info in file.infolist()}
        infos["arrays.safetensors"].header_offset = infos["backbone.onnx"].header_offset
    refusal(put(buffer.getvalue()))


def test_a_member_inside_another_is_refused(members, put):
    """The directory may point at a copy within a network; who goes by places reads the first."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("manifest.json", members["manifest.json"])
        copy = buffer.getvalue()
        file.writestr("arrays.safetensors", members["arrays.safetensors"])
        place = buffer.tell() + 30 + len("backbone.onnx")
        file.writestr("backbone.onnx", copy + members["backbone.onnx"])
        file.infolist()[0].header_offset = place
    assert "one behind the other" in refusal(put(buffer.getvalue()))


def test_a_directory_that_says_other_than_the_members_is_refused(saved, put):
    content = bytearray(saved.read_bytes())
    size_in_first_header = 22
    content[size_in_first_header] ^= 1
    assert "one behind the other" in refusal(put(content))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(members, tmp_path):
    twice = [*members.items(), ("manifest.json", members["manifest.json"])]
    assert "it holds" in refusal(write_zip(tmp_path / "a", twice))


def test_comments_and_extra_fields_are_refused(members, put):
    for change in ("comment", "extra", "member comment"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in members.items():
                info = zipfile.ZipInfo(name)
                if change == "extra":
                    info.extra = struct.pack("<HHQ", 0x9999, 8, 0)
                if change == "member comment":
                    info.comment = b"hello"
                file.writestr(info, content)
            if change == "comment":
                file.comment = b"hello"
        refusal(put(buffer.getvalue()))


def test_sizes_of_64_bits_are_refused(members, put):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            with file.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                member.write(content)
    refusal(put(buffer.getvalue()))


def test_encrypted_members_are_refused(saved, put):
    content = bytearray(saved.read_bytes())
    directory = content.rindex(b"PK\1\2", 0, content.index(b"PK\1\2") + 4)
    content[6] |= 1
    content[directory + 8] |= 1
    refusal(put(content))


def test_a_large_manifest_is_refused_unread(members, tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *args: pytest.fail("it was read"))
    large = {**members, "manifest.json": b" " * (16 * 2**20 + 1)}
    assert "manifest.json is larger" in refusal(write_zip(tmp_path / "a", large.items()))


def test_a_large_file_is_refused_unread(tmp_path):
    path = tmp_path / "sparse.defectory"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "larger than any bundle" in refusal(path)


def test_a_file_that_is_swapped_while_it_is_read_does_not_matter(saved, tmp_path, monkeypatch):
    """What is checked is what is read: the file is opened once."""
    path = tmp_path / "link.defectory"
    path.symlink_to(saved)
    check = archive._check_places

    def swap(file, opened):
        check(file, opened)
        path.unlink()
        path.write_bytes(b"other")

    monkeypatch.setattr(archive, "_check_places", swap)
    assert load_bundle(path).detector.name == "patch-memory"


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path, "a folder"), (tmp_path / "pipe", "no file")):
        assert f"this is {what}" in refusal(path)
        assert not is_bundle(path)


def test_our_bundles_are_told_from_other_files(saved, members, tmp_path, put):
    assert is_bundle(saved)
    assert is_bundle(str(saved))
    cut = saved.read_bytes()
    assert is_bundle(put(cut[: len(cut) // 2]))  # damaged since, but ours
    assert not is_bundle(tmp_path / "absent")
    for content in (b"", b"PK\3\4", b"PK\3\4" + bytes(26), b"text", cut[:100]):
        assert not is_bundle(put(content))
    others = [("mimetype", b"x"), *members.items()]
    assert not is_bundle(write_zip(tmp_path / "b", others))
    for manifest in (b"{}", b"[]", b'{"schema_version": 1, "written_by": "someone 1"}'):
        assert not is_bundle(write_zip(tmp_path / "c", [("manifest.json", manifest)]))
    newer = b'{"schema_version": 99, "written_by": "defectory 9.0", "facts": 3}'
    assert is_bundle(write_zip(tmp_path / "d", [("manifest.json", newer)]))
