"""Hundreds of hostile requests to the command itself: none is served, none breaks it."""

import itertools
import json
import random
import shutil

import pytest

from tests.unit.review.running import Server
from tests.unit.review.test_masks import BAD, bomb

SECRET = b"outside-of-the-project-5d1f"
PATHS = [
    "/", "/index.html", "/static/index.html", "/api/project", "/api/queue", "/api/images", "/api/images/1",
    "/api/images/1/preview", "/api/images/1/preview?side=256", "/api/images/1/heatmap",
    "/api/images/1/outline",
    "/api/images/1/mask", "/api/images/1/label", "/api/labels", "/api/labels.csv", "/api/disagreements",
    "/api/teach", "/api/proposal", "/api/proposal/accept", "/api/proposal/reject", "/api/history",
    "/api/history/1/restore", "/api/thresholds", "/api/threshold", "/nothing",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]
UPWARD = [
    "../{}", "..%2f{}", "%2e%2e/{}", "%2e%2e%2f{}", "..%5c{}", "..\\{}", "%252e%252e%252f{}", "....//{}",
    "..;/{}", "..%00/{}", "{}%00.js", "%c0%ae%c0%ae/{}", "/{}", "//{}", "file:///{}", "%2f{}", ".%2e/{}",
    "./../{}", "../../../../../../../../{}", "..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f{}", "~/{}",
    "\u00e9/{}",
]  # fmt: skip
TARGETS = ["etc/passwd", "secret.txt", "photos.review/review.sqlite", "review.sqlite", "server.py"]
BASES = [
    "/",
    "/static/",
    "/api/images/",
    "/api/images/1/",
    "/api/images/1/preview/",
    "/api/history/",
]


@pytest.fixture(scope="module")
def server(created, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(created, folder / "photos.review")
    (folder / "secret.txt").write_bytes(SECRET)
    server = Server(folder / "photos.review")
    yield server
    status, _, errors = server.stop()
    assert status == 0
    assert "Traceback" not in errors, errors


def test_without_the_token_nothing_is_served(server):
    answers = []
    ours = server.headers
    for path, method in itertools.product(PATHS, METHODS):
        headers = {name: value for name, value in ours.items() if name != "Cookie"}
        answers.append(server.ask(method, path, headers))
    name = f"defectory-review-{server.port}"
    for cookie in (
        "",
        name,
        f"{name}=",
        f"{name}=x",
        f"{name}={server.token[:-1]}",
        f"x={server.token}",
    ):
        answers += [server.ask("GET", path, {**ours, "Cookie": cookie}) for path in PATHS[:6]]
    for token in ("", "x", server.token[:-1], server.token.swapcase(), f"{server.token}%00"):
        answers.append(server.ask("GET", f"/?token={token}", {"Host": ours["Host"]}))
    answers.append(server.ask("GET", f"/api/project?token={server.token}", {"Host": ours["Host"]}))
    answers.append(server.ask("POST", f"/?token={server.token}", {"Host": ours["Host"]}))
    assert len(answers) > 240
    assert {answer.status for answer in answers} == {401}
    assert not any(server.token.encode() in answer.raw for answer in answers)


def test_with_the_token_nothing_outside_of_the_project_is_served(server):
    answers = []
    for base, upward, target in itertools.product(BASES, UPWARD, TARGETS):
        path = base + upward.format(target)
        answers.append((path, server.ask("GET", path, server.headers)))
    assert len(answers) > 600
    for path, answer in answers:
        assert answer.status in (400, 404), path
        assert SECRET not in answer.raw, path
        assert b"root:" not in answer.raw, path
        assert b"SQLite" not in answer.raw, path


def test_other_hosts_and_origins_are_refused(server):
    statuses = []
    port = server.port
    hosts = [
        "evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1",
        f"0.0.0.0:{port}",
        f"[::1]:{port}", f"[::ffff:127.0.0.1]:{port}", f"127.0.0.1:{port + 1}", f"127.1:{port}",
        f"2130706433:{port}",
        f"127.0.0.1:{port}@evil.example", f"evil.example/127.0.0.1:{port}", " ", f"localhost.:{port}",
    ]  # fmt: skip
    for host, (method, path) in itertools.product(
        hosts, [("GET", "/"), ("GET", f"/?token={server.token}"), ("POST", "/api/teach")]
    ):
        statuses.append(server.ask(method, path, {**server.headers, "Host": host}).status)
    origins = [
        "null", "", "http://evil.example", f"https://127.0.0.1:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://localhost:{port}", "http://127.0.0.1", f"http://127.0.0.1:{port}/", "file://", "*",
    ]  # fmt: skip
    changes = [
        ("PUT", "/api/images/1/label"),
        ("POST", "/api/teach"),
        ("DELETE", "/api/images/1/mask"),
    ]
    for origin, (method, path) in itertools.product(origins, changes):
        statuses.append(server.ask(method, path, {**server.headers, "Origin": origin}).status)
    for missing, (method, path) in itertools.product(("Origin", "X-Defectory"), changes):
        headers = {name: value for name, value in server.headers.items() if name != missing}
        statuses.append(server.ask(method, path, headers).status)
    assert len(statuses) > 70
    assert set(statuses) <= {400, 403}


def bodies():
    """Yield method, path and body of requests that make no sense."""
    label, labels = ("PUT", "/api/images/1/label"), ("POST", "/api/labels")
    rate, accept = ("PUT", "/api/threshold"), ("POST", "/api/proposal/accept")
    texts = [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{}" * 9, b"[" * 50_000, b"\0" * 100, b"NaN",
        b'{"value":NaN}', b'{"value":1e999}', b'{"value":{}}', b'{"value":"evil"}', b'{"value":["good"]}',
        b'{"value":"good","seconds":-1}', b'{"value":"good","seconds":1e999}',
        b'{"value":"good","seconds":"1"}',
        b'{"value":"good","defect_type":' + json.dumps("x" * 9999).encode() + b"}",
        b'{"value":"good","defect_type":"\\ud800"}',
        b'{"value":"good","defect_type":"a\\u0000b"}',
        b'{"value":"good","client_id":7}', b'{"entries":1}', b'{"entries":[1]}', b'{"entries":[{}]}',
        b'{"entries":[{"id":-1,"value":"good","etag":""}]}',
        b'{"entries":[{"id":1e99,"value":"good","etag":""}]}',
        b'{"entries":[{"id":"../1","value":"good","etag":""}]}', b'{"force":"yes"}', b'{"force":1}',
        b'{"false_reject_rate":2}', b'{"false_reject_rate":true}', b'{"false_reject_rate":[1]}',
        b'{"false_reject_rate":1e-400}', b'{"a":' * 2000 + b"1" + b"}" * 2000, b"x" * 70_000,
    ]  # fmt: skip
    for (method, path), text in itertools.product((label, labels, rate, accept), texts):
        yield method, path, text
    for name in BAD:
        yield "PUT", "/api/images/1/mask", BAD[name]
    yield "PUT", "/api/images/1/mask", bomb(20_000, 20_000)
    noise = random.Random(0)
    for n_bytes in (1, 10, 100, 1000, 10_000):
        yield "PUT", "/api/images/1/mask", noise.randbytes(n_bytes)
        damaged = bytearray(bomb(96, 96, b"\0" * 97 * 96))
        for _ in range(5):
            damaged[noise.randrange(len(damaged))] = noise.randrange(256)
        damaged[:8] = b"not png!"
        yield "PUT", "/api/images/1/mask", bytes(damaged)


def test_bodies_that_make_no_sense_are_refused_and_change_nothing(server):
    before = server.ask("GET", "/api/images/1", server.headers).raw.split(b"\r\n\r\n")[1]
    sent = list(bodies())
    assert len(sent) > 140
    for method, path, body in sent:
        answer = server.ask(method, path, {**server.headers, "If-Match": "*"}, body)
        assert answer.status in (400, 409, 413), (method, path, body[:60], answer.raw[-300:])
    after = server.ask("GET", "/api/images/1", server.headers).raw.split(b"\r\n\r\n")[1]
    assert after == before


def test_odd_headers_and_raw_bytes_do_no_harm(server):
    ours = server.headers
    odd = [
        {"If-None-Match": '"' * 1000}, {"If-None-Match": "W/"}, {"Range": "bytes=0-"},
        {"Accept-Encoding": "x" * 500},
        {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-For": "1.2.3.4"},
        {"X-Original-URL": "/secret.txt"},
        {"X-HTTP-Method-Override": "DELETE"}, {"X-Defectory-Who": "%00%0d%0a" * 50},
        {"X-Defectory-Who": "\xff\xfe"},
        {"Content-Type": "x" * 200}, {"Expect": "100-continue"}, {"Upgrade": "h2c"}, {"Trailer": "x"},
        {"Cookie": ours["Cookie"] + "; a" * 500}, {"Referer": "http://evil.example"},
    ]  # fmt: skip
    for headers in odd:
        assert server.ask("GET", "/api/project", {**ours, **headers}).status == 200
    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    cookie = f"Cookie: {ours['Cookie']}\r\n".encode()
    raw = [
        b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + host + cookie + b"\r\n", b"GET / HTTP/1.1\r\n" + cookie + b"\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n" + cookie + b"\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"A: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /api/teach HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
        b"POST /api/teach HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"POST /api/teach HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/teach HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + host + b"\r\n", b"\0" * 1000, b"\xff" * 1000,
    ]  # fmt: skip
    for sent in raw:
        assert server.send(sent, is_all=True).status in (0, 400, 401, 403, 405, 431, 505), sent[:60]
    assert server.ask("GET", "/api/project", ours).status == 200


def test_a_body_without_a_length_is_read_no_further_than_allowed(server):
    lines = [f"{name}: {value}\r\n" for name, value in server.headers.items()]
    head = "PUT /api/images/1/label HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    raw = (head + "".join(lines) + 'If-Match: "0"\r\n\r\n').encode() + 20 * chunk
    answer = server.send(raw + b'13\r\n{"value": "unsure"}\r\n0\r\n\r\n')
    assert answer.status == 413, answer.raw
