"""Who may come in: nobody without the token, by no foreign host, and no page of a browser."""

from dataclasses import replace

import pytest

from defectory.domain import ParameterError
from defectory.service.options import ServiceOptions
from defectory.service.server import take_address
from tests.unit.service.running import PLAIN, running

TOKEN = "token-of-the-tests-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ("/v2", "/v2/health/live", "/v2/health/ready", "/metrics", "/openapi.json", "/nothing")


@pytest.fixture(scope="module")
def closed(screws, tmp_path_factory):
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    options = replace(PLAIN, token_file=file, allowed_hosts=("parts.example",))
    with running(screws, options=options) as found:
        yield found


@pytest.fixture(scope="module")
def stranger(closed):
    with closed.client() as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {TOKEN}"},
    ],
)
def test_nothing_is_told_without_the_token(stranger, path, headers):
    answer = stranger.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json().keys() == {"error"}


def test_with_the_token_everything_is(stranger, good):
    for path in PATHS[:-1]:
        assert stranger.get(path, headers=BEARER).status_code == 200
    assert stranger.post("/score", content=good).status_code == 401
    assert stranger.post("/score", content=good, headers=BEARER).status_code == 200
    assert stranger.post("/admin/reload").status_code == 401
    assert stranger.post("/admin/reload", headers=BEARER).status_code == 200


def test_without_a_token_file_nobody_reloads(client):
    answer = client.post("/admin/reload")
    assert answer.status_code == 403
    assert "--token-file" in answer.json()["error"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:80", 200), ("parts.example:443", 200),
        ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("0.0.0.0", 403), ("", 403),
        ("user@127.0.0.1", 403),
    ],
)  # fmt: skip
def test_hosts_that_are_served(stranger, host, status):
    assert stranger.get("/v2", headers=BEARER | {"Host": host}).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://127.0.0.1:8000"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_pages_of_browsers_are_refused_and_told_nothing(client, good, headers):
    for answer in (
        client.post("/score", params={"model": "nuts"}, content=good, headers=headers),
        client.options("/score", headers=headers | {"Access-Control-Request-Method": "POST"}),
    ):
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_others_are_let_in_with_a_token_file_only():
    with pytest.raises(ParameterError, match="--token-file"):
        take_address(ServiceOptions(host="0.0.0.0", port=0))


def test_every_answer_says_that_it_is_not_to_be_kept(client):
    for path in ("/v2", "/nothing"):
        assert client.get(path).headers["cache-control"] == "no-store"
        assert client.get(path).headers["x-content-type-options"] == "nosniff"
        assert "server" not in client.get(path).headers
