"""The store of features: whole records or none, bounded, shared by processes, never in the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from defectory.backbones import feature_cache as module
from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import ParameterError
from defectory.machine.cache_folder import user_cache_folder

RECORD = {
    "block7": np.arange(60, dtype=np.float16).reshape(3, 4, 5) / 7,
    "block10": np.full((2, 2, 8), -3.5, np.float16),
}


def assert_is_record(found, expected=RECORD):
    assert found is not None
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == np.float16
        np.testing.assert_array_equal(found[name], array)


def only_file(folder):
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path


def test_what_was_put_comes_back(tmp_path):
    cache = FeatureCache(tmp_path / "made" / "when" / "needed")
    assert cache.get("abc") is None
    assert not (tmp_path / "made").exists()
    cache.put("abc", RECORD)
    assert_is_record(cache.get("abc"))
    assert cache.get("xyz") is None


def test_views_are_stored_as_they_look(tmp_path):
    strided = {"a": np.arange(24, dtype=np.float16).reshape(2, 3, 4).transpose(2, 1, 0)[::2]}
    cache = FeatureCache(tmp_path)
    cache.put("abc", strided)
    assert_is_record(cache.get("abc"), strided)


def test_the_same_record_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        FeatureCache(tmp_path / name).put("abc", RECORD)
    assert only_file(tmp_path / "a").read_bytes() == only_file(tmp_path / "b").read_bytes()


def test_any_damage_counts_as_absent_and_is_healed(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put("abc", RECORD)
    path = only_file(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[:n] for n in range(len(whole))]
    damaged += [whole + b"\0", bytes(len(whole)), b"x" * 5000]
    for position in rng.permutation(len(whole))[:200]:
        flipped = bytearray(whole)
        flipped[position] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        assert cache.get("abc") is None
    cache.put("abc", RECORD)
    assert_is_record(cache.get("abc"))


def put_aged(cache, folder, key, age_s):
    """Put a record of a kilobyte that was last used some time ago."""
    cache.put(key, {"a": np.zeros(500, np.float16)})
    path = next(folder.rglob(f"{key}.*"))
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_records_used_longest_ago_go_first(tmp_path):
    roomy = FeatureCache(tmp_path)
    for age_s, key in enumerate(["aa1", "bb2", "aa3", "cc4", "bb5"], 1):
        put_aged(roomy, tmp_path, key, age_s * 100)
    roomy.get("bb5")  # the oldest is used again
    FeatureCache(tmp_path, max_bytes=3500).evict()
    left = [key for key in ("aa1", "bb2", "aa3", "cc4", "bb5") if roomy.get(key)]
    assert left == ["aa1", "bb2", "bb5"]


def total_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_bound_is_kept_while_writing(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=10_000)
    for i in range(100):
        cache.put(f"{i:03}", {"a": np.zeros(500, np.float16)})
    assert 0 < total_bytes(tmp_path) <= 2 * 10_000
    cache.evict()
    assert total_bytes(tmp_path) <= 10_000
    assert cache.get("099") is not None, "the newest stays"


def test_many_short_processes_keep_the_bound_together(tmp_path):
    """Each writes less than what a check takes, as a fit on a small folder does."""
    for i in range(50):
        FeatureCache(tmp_path, max_bytes=10_000).put(f"{i:03}", {"a": np.zeros(500, np.float16)})
    assert total_bytes(tmp_path) <= 10_000


def test_a_bound_of_zero_keeps_nothing(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=0)
    cache.put("abc", RECORD)
    assert cache.get("abc") is None
    assert total_bytes(tmp_path) == 0


def test_a_negative_bound_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="max_bytes is -1"):
        FeatureCache(tmp_path, max_bytes=-1)


def test_only_stale_parts_are_removed(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put("abc", RECORD)
    folder = only_file(tmp_path).parent
    stale, fresh = folder / ".killed.part", folder / ".writing.part"
    for path, age_s in ((stale, 2 * 3600), (fresh, 60)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    cache.evict()
    assert not stale.exists()
    assert fresh.exists()
    assert_is_record(cache.get("abc"))


def test_a_folder_that_may_only_be_read_still_serves(tmp_path, monkeypatch):
    def refuse(*args, **keywords):
        raise PermissionError(13, "Permission denied")

    FeatureCache(tmp_path).put("abc", RECORD)
    monkeypatch.setattr(module.os, "utime", refuse)
    monkeypatch.setattr(module, "write_whole", refuse)
    cache = FeatureCache(tmp_path)
    assert_is_record(cache.get("abc"))
    cache.put("xyz", RECORD)
    assert cache.get("xyz") is None


def test_a_disk_that_takes_nothing_turns_the_cache_off(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder can be made under a file")
    cache = FeatureCache(tmp_path / "file")
    cache.put("abc", RECORD)
    assert cache.get("abc") is None
    monkeypatch.setattr(cache, "_write", lambda *args: pytest.fail("it was turned off"))
    cache.put("abc", RECORD)


def test_a_full_disk_leaves_no_part_behind(tmp_path, monkeypatch):
    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    FeatureCache(tmp_path).put("abc", RECORD)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


WRITER = """
import sys
from pathlib import Path
import numpy as np
from defectory.backbones.feature_cache import (FeatureCache)

cache, keys = FeatureCache(Path(sys.argv[1])), [f"{i:02}key" for i in range(20)]
print("ready", flush=True)
for turn in range(int(sys.argv[2])):
    for i, key in enumerate(keys):
        cache.put(key, {"a": np.full(100_000, i, np.float16)})
        record = cache.get(keys[-1 - i])
        assert turn == 0 or (record["a"] == len(keys) - 1 - i).all()
"""


def start_writer(folder, n_turns):
    command = [sys.executable, "-c", WRITER, str(folder), str(n_turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_leaves_no_broken_record(tmp_path):
    with start_writer(tmp_path, 10_000) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    cache = FeatureCache(tmp_path)
    paths = list(tmp_path.rglob("*.features"))
    assert paths
    for path in paths:
        assert_is_record(
            cache.get(path.stem), {"a": np.full(100_000, int(path.stem[:2]), np.float16)}
        )


def test_two_processes_may_write_the_same_records_at_once(tmp_path):
    writers = [start_writer(tmp_path, 5) for _ in range(2)]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(list(tmp_path.rglob("*.features"))) == 20
    assert not list(tmp_path.rglob("*.part"))


def test_the_user_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache_folder() == tmp_path / "defectory"
