"""Who may come in, without a server: tokens, hosts, origins."""

import pytest
from starlette.datastructures import Headers
from starlette.websockets import WebSocketDisconnect

from defectory.review.security import Access
from defectory.web.hosts import is_loopback, names_of
from defectory.web.tokens import new_token
from tests.unit.review.conftest import ADDRESS, PORT, TOKEN

COOKIE = f"defectory-review-{PORT}={TOKEN}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_addresses_of_this_machine_alone(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.0.4", "localhost.evil.example", "", "1"]
)
def test_addresses_that_others_reach(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_hosts_that_are_served(access, host):
    assert access.refuse_host(Headers({"host": host})) is None


@pytest.mark.parametrize(
    "host",
    [
        "", "127.0.0.1", "localhost", f"evil.example:{PORT}", f"127.0.0.1.evil.example:{PORT}",
        "127.0.0.1:80", f"[::1]:{PORT}", f"127.0.0.1:{PORT}:{PORT}", f"[127.0.0.1:{PORT}",
        f"0.0.0.0:{PORT}", f"127.1:{PORT}", f"localhost:{PORT}.", f"user@127.0.0.1:{PORT}",
    ],
)  # fmt: skip
def test_hosts_that_are_not_served(access, host):
    assert access.refuse_host(Headers({"host": host})).status == 403


def test_on_every_address_numbers_are_served_and_foreign_names_are_not():
    access = Access(TOKEN, PORT, names_of("0.0.0.0", ["inspector"]))
    assert access.refuse_host(Headers({"host": f"192.168.0.4:{PORT}"})) is None
    assert access.refuse_host(Headers({"host": f"[fe80::1]:{PORT}"})) is None
    assert access.refuse_host(Headers({"host": f"evil.example:{PORT}"})) is not None


def test_by_tls_the_cookie_goes_no_other_way():
    access = Access(TOKEN, 443, names_of("inspector", []), is_secure=True)
    assert "Secure" in access.cookie
    assert access.refuse_host(Headers({"host": "inspector"})) is None
    headers = Headers({"host": "inspector", "origin": "http://inspector", "x-defectory": "1"})
    assert access.refuse_foreign_change(headers).status == 403


def test_a_token_for_once_opens_once():
    access = Access(TOKEN, PORT, names_of("127.0.0.1", []))
    query = f"token={access.token_for_once()}".encode()
    assert access.opens(query)
    assert not access.opens(query)
    assert access.opens(f"token={TOKEN}".encode())


@pytest.mark.parametrize(
    "query",
    [
        b"", b"token=", b"token", b"token=%00", b"token=\xff", b"token=%ff", b"token=" + b"a" * 9999,
        b"TOKEN=" + TOKEN.encode(), b"token=" + TOKEN.encode()[:-1], b"token=" + TOKEN.encode() + b"a",
        b"token=x&token=" + TOKEN.encode(), b"&".join([b"token=" + TOKEN.encode()] * 2), b"a=b&" * 999,
    ],
)  # fmt: skip
def test_other_tokens_open_nothing(access, query):
    assert not access.opens(query)


@pytest.mark.parametrize(
    "cookie",
    [
        "", TOKEN, f"defectory-review-{PORT}", f"defectory-review-{PORT}=", f"defectory-review-9={TOKEN}",
        f"defectory-review-{PORT}={TOKEN}x", f'defectory-review-{PORT}="{TOKEN}"', f"{COOKIE}é",
        f"x={COOKIE}", f"defectory-review-{PORT}=x; {COOKIE}",
    ],
)  # fmt: skip
def test_other_cookies_are_not_known(access, cookie):
    headers = Headers(raw=[(b"cookie", cookie.encode("latin-1"))])
    assert access.refuse_unknown(headers).status == 401


def test_the_cookie_is_known_among_others(access):
    assert access.refuse_unknown(Headers({"cookie": f"a=b; {COOKIE}; c=d"})) is None


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43


def test_the_link_sets_the_cookie_and_leads_to_the_page(stranger):
    answer = stranger.get(f"/?token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "no-store" in answer.headers["cache-control"]
    assert stranger.get("/").status_code == 200
    stranger.cookies.clear()
    assert stranger.get("/").status_code == 401


def test_a_link_in_a_mail_begins_anew_on_our_page(stranger):
    """The browser would not send a strict cookie along with what another site began."""
    answer = stranger.get(f"/?token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site"})
    stranger.cookies.clear()
    assert answer.status_code == 200
    assert "set-cookie" in answer.headers
    assert TOKEN not in answer.text
    assert 'url=/"' in answer.text


def test_headers_are_on_every_answer(page, stranger):
    for answer in (page.get("/"), page.get("/api/project"), page.get("/x"), stranger.get("/")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert page.get("/api/project").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("origin", ["cross-site", "same-site", "x"])
def test_a_page_of_another_site_or_port_sees_nothing(page, origin):
    assert page.get("/api/images/1/preview", headers={"Sec-Fetch-Site": origin}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": f"http://localhost:{PORT}"},
        {"Origin": f"https://127.0.0.1:{PORT}"}, {"Origin": "http://127.0.0.1"}, {"Origin": ""},
        {"X-Defectory": "0"}, {"X-Defectory": ""}, {"X-Defectory": "1, 1"}, {"Origin": ADDRESS + "/"},
    ],
)  # fmt: skip
def test_changes_are_taken_from_our_page_only(page, headers):
    answer = page.post("/api/proposal/reject", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]


def test_web_sockets_are_closed(page):
    with pytest.raises(WebSocketDisconnect), page.websocket_connect("/"):
        pass
