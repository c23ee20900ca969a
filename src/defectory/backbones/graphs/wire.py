"""Protocol Buffers as they lie in a file: fields by number, with the numbers that a message may have.

Source: https://protobuf.dev/programming-guides/encoding. Differs from a full reader: fields that are not
listed are refused, and so is a field that may come once and comes twice (readers disagree on which counts).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_FIELDS = 1_000_000
"""A model of ten thousand nodes has a tenth of it; more would take long to walk through."""

Fields = dict[str, list[int | memoryview]]
"""Name -> values in the order in which they came: integers, or the bytes of anything longer."""

_VARINT, _LENGTH, _FOUR_BYTES = 0, 2, 5
# numbers with a fraction; all other fields are integers or lengths with what they announce
_KINDS = {"f": (_FOUR_BYTES,), "floats": (_FOUR_BYTES, _LENGTH), "float_data": (_LENGTH,)}


class WireError(ValueError):
    """The bytes are no such message; one line."""


@dataclass
class Budget:
    """How many more fields may be read, over all messages of a model."""

    n_left: int = MAX_FIELDS


def read_fields(
    content: memoryview, known: Mapping[int, str], repeated: frozenset[str], budget: Budget
) -> Fields:
    """Return the fields of one message.

    Parameters
    ----------
    known : number -> name of each field that it may have
    repeated : names of fields that may come more than once

    Raises
    ------
    WireError : the bytes are no message, or have a field that is not known.
    """
    found: Fields = {}
    for number, kind, value in _walk(content, budget):
        name = known.get(number)
        if name is None:
            raise WireError(f"it has a field ({number}) that no network of ours has")
        if kind not in _KINDS.get(name, (_VARINT, _LENGTH)):
            raise WireError(f"its field {name} is of another kind")
        values = found.setdefault(name, [])
        if values and name not in repeated:
            raise WireError(f"it has two fields {name}")
        values.append(value)
    return found


def unpack_integers(values: list[int | memoryview], budget: Budget) -> list[int]:
    """Return signed 64-bit integers, whether they came one by one or packed."""
    numbers: list[int] = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        place = 0
        while place < len(value):
            number, place = _varint(value, place)
            budget.n_left -= 1
            if budget.n_left < 0:
                raise WireError(f"it has more than {MAX_FIELDS} fields")
            numbers.append(number)
    return [number - (1 << 64) if number >= 1 << 63 else number for number in numbers]


def _walk(content: memoryview, budget: Budget) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield number, kind and value of each field."""
    place = 0
    while place < len(content):
        budget.n_left -= 1
        if budget.n_left < 0:
            raise WireError(f"it has more than {MAX_FIELDS} fields")
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(content, place)
            yield number, kind, value
            continue
        if kind == _LENGTH:
            size, place = _varint(content, place)
        elif kind == _FOUR_BYTES:
            size = 4
        else:
            raise WireError("it holds what is no protocol buffer")
        if size > len(content) - place:
            raise WireError("it is cut off")
        yield number, kind, content[place : place + size]
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """Return the integer there and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            raise WireError("it is cut off")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place
    raise WireError("it holds what is no protocol buffer")
