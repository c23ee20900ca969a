"""Files of a multipart form, out of a body that is already in memory: nothing goes to disk."""

import logging
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from defectory.service.errors import RequestError

# What is wrong with a form the client is told; the parser's own lines would be no JSON.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

_MOST_HEADER_BYTES = 8192
_MOST_NAME_LETTERS = 500


@dataclass(frozen=True)
class Upload:
    """One image as it was sent.

    Attributes
    ----------
    name : of the file as the client calls it; no path of ours
    content : of the file
    """

    name: str
    content: bytes = field(repr=False)


def read_form(body: bytes, content_type: str, most_files: int) -> list[Upload]:
    """Return the files of a form, in order; its other fields are of no interest.

    Parameters
    ----------
    body : of the request
    content_type : of the header, with its boundary
    most_files : that are taken

    Raises
    ------
    RequestError : the form is damaged or cut off (400), or has more files (413).
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise RequestError(400, "The form has no boundary.")
    reader = _Reader(most_files)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (MultipartParseError, ValueError) as error:
        raise RequestError(400, "The form is damaged.") from error
    if not reader.is_whole:
        raise RequestError(400, "The form was cut off.")
    return reader.uploads


class _Reader:
    """Collects what the parser finds."""

    def __init__(self, most_files: int) -> None:
        self.uploads: list[Upload] = []
        self.is_whole = False
        self._most_files = most_files
        self._begin()

    def callbacks(self) -> dict[str, object]:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_field,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_part_data": self._add_data,
            "on_part_end": self._end,
            "on_end": self._end_form,
        }

    def _begin(self) -> None:
        self._name: str | None = None
        self._field, self._value = b"", b""
        self._data: list[bytes] = []
        self._n_header_bytes = 0

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, n_bytes: int) -> None:
        self._n_header_bytes += n_bytes
        if self._n_header_bytes > _MOST_HEADER_BYTES:
            raise RequestError(400, "A header of the form is too long.")

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            name = options.get(b"filename")
            if name is not None:
                self._name = name.decode("utf-8", "replace")[:_MOST_NAME_LETTERS]
        self._field, self._value = b"", b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is not None:
            self._data.append(data[start:end])

    def _end(self) -> None:
        if self._name is None:
            return
        if len(self.uploads) >= self._most_files:
            raise RequestError(
                413, f"There are more than the {self._most_files} images that are taken."
            )
        self.uploads.append(Upload(self._name, b"".join(self._data)))

    def _end_form(self) -> None:
        self.is_whole = True
