"""The packing of Label Studio's brush: values of red, green, blue and alpha in a row, by runs of bits.

Of the head, 32 bits tell how many values there are, 5 how many bits a value has, 4 times 4 which lengths
counts have. Then come blocks: a bit, 1 for a run of one value and 0 for values as they are; 2 bits, which
length the count has; the count less 1; the values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import MaskError
from defectory.domain.images import Mask
from defectory.sources.label_formats.run_lengths import values_to_runs

_VALUE_BITS = 8
_COUNT_BITS = (3, 4, 8, 16)
_N_CHANNELS = 4
_MOST_IN_A_RUN = 1 << _COUNT_BITS[-1]


def pack_brush(mask: Mask) -> list[int]:
    """Return the bytes of a mask, marked pixels as 255 in all channels."""
    bits = [
        _bits(mask.size * _N_CHANNELS, 32),
        _bits(_VALUE_BITS - 1, 5),
        *(_bits(n - 1, 4) for n in _COUNT_BITS),
    ]
    for i, count in enumerate(values_to_runs(mask.ravel())):
        value = _bits(255 * (i % 2), _VALUE_BITS)
        left = count * _N_CHANNELS
        while left:
            n = min(left, _MOST_IN_A_RUN)
            size = next(k for k, width in enumerate(_COUNT_BITS) if n <= 1 << width)
            bits.append(f"1{_bits(size, 2)}{_bits(n - 1, _COUNT_BITS[size])}{value}")
            left -= n
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    data = np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0"))
    packed: list[int] = data.tolist()
    return packed


def unpack_brush(packed: Sequence[int], size: tuple[int, int]) -> Mask:
    """Return (h, w) bool: where alpha is not 0.

    Raises
    ------
    MaskError : it ends too early, is damaged, or is of another size.
    """
    if packed and not (min(packed) >= 0 and max(packed) <= 255):
        raise MaskError("the packed mask of a brush holds values that are no bytes")
    reader = _BitReader(bytes(packed))
    n = reader.number(32)
    h, w = size
    if n != h * w * _N_CHANNELS:
        raise MaskError(f"the packed mask of a brush has {n:,} values, not those of {w} x {h} px")
    value_bits = reader.number(5) + 1
    count_bits = [reader.number(4) + 1 for _ in range(4)]
    alpha = np.zeros(h * w, np.bool_)
    at = 0
    while at < n:
        is_run = reader.number(1)
        end = at + reader.number(count_bits[reader.number(2)]) + 1
        if end > n:
            raise MaskError("the packed mask of a brush is longer than its image")
        # pixels whose last channel lies between
        first, last = at // _N_CHANNELS, end // _N_CHANNELS
        if is_run:
            alpha[first:last] = reader.number(value_bits) != 0
        else:
            values = reader.values(end - at, value_bits)
            alpha[first:last] = values[_N_CHANNELS - 1 - at % _N_CHANNELS :: _N_CHANNELS]
        at = end
    return alpha.reshape(size)


class _BitReader:
    """Reads numbers of any count of bits, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, n_bits: int) -> int:
        """Return the next number; MaskError where the bytes end."""
        first, end = self._advance(n_bits)
        value = int.from_bytes(self._data[first // 8 : (end + 7) // 8])
        return (value >> (-end % 8)) & ((1 << n_bits) - 1)

    def values(self, n: int, n_bits: int) -> NDArray[np.bool_]:
        """Return whether each of the next numbers is not 0; MaskError where the bytes end."""
        first, end = self._advance(n * n_bits)
        held = np.frombuffer(self._data[first // 8 : (end + 7) // 8], np.uint8)
        bits = np.unpackbits(held)[first % 8 :][: n * n_bits]
        return np.asarray(bits.reshape(n, n_bits).any(axis=1))

    def _advance(self, n_bits: int) -> tuple[int, int]:
        first, self._at = self._at, self._at + n_bits
        if self._at > 8 * len(self._data):
            raise MaskError("the packed mask of a brush ends too early")
        return first, self._at


def _bits(value: int, n: int) -> str:
    return f"{value:0{n}b}"
