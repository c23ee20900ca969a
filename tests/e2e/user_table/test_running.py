"""The table's own checks: each is seen failing."""

from pathlib import Path

import pytest

from tests.e2e.user_table.disk import good, text
from tests.e2e.user_table.row import Row
from tests.e2e.user_table.running import check_row

_GIVEN = (good("parts", 3), text("mine.txt", "mine"))
_SPOIL = "import os, pathlib; pathlib.Path('mine.txt').write_text('yours'); print('done')"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (Row("another status", "--version", status=1), "exit status 0, not 1"),
        (Row("another answer", "--version", says=["version 99"]), "does not say"),
        (Row("a word for programmers", "print('KeyError: 3')", python=True), "says"),
        (Row("an error that is not ours", "{}['x']", python=True, status=1), "exit status 70"),
        (Row("a file that is not there", "--version", leaves=["out"]), "not there: out"),
        (Row("a file of mine is changed", _SPOIL, _GIVEN, python=True), "changed: mine.txt"),
        (
            Row("a file of mine is gone", "Path('mine.txt').unlink()", _GIVEN, python=True),
            "gone: mine.txt",
        ),
        (Row("something is left", "Path('.a.part').touch()", python=True), "unexpected: .a.part"),
        (
            Row("another content", "--version", _GIVEN, holds={"mine.txt": ["yours"]}),
            "does not hold",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Row) else "",
)
def test_what_is_wrong_is_seen(row: Row, says: str, tmp_path: Path) -> None:
    wrong = check_row(row, tmp_path)
    assert any(says in line for line in wrong[:-1])
