"""Who may come in: the host that is asked for, the token, and no page of a browser."""

from dataclasses import dataclass

from starlette.datastructures import Headers

from defectory.service.errors import RequestError
from defectory.service.options import ServiceOptions
from defectory.web.hosts import is_loopback, is_served, names_of, own_names, split_host
from defectory.web.tokens import is_same, read_token


@dataclass(frozen=True)
class Access:
    """What a request must bring along.

    Attributes
    ----------
    host_names : lower case, by which the service may be asked for; empty for any address in numbers
    further_names : lower case, that are allowed beside them
    token : that every request needs; "" for none
    """

    host_names: frozenset[str]
    further_names: frozenset[str] = frozenset()
    token: str = ""

    @classmethod
    def of(cls, options: ServiceOptions) -> "Access":
        """Return what the options say; ParameterError where the token cannot be read."""
        names = own_names() if not is_loopback(options.host) else ()
        token = "" if options.token_file is None else read_token(options.token_file)
        further = frozenset(name.lower() for name in options.allowed_hosts)
        return cls(names_of(options.host, names), further, token)

    def check(self, headers: Headers) -> None:
        """Raise RequestError where a request may not come in: 403 or 401.

        Notes
        -----
        The port of the host is not looked at: it is another one behind a proxy or a container's. A foreign
        name that leads here (DNS rebinding) is refused by the name.
        """
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(split_host(hosts[0])[0]):
            raise RequestError(403, "This host is not served here; see --allow-host.")
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in (
            "none",
            "same-origin",
        ):
            raise RequestError(403, "Pages of browsers are not served.")
        if self.token and not is_same(_bearer(headers), self.token):
            raise RequestError(
                401, "A token is needed: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"}
            )

    def _is_ours(self, name: str) -> bool:
        return name in self.further_names or is_served(name, self.host_names)


def _bearer(headers: Headers) -> str:
    given = headers.getlist("authorization")
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
