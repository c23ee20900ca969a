"""Cores are counted as a container's quota gives them, on machines made of a few files."""

import os

import pytest

from defectory.domain import ParameterError
from defectory.machine import at_most_cores, count_cores


@pytest.fixture(autouse=True)
def machine_of_16(monkeypatch):
    monkeypatch.delenv("DEFECTORY_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0\n"}, 16),
        ({"proc/self/cgroup": "nonsense\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 16),
    ],
)
def test_the_quota_of_version_2_counts(tmp_path, files, expected):
    assert count_cores(write(tmp_path, files)) == expected


def test_the_tightest_of_nested_groups_counts(tmp_path):
    files = {
        "proc/self/cgroup": "0::/pod/worker\n",
        "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/pod/worker/cpu.max": "max 100000\n",
    }
    assert count_cores(write(tmp_path, files)) == 3


@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 16)])
def test_the_quota_of_version_1_counts(tmp_path, folder, quota, expected):
    """Its path is the host's, and what is mounted at the top is the container's own group."""
    files = {
        "proc/self/cgroup": "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
        f"sys/fs/cgroup/{folder}/cpu.cfs_quota_us": quota,
        f"sys/fs/cgroup/{folder}/cpu.cfs_period_us": "100000\n",
    }
    assert count_cores(write(tmp_path, files)) == expected


def test_no_path_leads_out_of_the_groups(tmp_path):
    files = {"proc/self/cgroup": "0::/../../x\n", "x/cpu.max": "100000 100000\n"}
    assert count_cores(write(tmp_path, files)) == 16


def test_a_user_and_a_caller_have_the_last_word(tmp_path, monkeypatch):
    root = write(
        tmp_path,
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"},
    )
    monkeypatch.setenv("DEFECTORY_THREADS", " 5 ")
    assert count_cores(root) == 5
    with at_most_cores(7):
        assert count_cores(root) == 7
        with at_most_cores(None):
            assert count_cores(root) == 7
    assert count_cores(root) == 5
    monkeypatch.setenv("DEFECTORY_THREADS", "")
    assert count_cores(root) == 2


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5"])
def test_a_number_that_is_none_is_refused(monkeypatch, told):
    monkeypatch.setenv("DEFECTORY_THREADS", told)
    with pytest.raises(ParameterError, match="DEFECTORY_THREADS"):
        count_cores()


def test_less_than_one_thread_is_refused():
    with pytest.raises(ParameterError, match="1 or more"), at_most_cores(0):
        pass


def test_there_is_at_least_one_core_where_nothing_tells(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_cores() == 1
