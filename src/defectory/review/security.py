"""Who may come in: the token of the link, its cookie, and where a request comes from.

The page listens on an address that any program of this machine, and any web page in its browser, can talk to.
A request is served only with the token (against other programs and people), for the host that is served
(against a foreign name that leads here: DNS rebinding), and, where it changes something, from our own page
(against pages of other origins).
"""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers

OUR_HEADER = "x-defectory"
"""On requests that change something: a form of another page cannot send it."""

SAFE_METHODS = frozenset(("GET", "HEAD"))

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer, refusals too."""


def new_token() -> str:
    """Return 256 bits that nobody guesses, as they may stand in a link."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host that is listened on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served.

    Attributes
    ----------
    status : of the answer, 4xx
    reason : a sentence
    """

    status: int
    reason: str


@dataclass
class Access:
    """What a request must bring along.

    Attributes
    ----------
    token : of the link; the cookie holds it afterwards
    port : that is listened on
    host_names : lower case, by which the page may be asked for; empty for any address in numbers, which no
        foreign name can stand for
    is_secure : served by TLS
    """

    token: str
    port: int
    host_names: frozenset[str]
    is_secure: bool = False
    _once: set[str] = field(default_factory=set)

    @property
    def scheme(self) -> str:
        """Of the links to the page."""
        return "https" if self.is_secure else "http"

    @property
    def cookie_name(self) -> str:
        """With the port: browsers send the cookies of one port to all others of a host."""
        return f"defectory-review-{self.port}"

    @property
    def cookie(self) -> str:
        """The header that sets the cookie: no script reads it, no other site has it sent."""
        secure = "; Secure" if self.is_secure else ""
        return f"{self.cookie_name}={self.token}; HttpOnly; SameSite=Strict; Path=/{secure}"

    def token_for_once(self) -> str:
        """Return a token that opens the page one time; command lines can be seen by others."""
        token = new_token()
        self._once.add(token)
        return token

    def opens(self, query: bytes) -> bool:
        """Return whether a query string has a token that is right."""
        given = _query_token(query)
        for token in list(self._once):
            if _is_same(given, token):
                self._once.discard(token)
                return True
        return _is_same(given, self.token)

    def refuse_host(self, headers: Headers) -> Refusal | None:
        """Return why not where a request is for another host, under whose name somebody leads here."""
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_ours(hosts[0]):
            return None
        return Refusal(403, "This host is not served here; open the link that was printed.")

    def refuse_unknown(self, headers: Headers) -> Refusal | None:
        """Return why not where a request has no cookie with the token."""
        if _is_same(_cookie_value(headers, self.cookie_name), self.token):
            return None
        return Refusal(401, "Open the link with the token that defectory review has printed.")

    def refuse_foreign_change(self, headers: Headers) -> Refusal | None:
        """Return why not where a change is not asked for by our own page."""
        origins, ours = headers.getlist("origin"), headers.getlist(OUR_HEADER)
        if origins != [f"{self.scheme}://{headers['host']}"]:
            return Refusal(403, "Changes are taken from the page itself only (its Origin header).")
        if ours != ["1"]:
            return Refusal(403, "Changes need the header X-Defectory: 1.")
        return None

    def _is_ours(self, host: str) -> bool:
        name, separator, port = host.lower().rpartition(":")
        if not separator or name.endswith(":") or (name.startswith("[") != name.endswith("]")):
            name, port = host.lower(), "443" if self.is_secure else "80"
        if port != str(self.port):
            return False
        name = name.removeprefix("[").removesuffix("]")
        return name in self.host_names or (not self.host_names and _is_number(name))


def is_of_another_site(headers: Headers) -> bool:
    """Return whether the browser says that another site's page, or one of another port, asks for this."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def names_of(host: str, own_names: Iterable[str]) -> frozenset[str]:
    """Return the names by which a page on this address may be asked for; empty for any in numbers.

    Parameters
    ----------
    host : that is listened on
    own_names : of this machine
    """
    if is_loopback(host):
        return frozenset((host.lower(), "localhost", "127.0.0.1" if ":" not in host else "::1"))
    if host in ("0.0.0.0", "::"):
        return frozenset()
    return frozenset((host.lower(), *(name.lower() for name in own_names)))


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _query_token(query: bytes) -> str:
    try:
        found = parse_qs(query.decode("ascii"), max_num_fields=20).get("token", [])
    except ValueError:  # not ASCII, or too many fields
        return ""
    return found[0] if len(found) == 1 else ""


def _cookie_value(headers: Headers, name: str) -> str:
    for header in headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
    return ""


def _is_same(given: str, token: str) -> bool:
    """Return whether the two are the same, in a time that does not tell how much of it is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())
