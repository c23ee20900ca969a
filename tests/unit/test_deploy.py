"""Container, compose file and units parse, give commands that there are, hold no secret, are not root."""

import importlib.util
import json
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from defectory.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


def check_command(words):
    """Refuse a command or an option that `defectory` does not have."""
    name, *rest = words
    if name == "serve" and name not in COMMANDS:
        pytest.skip("this version has no `defectory serve`")
    command = main.get_command(None, name)
    known = {option for each in command.params for option in each.opts}
    assert {word for word in rest if word.startswith("-")} <= known


def instructions():
    """Return (instruction, its words) of the Dockerfile."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_the_image_runs_a_command_that_there_is_and_not_as_root():
    found = dict(instructions())  # the last of each, that of the last stage
    assert json.loads(found["ENTRYPOINT"]) == ["defectory"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", found["USER"])
    assert json.loads(found["HEALTHCHECK"].partition("CMD ")[2])[1].endswith("/health.py")
    assert "/v2/health/live" in (DEPLOY / "health.py").read_text()
    names = [name for name, _ in instructions()]
    assert set(names) <= {
        "ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
        "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    check_command(json.loads(found["CMD"]))


def test_the_image_is_built_of_what_is_there_and_holds_no_secret():
    for name, words in instructions():
        if name == "COPY" and "--from" not in words:
            for path in words.split()[:-1]:
                assert (ROOT / path).exists(), path
        if name in ("ENV", "ARG"):
            assert not re.search(r"(?i)token|secret|password", words)
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text()
    assert "\n*\n" in let_in
    for path in re.findall(r"^!(.+)$", let_in, re.MULTILINE):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("service", ["serve", "watch"])
def test_the_services_of_the_compose_file_can_write_nothing_but_their_state(service):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here")
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    found = told["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    writable = [v.split(":")[0] for v in found["volumes"] if not v.endswith(":ro")]
    assert set(writable) <= set(told["volumes"])
    assert len(writable) == 1
    assert all(port.startswith("127.0.0.1:") for port in found.get("ports", []))
    check_command(found["command"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_gives_a_command_that_there_is_to_a_user_of_no_rights(path):
    told = re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE)
    found = dict(told)
    assert found["User"] == "defectory"
    assert found["CapabilityBoundingSet"] == ""
    assert (found["NoNewPrivileges"], found["ProtectSystem"]) == ("yes", "strict")
    program, *words = shlex.split(found["ExecStart"])
    assert program == "/opt/defectory/bin/defectory"
    check_command(words)
    options = re.search(r"OPTIONS=(--\S.*)$", path.read_text(), re.MULTILINE)
    if options:
        check_command([words[0], *shlex.split(options[1])])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_unit_and_calls_it_well_protected(path, tmp_path):
    unit = tmp_path / path.name
    unit.write_text(path.read_text().replace("/opt/defectory/bin/defectory", sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    if "Failed to" in verified.stderr and not verified.stderr.count(path.name):
        pytest.skip(f"systemd cannot be asked here: {verified.stderr[:100]}")
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    done = subprocess.run(judged, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def load_health(server, token, monkeypatch):
    """Return the health check, told which service to ask."""
    monkeypatch.setenv("DEFECTORY_PORT", str(server.server_address[1]))
    monkeypatch.setenv("DEFECTORY_TOKEN_FILE", str(token))
    spec = importlib.util.spec_from_file_location("health", DEPLOY / "health.py")
    health = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(health)
    return health


@pytest.fixture
def service():
    """A service that answers as `token` and `path` are right."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["authorization"]))
            self.send_response(200 if asked[-1][1] == "Bearer good" else 401)
            self.end_headers()

        def log_message(self, *told):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server, asked
    server.shutdown()
    server.server_close()


def test_the_health_check_asks_with_the_token_and_tells_a_dead_service(
    service, tmp_path, monkeypatch
):
    server, asked = service
    token = tmp_path / "token"
    health = load_health(server, token, monkeypatch)
    assert not health.is_alive()
    token.write_text("good\n")
    assert health.is_alive()
    assert asked == [("/v2/health/live", None), ("/v2/health/live", "Bearer good")]
    server.shutdown()
    server.server_close()
    assert not health.is_alive()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not here")
def test_the_health_check_asks_a_service_with_a_certificate(service, tmp_path, monkeypatch):
    server, _ = service
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=line-7.example",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    (tmp_path / "token").write_text("good\n")
    monkeypatch.setenv("DEFECTORY_SCHEME", "https")
    assert load_health(server, tmp_path / "token", monkeypatch).is_alive()


def test_the_image_can_be_built():
    docker = shutil.which("docker")
    if not docker:
        pytest.skip("Docker is not here")
    if subprocess.run([docker, "info"], capture_output=True, check=False, timeout=60).returncode:
        pytest.skip("no Docker daemon can be reached")
    build = [docker, "build", "-f", "deploy/Dockerfile", "-t", "defectory:test", "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    told = subprocess.run(
        [docker, "run", "--rm", "--read-only", "--tmpfs", "/tmp", "defectory:test", "--version"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout.startswith("defectory")
