"""Threads of the review, which know what the command was told: its threads, its provider."""

import threading
from collections.abc import Callable
from contextvars import copy_context


def background_thread(work: Callable[[], object], name: str) -> threading.Thread:
    """Return a thread, not started yet, that the process does not wait for.

    By itself a new thread knows nothing of what `at_most_cores` and `running_on` have set.
    """
    context = copy_context()
    return threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
