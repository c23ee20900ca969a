"""Files are read as seldom as can be, and never taken for what they were before."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from defectory.domain import ImageReadError
from defectory.sources import contents
from defectory.sources.contents import FileContents


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that are read from disk."""
    monkeypatch.setattr(contents, "_remembered", {})
    seen, read = [], contents.read_bytes

    def counted(path):
        seen.append(path.name)
        return read(path)

    monkeypatch.setattr(contents, "read_bytes", counted)
    return seen


def settled(path, content):
    """Write a file, and wait until its times can be relied on."""
    path.write_bytes(content)
    time.sleep(contents._SETTLED_NS / 1e9 + 0.05)
    return path


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_a_hash_is_remembered_by_all(tmp_path, reads):
    path = settled(tmp_path / "a", b"one")
    for _ in range(3):
        assert FileContents().fingerprint(path) == digest(b"one")
    link = tmp_path / "b"
    os.link(path, link)  # another name, and other times, of the same file
    assert FileContents().fingerprint(link) == digest(b"one")
    assert reads in (["a"], ["a", "b"])


def test_a_file_that_changes_is_hashed_again(tmp_path, reads):
    path = settled(tmp_path / "a", b"one")
    assert FileContents().fingerprint(path) == digest(b"one")
    settled(path, b"two")
    assert FileContents().fingerprint(path) == digest(b"two")
    assert reads == ["a", "a"]


def test_a_file_of_this_moment_may_change_unseen_and_is_not_remembered(tmp_path, reads):
    path, times = tmp_path / "a", None
    for content in (b"one", b"two", b"six"):
        path.write_bytes(content)
        if times is not None:
            os.utime(path, ns=times)  # as if the clock of the disk had not moved
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        assert FileContents().fingerprint(path) == digest(content)
    assert reads == ["a"] * 3


def test_what_was_hashed_is_not_read_again_to_be_decoded(tmp_path, reads):
    path = settled(tmp_path / "a", b"one")
    files = FileContents()
    files.fingerprint(path)
    assert files.read(path) == b"one"
    assert reads == ["a"]
    assert files.read(path) == b"one"
    assert reads == ["a", "a"], "only the next time: it may be large"


def test_threads_do_not_mix_up_their_files(tmp_path, reads):
    paths = [tmp_path / str(i) for i in range(50)]
    for i, path in enumerate(paths):
        path.write_bytes(b"%d" % i)
    files = FileContents()

    def both(path):
        return files.fingerprint(path), files.read(path)

    with ThreadPoolExecutor(8) as pool:
        for i, (found, content) in enumerate(pool.map(both, paths)):
            assert (found, content) == (digest(b"%d" % i), b"%d" % i)
    assert sorted(reads) == sorted(path.name for path in paths)


def test_the_first_files_are_kept_as_far_as_allowed(tmp_path, reads):
    files = FileContents(max_kept_bytes=7)
    paths = [tmp_path / name for name in "abc"]
    for path, content in zip(paths, (b"four", b"four", b"one"), strict=True):
        path.write_bytes(content)
    for _ in range(2):
        assert [files.read(path) for path in paths] == [b"four", b"four", b"one"]
    assert reads == ["a", "b", "c", "b"], "b would have been too much"
    assert files.fingerprint(paths[0]) == digest(b"four")
    assert len(reads) == 4


def test_memory_of_hashes_is_bounded(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(contents, "_MAX_REMEMBERED", 3)
    paths = [settled(tmp_path / str(i), b"x") for i in range(5)]
    for path in paths:
        FileContents().fingerprint(path)
    assert len(contents._remembered) <= 3


@pytest.mark.parametrize("ask", [FileContents.read, FileContents.fingerprint])
def test_a_missing_file_is_an_error_of_one_line(tmp_path, ask):
    with pytest.raises(ImageReadError, match=r"cannot read .*none"):
        ask(FileContents(), tmp_path / "none")
