"""Addresses such as s3://bucket/folder/image.png: what they say, and what of them may be shown."""

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit

from defectory.domain import ParameterError
from defectory.domain.nearest import did_you_mean

SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "http", "https")
"""Of the stores that the extra `remote` brings."""

# one letter is a drive of Windows
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SECRETS = re.compile(r"""(\b[A-Za-z][\w+.-]+://)(?:[^\s/@'"]*:[^\s/@'"]*@)?([^\s?#'"]*)[^\s'"]*""")


def is_address(text: str) -> bool:
    """Return whether a text begins with a scheme; drives of Windows are none."""
    return _SCHEME.match(text) is not None


def without_secrets(text: str) -> str:
    """Return a text whose addresses have lost passwords and what follows a question mark."""
    return _SECRETS.sub(r"\1\2", text) if "://" in text else text


@dataclass(frozen=True)
class Address:
    """Where something lies.

    Attributes
    ----------
    scheme : in lower case
    place : what follows the slashes, without password and query; no slash at its end
    full : all of it, as a store wants it; never shown
    """

    scheme: str
    place: str
    full: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that a text is.

        Raises
        ------
        ParameterError : its scheme is none that is known, or it names no bucket or host.
        """
        match = _SCHEME.match(text)
        scheme = match[1].lower() if match else ""
        if match is None or not _is_known(scheme):
            raise ParameterError(_unknown(scheme))
        rest = text[match.end() :]
        if scheme.startswith("http"):
            parts = urlsplit(text)
            rest = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
        elif ":" in rest.partition("/")[0].rpartition("@")[0]:
            rest = rest.partition("@")[2]
        place = rest.rstrip("/")
        if not place.partition("/")[0]:
            raise ParameterError(f"{scheme}:// names no {'host' if 'http' in scheme else 'bucket'}")
        return cls(scheme, place, text)

    def below(self, name: str) -> "Address":
        """Return the address of what has a relative name here; the query of this one is left out."""
        parts = self.place.split("/")
        for part in name.split("/"):
            if part == ".." and len(parts) > 1:
                parts.pop()
            elif part not in ("", ".", ".."):
                parts.append(part)
        place, query = "/".join(parts), ""
        if self.scheme.startswith("http"):
            place, mark, query = place.partition("?")
            query = mark + query
        # a password of the whole goes on to its parts
        secret = _password(self.full)
        at = f"{self.scheme}://{secret}"
        if self.scheme.startswith("http"):
            return Address(self.scheme, place, f"{at}{quote(place, safe='/%:')}{query}")
        return Address(self.scheme, place, f"{at}{place}")


def _password(full: str) -> str:
    host = full.partition("://")[2].partition("/")[0]
    before, mark, _ = host.rpartition("@")
    return before + mark if ":" in before else ""


def _is_known(scheme: str) -> bool:
    if scheme in SCHEMES or scheme == "memory":
        return True
    import sys

    fsspec = sys.modules.get("fsspec")  # what a program has registered itself is known, too
    return scheme != "file" and fsspec is not None and scheme in fsspec.registry


def _unknown(scheme: str) -> str:
    if scheme == "file":
        return "file:// is not needed: write the path alone"
    hint = did_you_mean(f"{scheme}://", [f"{known}://" for known in SCHEMES])
    return f"{scheme}:// is no store that is known ({', '.join(SCHEMES)}){hint}"
