"""Caches bounded in bytes: what was not asked for longest goes first."""

import threading

from defectory.review.byte_cache import FolderCache, MemoryCache


def test_memory_drops_what_was_not_asked_for_longest():
    cache = MemoryCache[str](40)
    for name in "abcd":
        cache.put(name, b"x" * 10)
    assert cache.get("a")
    cache.put("e", b"x" * 10)
    assert [name in cache for name in "abcde"] == [True, False, True, True, True]


def test_memory_keeps_no_content_that_would_drive_out_all_others():
    cache = MemoryCache[str](40)
    cache.put("a", b"x" * 10)
    cache.put("large", b"x" * 11)
    assert "large" not in cache
    cache.put("a", b"y")
    assert cache.get("a") == b"y"


def test_memory_stays_bounded_when_threads_write_at_once():
    cache = MemoryCache[int](1000)
    threads = [
        threading.Thread(
            target=lambda start: [cache.put(i, b"x" * 100) for i in range(start, start + 200)],
            args=(start,),
        )
        for start in range(0, 400, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(i in cache for i in range(600)) == 10


def test_a_folder_is_bounded_from_day_to_day(tmp_path):
    cache = FolderCache(tmp_path / "kept", 30)
    for name in "abcd":
        cache.put(name, b"x" * 10)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["b", "c", "d"]
    again = FolderCache(tmp_path / "kept", 20)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["c", "d"]
    assert again.get("d") == b"x" * 10
    assert again.get("a") is None


def test_what_a_killed_process_left_behind_goes(tmp_path):
    (tmp_path / ".a.123.part").write_bytes(b"half")
    FolderCache(tmp_path, 100)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    cache = FolderCache(tmp_path / "file", 100)
    cache.put("a", b"x")
    assert cache.get("a") is None


def test_a_file_that_somebody_removed_is_not_there(tmp_path):
    cache = FolderCache(tmp_path, 100)
    cache.put("a", b"x")
    (tmp_path / "a").unlink()
    assert cache.get("a") is None
