"""What the service says of itself: metrics, log, and the alarm once it rings."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from defectory.domain import OutputError
from defectory.service.logs import Log
from defectory.workflows.journals import Journal
from tests.pictures import disc, save, scratched
from tests.unit.service.running import PLAIN, running

N_BAD = 60


@pytest.fixture(scope="module")
def rejects(tmp_path_factory):
    """So many different scratched parts."""
    rng, folder = np.random.default_rng(9), tmp_path_factory.mktemp("rejects")
    paths = [save(folder / f"{i}.png", scratched(disc(rng, 64), rng)[0]) for i in range(N_BAD)]
    return [("file", path.read_bytes()) for path in paths]


def test_an_alarm_that_rings_is_told_everywhere_and_logged_once(screws, rejects, good):
    with running(screws) as server, server.client() as client:
        (version,) = client.get("/v2/models/screws").json()["versions"]
        labels = f'model="screws",version="{version}"'
        assert server.metric(f"defectory_alarm_ringing{{{labels}}}") == 0
        told = client.post("/score", files=rejects).json()["alarm"]
        assert (told["is_ringing"], told["n_seen"]) == (True, N_BAD)
        assert "most parts are rejected" in told["said"]
        assert client.post("/score", content=good).json()["alarm"]["is_ringing"]
        assert server.metric(f"defectory_alarm_ringing{{{labels}}}") == 1
        assert server.metric(f"defectory_alarm_log_evidence{{{labels}}}") > 4.6
        lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    rings = [line for line in lines if line["event"] == "alarm"]
    assert [(line["level"], line["model"]) for line in rings] == [("warning", f"screws@{version}")]


def test_an_alarm_that_begins_while_the_disk_is_full_is_logged(
    screws, rejects, tmp_path, monkeypatch
):
    def full(journal, entry):
        raise OutputError("cannot write the journal: no space left on device")

    monkeypatch.setattr(Journal, "append", full)
    options = replace(PLAIN, state=tmp_path / "state")
    with running(screws, options=options) as server, server.client() as client:
        answer = client.post("/score", files=rejects).json()
        assert (answer["is_recorded"], answer["alarm"]["is_ringing"]) == (False, True)
        lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    assert [line["event"] for line in lines].count("not recorded") == 1
    assert [line["event"] for line in lines].count("alarm") == 1


def test_images_and_requests_are_counted(screws, rejects, good):
    with running(screws) as server, server.client() as client:
        client.post("/score", files=[*rejects[:3], ("file", good), ("file", b"?")])
        client.get("/nothing")
        text = client.get("/metrics").text
        (version,) = client.get("/v2/models/screws").json()["versions"]
        labels = f'model="screws",version="{version}"'
        assert server.metric(f'defectory_images_total{{decision="rejected",{labels}}}') == 3
        assert server.metric(f'defectory_images_total{{decision="accepted",{labels}}}') == 1
        assert server.metric(f"defectory_unreadable_images_total{{{labels}}}") == 1
        assert server.metric(f'defectory_score_position_bucket{{le="1.0",{labels}}}') == 1
        assert server.metric('defectory_requests_total{route="score",status="200"}') == 1
        assert server.metric('defectory_requests_total{route="other",status="404"}') == 1
    assert "# HELP defectory_model_info" in text
    assert f'version="{version}"' in text


def test_a_line_of_the_log_is_json_whatever_it_says():
    stream = io.StringIO()
    log = Log(stream)
    log.write("request", path="/\ud800\n{", error="", images=None)
    log.write_mistake(ValueError("x"), request_id="7")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["path"]) == ("request", "/\\ud800\n{")
    assert not first.keys() & {"error", "images"}
    assert (second["level"], second["request_id"]) == ("error", "7")
    stream.close()
    log.write("stopped")  # nobody reads it any longer
