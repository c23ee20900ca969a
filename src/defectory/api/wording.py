"""What rooms below say for the command line, in the words of Python."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from defectory.domain import DefectoryError

_WORDS = re.compile(r"--(good|bad) ('[^']*'|\w[^\s,;]*)")
_RULE = re.compile(r"--group-by ('[^']*')")


def in_python(text: str) -> str:
    """Return a text with `--good WORD` as `good_words=['WORD']`, `--bad` alike; `--group-by` is `groups=`."""
    text = _RULE.sub(r"groups= of what re.search(\1, name) finds", text)
    text = text.replace("--group-by RULE", "groups=").replace(
        "or 'none' where", "or range(n) where"
    )
    return _WORDS.sub(lambda found: f"{found[1]}_words={shlex.split(found[2])!r}", text)


@contextmanager
def python_words() -> Iterator[None]:
    """Say errors in the words of Python."""
    try:
        yield
    except DefectoryError as error:
        error.args = tuple(in_python(part) for part in error.args)
        raise
