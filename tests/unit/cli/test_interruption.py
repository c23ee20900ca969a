import importlib
import os
import signal
import sys
import threading
import time

import pytest

from defectory.cli.errors import asked_to_end, remembered_interruption, was_interrupted

SLOW = """
import time

for _ in range(30):
    time.sleep(0.01)
is_whole = True
"""


@pytest.fixture
def slow_module(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("slow_to_import", None)


def wait_for(number, work):
    with remembered_interruption():
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        work()
        for _ in range(200):
            time.sleep(0.01)


def import_slowly():
    importlib.import_module("slow_to_import")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_an_import_is_whole(slow_module, number):
    with pytest.raises(KeyboardInterrupt):
        wait_for(number, import_slowly)
    assert was_interrupted()
    assert sys.modules["slow_to_import"].is_whole


def test_elsewhere_a_signal_interrupts_at_once():
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        wait_for(signal.SIGTERM, lambda: None)
    assert time.monotonic() - started < 1


def test_where_the_end_is_asked_for_the_first_signal_waits_and_the_second_does_not():
    with remembered_interruption():
        with asked_to_end() as is_ending:
            assert not is_ending()
            signal.raise_signal(signal.SIGTERM)
            assert is_ending()
            assert not was_interrupted()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
