"""Lengths of runs of unmarked and marked pixels <-> values in a row; COCO's text form of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import MaskError

# Five bits a letter; what is longer than an image has pixels is no count.
_MAX_LETTERS_A_COUNT = 8
_FIRST_LETTER = 48


def runs_to_values(counts: Sequence[int], n: int) -> NDArray[np.bool_]:
    """Return (n,) bool: unmarked for the first count, marked for the second, and so on.

    Raises
    ------
    MaskError : a count is negative, or their sum is not `n`.
    """
    if any(count < 0 for count in counts):
        raise MaskError("a run has a negative length")
    total = sum(counts)
    if total != n:
        raise MaskError(f"the runs cover {total:,} pixels of {n:,}")
    marked = np.arange(len(counts)) % 2 == 1
    return np.repeat(marked, np.asarray(counts, dtype=np.int64))


def values_to_runs(values: NDArray[np.bool_]) -> list[int]:
    """Return the counts of (n,) bool; the first, of unmarked ones, may be 0."""
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    borders = np.concatenate(([0], edges, [len(values)]))
    counts: list[int] = np.diff(borders).tolist()
    return [0, *counts] if len(values) and values[0] else counts


def pack_counts(counts: Sequence[int]) -> str:
    """Return COCO's compressed form: each count less the one two before it, in letters of five bits."""
    letters: list[int] = []
    for i, count in enumerate(counts):
        rest = count - counts[i - 2] if i > 2 else count
        while True:
            bits, rest = rest & 31, rest >> 5
            is_last = rest == (-1 if bits & 16 else 0)
            letters.append(_FIRST_LETTER + (bits if is_last else bits | 32))
            if is_last:
                break
    return bytes(letters).decode("ascii")


def unpack_counts(text: str) -> list[int]:
    """Return the counts of COCO's compressed form.

    Raises
    ------
    MaskError : a letter that the form does not have, a count without end or below zero.
    """
    counts: list[int] = []
    value = n_letters = 0
    for letter in text:
        bits = ord(letter) - _FIRST_LETTER
        if not 0 <= bits < 64 or n_letters == _MAX_LETTERS_A_COUNT:
            raise MaskError("compressed run lengths are damaged")
        value |= (bits & 31) << (5 * n_letters)
        n_letters += 1
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << (5 * n_letters)
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = n_letters = 0
    if n_letters:
        raise MaskError("compressed run lengths end too early")
    return counts
