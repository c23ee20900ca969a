"""Small images that a bundle keeps of its fit, by which an exported copy is shown to decide as it does."""

import struct
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from defectory.domain import BundleError

MAX_PROBES = 24
MAX_SIDE_PX = 320
MAX_PROBES_BYTES = 3 * 2**19
"""Of all probes of a bundle, 1.5 MB: where images are large there are fewer of them."""

Origin = Literal["near the threshold", "highest", "random", "simulated defect"]
"""Why an image was chosen; simulated: a defect was drawn into a good image."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
_HEADER = struct.Struct(">IIBBBBB")
_GRAY, _RGB = 0, 2


@dataclass(frozen=True)
class Probe:
    """One image, no larger than 320 px.

    Attributes
    ----------
    png : a PNG file of 8-bit gray or RGB without any further chunk
    origin : why it was chosen
    """

    png: Annotated[bytes, Meta(max_length=MAX_PROBES_BYTES)]
    origin: Origin


_Probes = Annotated[tuple[Probe, ...], Meta(max_length=MAX_PROBES)]


def pack_probes(probes: tuple[Probe, ...]) -> bytes:
    """Return the probes as the member of a bundle; BundleError where they are more than it may hold."""
    content = msgspec.msgpack.encode(probes)
    unpack_probes(content)
    return content


def unpack_probes(content: bytes) -> tuple[Probe, ...]:
    """Return the probes in the member of a bundle; none of them is decoded.

    Raises
    ------
    BundleError : they are damaged, too many or too large, or hold something but plain pictures.
    """
    try:
        probes: tuple[Probe, ...] = msgspec.msgpack.decode(content, type=_Probes)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise BundleError(f"its probes are damaged ({error})") from error
    if sum(len(probe.png) for probe in probes) > MAX_PROBES_BYTES:
        raise BundleError("its probes are larger than those of any bundle may be")
    for probe in probes:
        _check_png(probe.png)
    return probes


def _check_png(png: bytes) -> None:
    """Refuse what would not decode to a small picture, before a decoder sees it."""
    try:
        if not png.startswith(_SIGNATURE):
            raise ValueError("no PNG")
        place, names = len(_SIGNATURE), []
        while place < len(png):
            n_bytes, name = struct.unpack_from(">I4s", png, place)
            names.append(name)
            place += 12 + n_bytes
        width, height, depth, color, *rest = _HEADER.unpack_from(png, len(_SIGNATURE) + 8)
    except (ValueError, struct.error) as error:
        raise BundleError(f"one of its probes is no PNG ({error})") from error
    is_plain = names[:1] == [b"IHDR"] and names[-1:] == [b"IEND"] and place == len(png)
    if not is_plain or set(names) != set(_CHUNKS) or rest != [0, 0, 0]:
        raise BundleError("one of its probes is no plain PNG")
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise BundleError(f"one of its probes has {width} x {height} px")
    if depth != 8 or color not in (_GRAY, _RGB):
        raise BundleError("one of its probes is neither 8-bit gray nor RGB")
