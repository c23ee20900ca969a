"""What a mistyped name was meant to be."""

import difflib
from collections.abc import Sequence


def did_you_mean(word: str, names: Sequence[str]) -> str:
    """Return "; did you mean NAME?" where a name is like the word, else nothing. Case does not count."""
    by_folded = {name.casefold(): name for name in names}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[found[0]]}?" if found else ""
