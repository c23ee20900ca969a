"""The command: what it says, what it refuses, how it ends, and how it goes on."""

import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from defectory.domain import MissingExtraError
from defectory.web.extras import check_extra
from tests.e2e.conftest import run
from tests.unit.review.conftest import write_photos
from tests.unit.review.running import Server


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)]
)
def test_it_ends_well_and_goes_on_where_it_was(created, tmp_path, number):
    folder = tmp_path / "photos.review"
    shutil.copytree(created, folder)
    server = Server(folder, "--who", "Ann")
    body = json.dumps({"value": "defective", "seconds": 1}).encode()
    headers = {**server.headers, "If-Match": "*"}
    assert server.ask("PUT", "/api/images/3/label", headers, body).status == 200
    port = server.port
    status, said, errors = server.stop(number)
    assert (status, errors) == (0, "")
    assert f"defectory review {folder}" in said
    server = Server(folder)
    assert server.port == port  # what a browser keeps for this address finds its way
    told = server.ask("GET", "/api/images/3", server.headers).raw
    assert b'"value":"defective"' in told
    assert b'"who":"Ann"' in told
    assert server.stop()[0] == 0


def test_a_killed_server_has_lost_no_label(created, tmp_path):
    folder = tmp_path / "photos.review"
    shutil.copytree(created, folder)
    server = Server(folder)
    for image_id in range(1, 6):
        body = json.dumps({"value": "good"}).encode()
        headers = {**server.headers, "If-Match": "*"}
        assert server.ask("PUT", f"/api/images/{image_id}/label", headers, body).status == 200
    server.stop(signal.SIGKILL)
    server = Server(folder)
    assert b'"n_good":5' in server.ask("GET", "/api/project", server.headers).raw
    server.stop()


def test_a_bundle_and_data_make_a_project_beside_the_folder_one_is_in(
    fitted, tmp_path, monkeypatch
):
    write_photos(tmp_path / "photos")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    server = Server(fitted, tmp_path / "photos", "-q")
    assert "photos.review: 16 images" in "".join(server.said)
    assert server.stop()[0] == 0
    assert (tmp_path / "here" / "photos.review" / "review.sqlite").is_file()


def test_a_token_file_keeps_the_link(created, tmp_path):
    token = tmp_path / "token"
    shutil.copytree(created, tmp_path / "photos.review")
    links = []
    for _ in range(2):
        server = Server(tmp_path / "photos.review", "--token-file", token)
        links.append(server.token)
        server.stop()
    assert links[0] == links[1] == token.read_text().strip()
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="the browser is a shell script")
def test_the_browser_is_opened_with_a_token_that_others_cannot_use_again(created, tmp_path):
    """Whoever lists the processes of a machine sees the link that a browser was started with."""
    shutil.copytree(created, tmp_path / "photos.review")
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    server = Server(tmp_path / "photos.review", browser=browser)
    end = time.monotonic() + 20
    while not seen.exists() and time.monotonic() < end:
        time.sleep(0.05)
    target = "/" + seen.read_text().strip().removeprefix(server.url)
    assert server.token not in target
    host = {"Host": server.headers["Host"]}
    assert [server.ask("GET", target, host).status for _ in range(2)] == [303, 401]
    server.stop()


def refused(*arguments):
    result = run("review", *arguments)
    assert result.exit_code in (1, 2)
    return result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.4", "example.org"])
def test_others_are_let_in_with_a_token_file_only(created, host):
    said = refused(created, "--host", host)
    assert "--token-file" in said
    assert said.count("\n") == 1


def test_what_cannot_be_served_is_said_before_work_starts(created, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot listen" in refused(created, "--port", taken.getsockname()[1])
    (tmp_path / "bad.pem").write_text("no certificate")
    assert "bad.pem" in refused(created, "--certfile", tmp_path / "bad.pem")
    assert "--certfile" in refused(created, "--keyfile", tmp_path / "bad.pem")
    open_token = tmp_path / "open"
    open_token.write_text("a" * 40)
    open_token.chmod(0o644)
    assert "chmod" in refused(created, "--token-file", open_token)
    open_token.chmod(0o600)
    open_token.write_text("short")
    assert "24 letters" in refused(created, "--token-file", open_token)


def test_what_is_no_project_is_said(created, tmp_path):
    assert "defectory: " in refused(tmp_path)
    assert "-o PROJECT" in refused(created, "-o", tmp_path / "x")


def test_the_extra_that_is_missing_is_named():
    with pytest.raises(MissingExtraError, match=r"defectory\[review\]"):
        check_extra("defectory review", "review", ("starlette", "no_such_package"))


def test_the_help_waits_for_no_web_framework():
    program = (
        "import sys; from defectory.cli.main import main\n"
        "main(['review', '--help'], standalone_mode=False)\n"
        "sys.exit(bool({'starlette', 'uvicorn', 'numpy', 'asyncio'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
