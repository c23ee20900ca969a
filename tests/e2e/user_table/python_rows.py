"""Rows of Python: lines of a user, with pictures as arrays at hand."""

from collections.abc import Sequence
from textwrap import dedent

from tests.e2e.user_table.row import Build, Row

# Pictures as arrays, and the words with which a small fit is asked for.
_SETUP = """
from glob import glob
from PIL import Image
QUICK = dict(detector="gaussian", size=64)
def arrays(folder):
    return [np.asarray(Image.open(path)) for path in sorted(glob(folder + "/*.png"))]
"""

LOAD = 'm = defectory.load("parts.defectory")\n'


def loaded(code: str) -> str:
    return LOAD + dedent(code)


def python_row(
    name: str,
    code: str,
    given: Sequence[Build],
    *says: str,
    status: int = 0,
    leaves: Sequence[str] = (),
    never: Sequence[str] = (),
    replaces: Sequence[str] = (),
) -> Row:
    return Row(
        name,
        _SETUP + dedent(code),
        given,
        status,
        says,
        never,
        leaves,
        python=True,
        replaces=replaces,
    )
