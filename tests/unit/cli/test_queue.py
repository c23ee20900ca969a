"""What `queue` prints beside the images that it asks about."""

from pathlib import Path

import pytest

from defectory.cli.queue import _print_queue
from defectory.workflows.reviewing.queue import Queue
from defectory.workflows.reviewing.queue_tables import QueueRow

ROW = QueueRow("a.png", Path("a.png"), 1.0, "accepted", "random", True, "drawn")


def printed(capsys, **told):
    _print_queue(Queue((ROW,), 5, 3, **told), Path("b.defectory"), Path("q.csv"))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("n", "says"),
    [
        (1, "1 row at the end of the table has its label already, and makes the random sample whole: "
            "leave it as it is."),
        (2, "2 rows at the end of the table have their labels already, and make the random sample whole: "
            "leave them as they are."),
    ],
)  # fmt: skip
def test_rows_that_are_answered_are_left_as_they_are(n, says, capsys):
    assert says in printed(capsys, answered=(ROW,) * n).splitlines()


def test_copies_that_are_not_asked_about_are_counted(capsys):
    assert "copies" not in printed(capsys)
    said = printed(capsys, n_copies=2).splitlines()
    assert "Near-copies of others are not asked about (2 images)." in said
