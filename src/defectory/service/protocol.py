"""Open Inference Protocol v2: requests and answers of `infer`, with its extension for binary tensors."""

import base64
import binascii
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from defectory.service.errors import RequestError

LENGTH_HEADER = "Inference-Header-Content-Length"
INPUT = "image"
_WANTED = f"The input is {INPUT!r}, of datatype BYTES: images as in their files, in JSON in base64."

Datatype = Literal["FP32", "FP64", "BOOL", "BYTES"]
OUTPUTS: Mapping[str, tuple[Datatype, tuple[int, ...]]] = {
    "score": ("FP32", (-1,)),
    "is_anomalous": ("BOOL", (-1,)),
    "p_value": ("FP64", (-1,)),
    "decision": ("BYTES", (-1,)),
    "map": ("FP32", (-1, -1, -1)),
}
"""Name -> type and shape; all but `map` come where none are named."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BOOL": np.dtype("?"),
}
_LENGTH = struct.Struct("<I")
_MOST_DIGITS = 20
"""Of a length; Python refuses to read a number of thousands."""

Size = Annotated[int, Meta(ge=0, lt=2**31)]


class Parameters(msgspec.Struct, omit_defaults=True):
    """The parameters of the protocol that are heeded."""

    binary_data: bool | None = None
    binary_data_output: bool | None = None
    binary_data_size: Size | None = None


class InferInput(msgspec.Struct):
    """An input: the images, encoded as in a file; base64 in JSON, or as they are behind it."""

    name: Annotated[str, Meta(max_length=100, description="image")]
    shape: Annotated[
        list[Size], Meta(min_length=1, max_length=4, description="The number of images.")
    ]
    datatype: Annotated[str, Meta(max_length=20, description="BYTES")]
    data: list[str] = []
    parameters: Parameters = msgspec.field(default_factory=Parameters)


class InferOutput(msgspec.Struct):
    """An output that is asked for."""

    name: Annotated[str, Meta(max_length=100)]
    parameters: Parameters = msgspec.field(default_factory=Parameters)


class InferRequest(msgspec.Struct):
    """What `infer` is asked."""

    inputs: Annotated[list[InferInput], Meta(min_length=1, max_length=1)]
    id: Annotated[str, Meta(max_length=200)] = ""
    outputs: Annotated[list[InferOutput], Meta(max_length=20)] = []
    parameters: Parameters = msgspec.field(default_factory=Parameters)


class InferredOutput(msgspec.Struct, omit_defaults=True):
    """A tensor of an answer; `data` is missing where it comes behind the JSON."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float | bool | str] | None = None
    parameters: Parameters | None = None


class AlarmParameters(msgspec.Struct, omit_defaults=True):
    """What the alarm of the bundle says, beside the tensors."""

    alarm_is_ringing: bool | None = None
    is_recorded: bool = True


class InferAnswer(msgspec.Struct):
    """What `infer` answers."""

    model_name: str
    model_version: str
    id: str
    outputs: list[InferredOutput]
    parameters: AlarmParameters


@dataclass(frozen=True)
class Asked:
    """A request of `infer`, read.

    Attributes
    ----------
    id : as the client calls it
    images : encoded as in files
    outputs : name -> whether it is to come in binary
    """

    id: str
    images: list[bytes] = field(repr=False)
    outputs: dict[str, bool]


def read_request(body: bytes, json_length: str | None, most_images: int) -> Asked:
    """Return what is asked.

    Parameters
    ----------
    body : JSON, and binary tensors behind it
    json_length : the header that says where the JSON ends; None for all of it
    most_images : that are taken

    Raises
    ------
    RequestError : 400; 413 for more images.
    """
    head, rest = _split(body, json_length)
    try:
        request = msgspec.json.decode(head, type=InferRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wanted = f" {_WANTED}" if isinstance(error, msgspec.ValidationError) else ""
        raise RequestError(400, f"The request is not as expected: {error}.{wanted}") from error
    (given,) = request.inputs
    if (given.name, given.datatype) != (INPUT, "BYTES"):
        raise RequestError(400, _WANTED)
    n_images = math.prod(given.shape)
    if n_images > most_images:
        raise RequestError(413, f"There are more than the {most_images} images that are taken.")
    images = list(_images(given, rest))
    if len(images) != n_images or not images:
        raise RequestError(400, f"The shape says {n_images} images, and {len(images)} came.")
    return Asked(request.id, images, _outputs(request))


def write_answer(
    answer: InferAnswer, tensors: Mapping[str, NDArray[Any]], asked: Asked
) -> tuple[bytes, int]:
    """Return the body of an answer, and the length of its JSON; 0 where it is all JSON.

    Parameters
    ----------
    answer : without outputs
    tensors : name -> values; of strings for BYTES
    asked : which of them are wanted, and how
    """
    binary: list[bytes] = []
    for name, is_binary in asked.outputs.items():
        datatype, _ = OUTPUTS[name]
        values = tensors[name]
        output = InferredOutput(name, datatype, list(values.shape))
        if is_binary:
            binary.append(_pack(values, datatype))
            output.parameters = Parameters(binary_data_size=len(binary[-1]))
        else:
            output.data = values.ravel().tolist()
        answer.outputs.append(output)
    head = msgspec.json.encode(answer)
    return b"".join((head, *binary)), len(head) if binary else 0


def _split(body: bytes, json_length: str | None) -> tuple[bytes, bytes | None]:
    if json_length is None:
        return body, None
    is_number = json_length.isascii() and json_length.isdigit() and len(json_length) <= _MOST_DIGITS
    if not is_number or int(json_length) > len(body):
        raise RequestError(400, f"{LENGTH_HEADER} is not the length of the JSON in the body.")
    n_bytes = int(json_length)
    return body[:n_bytes], body[n_bytes:]


def _images(given: InferInput, rest: bytes | None) -> Iterator[bytes]:
    n_binary = given.parameters.binary_data_size
    if n_binary is None:
        yield from _from_base64(given.data)
        return
    if given.data or rest is None or n_binary != len(rest):
        raise RequestError(400, "binary_data_size is not the length of what comes behind the JSON.")
    place = 0
    while place < len(rest):
        if place + _LENGTH.size > len(rest):
            raise RequestError(400, "The binary tensor was cut off.")
        (n_bytes,) = _LENGTH.unpack_from(rest, place)
        place += _LENGTH.size
        if place + n_bytes > len(rest):
            raise RequestError(400, "The binary tensor was cut off.")
        yield rest[place : place + n_bytes]
        place += n_bytes


def _from_base64(texts: Sequence[str]) -> Iterator[bytes]:
    for text in texts:
        try:
            yield base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(400, "Images in JSON are base64.") from error


def _outputs(request: InferRequest) -> dict[str, bool]:
    is_binary = bool(request.parameters.binary_data_output)
    if not request.outputs:
        return {name: is_binary for name in OUTPUTS if name != "map"}
    unknown = [output.name for output in request.outputs if output.name not in OUTPUTS]
    if unknown:
        raise RequestError(400, f"There is no output {unknown[0]!r}, but {', '.join(OUTPUTS)}.")
    found = {}
    for output in request.outputs:
        told = output.parameters.binary_data
        found[output.name] = is_binary if told is None else told
    return found


def _pack(values: NDArray[Any], datatype: Datatype) -> bytes:
    if datatype != "BYTES":
        return bytes(values.astype(_DTYPES[datatype]).tobytes())
    encoded = [str(text).encode() for text in values.ravel()]
    return b"".join(_LENGTH.pack(len(text)) + text for text in encoded)
