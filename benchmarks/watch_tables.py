"""Whether `watch` judged each image exactly once, as Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import table
from benchmarks.result_files import Run

_NOTE = (
    "Real processes of `defectory watch` are killed by signal 9, most of them at work, while images come; "
    "their receiver of webhooks is away for every fifth. The goal is that each image is judged exactly once "
    "over 200 kills. Webhooks come at least once: those that came again did so under the same id."
)
_HEAD = (
    "kills", "at work", "images", "lines", "images missing", "twice", "missing in the journal", "twice there",
    "seen by the alarm", "webhooks missing", "again", "with other content",
)  # fmt: skip
_KEYS = (
    "n_kills", "n_killed_at_work", "n_put", "n_judged", "n_missing", "n_twice", "n_missing_in_journal",
    "n_twice_in_journal", "n_seen_by_alarm", "n_messages_missing", "n_messages_again", "n_messages_other",
)  # fmt: skip


def watch(runs: Sequence[Run]) -> str:
    """Return a table; the same runs give the same text."""
    rows = [[f"{run[key]:,}" for key in _KEYS] for run in runs]
    return f"## A hot folder under kills\n\n{_NOTE}\n\n{table(_HEAD, rows)}"
