"""Files that grow line by line; the journal's tests kill processes that write them."""

import pytest

from defectory.domain import OutputError
from defectory.storage.line_files import LineFile, last_line


@pytest.mark.parametrize(
    ("content", "kept", "last"),
    [
        (b"", b"", b""),
        (b"torn", b"", b""),
        (b"one\n", b"one\n", b"one"),
        (b"one\ntwo\ntorn", b"one\ntwo\n", b"two"),
        (b"one\n" + b"x" * 200_000 + b"\n" + b"\0" * 100_000, None, b"x" * 200_000),
        (b"x" * 200_000 + b"\n", None, b"x" * 200_000),
    ],
)
def test_what_is_torn_is_cut_off_and_the_last_whole_line_found(content, kept, last, tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(content)
    assert last_line(path) == last
    file = LineFile(path)
    kept = content.rstrip(b"\0") if kept is None else kept
    assert path.read_bytes() == kept
    file.append(b"new\n")
    assert not file.is_synced
    file.sync()
    assert file.is_synced
    with pytest.raises(OutputError, match="another process writes"):
        LineFile(path)
    file.close()
    file.close()
    assert path.read_bytes() == kept + b"new\n"
    assert last_line(path) == b"new"
