"""Files of caches: complete or not there. What a person asked for is written by `write_outputs` instead."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART_SUFFIX = ".part"
"""What a killed process may leave behind ends so."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path that becomes `path` on success and vanishes on failure; OSError as it comes.

    Missing folders are made. The permissions are those of any new file (a temporary file of the standard
    library could be read by nobody else once renamed).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}{PART_SUFFIX}")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write all of the content or nothing; OSError as it comes."""
    with whole_file(path) as part:
        part.write_bytes(content)
