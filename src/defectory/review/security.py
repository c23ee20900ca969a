"""Who may come in: the token of the link, its cookie, and where a request comes from.

The page listens on an address that any program of this machine, and any web page in its browser, can talk to.
A request is served only with the token (against other programs and people), for the host that is served
(against a foreign name that leads here: DNS rebinding), and, where it changes something, from our own page
(against pages of other origins).
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers

from defectory.web.hosts import is_served, split_host
from defectory.web.tokens import is_same, new_token

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
            if is_same(given, token):
                self._once.discard(token)
                return True
        return is_same(given, self.token)

    def refuse_host(self, headers: Headers) -> Refusal | None:
        """Return why not where a request is for another host, under whose name somebody leads here."""
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_ours(hosts[0]):
            return None
        return Refusal(403, "This host is not served here; open the link that was printed.")

    def refuse_unknown(self, headers: Headers) -> Refusal | None:
        """Return why not where a request has no cookie with the token."""
        if is_same(_cookie_value(headers, self.cookie_name), self.token):
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
        name, port = split_host(host)
        usual = "443" if self.is_secure else "80"
        return (port or usual) == str(self.port) and is_served(name, self.host_names)


def is_of_another_site(headers: Headers) -> bool:
    """Return whether the browser says that another site's page, or one of another port, asks for this."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


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
