"""`POST /score` in all its forms: the same decisions as offline, pictures where they are asked for."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from defectory.sources import FileImages
from defectory.workflows.calibrated import load_calibrated

SCREWS = {"model": "screws"}


@pytest.fixture(scope="module")
def offline(screws, photos):
    """What the bundle says of the files: name -> (decision, map, p-value)."""
    model, paths = load_calibrated(screws), sorted(photos.iterdir())
    scores, decisions = model.judge(FileImages(paths))
    p_values = model.p_values.of(scores.image_scores)
    found = zip(decisions, scores.anomaly_maps, p_values, strict=True)
    return {path.name: known for path, known in zip(paths, found, strict=True)}


def picture(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def from_base64(text):
    return picture(base64.b64decode(text))


def row_of(client, content, **query):
    answer = client.post("/score", params=SCREWS | query, content=content)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["results"]
    return row


def test_several_files_are_decided_as_offline_in_their_order(client, photos, offline):
    files = [("file", (name, (photos / name).read_bytes())) for name in offline]
    answer = client.post("/score", params=SCREWS | {"regions": 1}, files=files).json()
    assert (answer["model"], len(answer["version"]), answer["is_recorded"]) == ("screws", 12, True)
    assert [row["image"] for row in answer["results"]] == list(offline)
    for row in answer["results"]:
        decision, _, p_value = offline[row["image"]]
        assert row["score"] == decision.score
        assert row["threshold"] == decision.threshold
        assert row["p_value"] == p_value
        assert row["decision"] == decision.outcome
        assert row["is_anomalous"] is decision.is_anomalous
        assert len(row["regions"]) == len(decision.regions)
        assert row["error"] is None
    assert {row["decision"] for row in answer["results"]} == {"accepted", "rejected"}


@pytest.mark.parametrize(
    "kind", ["image/png", "application/x-www-form-urlencoded", "application/octet-stream", ""]
)
def test_a_plain_body_of_any_type_is_one_image(client, bad, offline, kind):
    answer = client.post("/score", params=SCREWS, content=bad, headers={"Content-Type": kind})
    (row,) = answer.json()["results"]
    assert row["score"] == offline["bad0.png"][0].score
    assert not row.keys() & {"regions", "heatmap", "mask"}


def test_a_model_is_asked_for_by_name_and_version(client, bad):
    answers = [
        client.post("/score", params={"model": model}, content=bad).json()
        for model in ("screws", "nuts", "nuts@2")
    ]
    assert [answer["version"] for answer in answers[1:]] == ["2", "2"]
    assert answers[0]["results"][0]["score"] != answers[1]["results"][0]["score"]


def test_pictures_come_as_base64_where_they_are_asked_for(client, photos, offline):
    content = (photos / "wide.jpg").read_bytes()
    row = row_of(client, content, heatmap="png", mask="png", regions=1)
    assert from_base64(row["heatmap"]).shape == (150, 300, 3)
    mask = from_base64(row["mask"])
    assert (mask.shape, mask.dtype) == ((150, 300), bool)
    box = row["regions"][0]
    assert mask[box["peak_y_px"], box["peak_x_px"]]


def test_nothing_in_the_mask_of_an_accepted_image_is_defective(client, good):
    row = row_of(client, good, mask="png")
    assert row["decision"] == "accepted"
    assert not from_base64(row["mask"]).any()


@pytest.mark.parametrize(("query", "shape"), [({}, (64, 64, 3)), ({"mask": "png"}, (64, 64))])
def test_one_picture_comes_as_it_is_with_the_decision_in_its_head(client, bad, query, shape):
    answer = client.post(
        "/score", params=SCREWS | query, content=bad, headers={"Accept": "image/png"}
    )
    assert answer.headers["content-type"] == "image/png"
    assert picture(answer.content).shape == shape
    assert answer.headers["x-defectory-decision"] == "rejected"
    assert float(answer.headers["x-defectory-score"]) == row_of(client, bad)["score"]


def test_an_image_that_cannot_be_read_says_so_in_its_own_row(client, good):
    files = [("file", ("a.png", good)), ("file", ("b.png", good[:300])), ("file", ("c", b"?"))]
    answer = client.post("/score", params=SCREWS, files=files)
    assert answer.status_code == 200
    first, *others = answer.json()["results"]
    assert first["decision"] == "accepted"
    for row in others:
        assert row["decision"] is None
        assert row["error"].startswith(f"cannot read {row['image']}: ")


@pytest.mark.parametrize(
    ("query", "content", "status", "said"),
    [
        ({}, b"x", 400, "Several models are served; name one: ?model=screws, or nuts."),
        ({"model": "bolts"}, b"x", 404, "no model of this name, but screws, nuts."),
        ({"model": "nuts@1"}, b"x", 404, "no such version"),
        ({"model": "nuts", "heatmaps": "png"}, b"x", 400, "heatmap, mask, model, regions"),
        ({"model": "nuts", "heatmap": "jpg"}, b"x", 400, "png"),
        ({"model": "nuts", "regions": "yes"}, b"x", 400, "0 or 1"),
        ({"model": ["nuts", "nuts"]}, b"x", 400, "twice"),
        ({"model": "nuts"}, b"", 400, "empty"),
    ],
)
def test_what_is_asked_wrongly_is_said(client, query, content, status, said):
    answer = client.post("/score", params=query, content=content)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert said in answer.json()["error"]


def test_pixels_in_place_of_an_encoded_image_are_told_what_is_wanted(client):
    given = {"name": "image", "shape": [1, 1, 1, 3], "datatype": "FP32", "data": [0, 0, 0]}
    answer = client.post("/v2/models/nuts/infer", json={"inputs": [given]})
    assert answer.status_code == 400
    assert "of datatype BYTES: images as in their files" in answer.json()["error"]


def test_bodies_that_are_no_images_are_said(client):
    assert client.post("/score", params=SCREWS, content=b"?").status_code == 422
    assert client.post("/score", params=SCREWS, json={}).status_code == 415
    fields = client.post("/score", params=SCREWS, files={"note": (None, "text")})
    assert (fields.status_code, fields.json()["error"]) == (400, "The form has no file.")
    accept = {"Accept": "image/png"}
    assert client.post("/score", params=SCREWS, content=b"?", headers=accept).status_code == 422


def test_the_request_id_comes_back_and_is_in_the_log(server, client, good):
    answer = client.post(
        "/score", params=SCREWS, content=good, headers={"X-Request-Id": "line-7:42"}
    )
    assert answer.headers["x-request-id"] == "line-7:42"
    assert answer.json()["results"][0]["image"] == "line-7:42"
    server.wait_for_log('"request_id":"line-7:42"')
    odd = client.get("/v2/health/live", headers={"X-Request-Id": "a b"})
    assert len(odd.headers["x-request-id"]) == 32
