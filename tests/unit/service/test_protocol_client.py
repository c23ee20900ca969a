"""Open Inference Protocol v2, by a published client as it is."""

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from defectory.sources import FileImages
from defectory.workflows.calibrated import load_calibrated

OUTPUTS = ("score", "is_anomalous", "p_value", "decision")


@pytest.fixture(scope="module")
def inference(server):
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield client
    client.close()


@pytest.fixture(scope="module")
def files(photos):
    return sorted(photos.glob("*.png"))


@pytest.fixture(scope="module")
def offline(screws, files):
    return load_calibrated(screws).judge(FileImages(files))


def images_of(contents, shape=None):
    given = triton.InferInput("image", shape or [len(contents)], "BYTES")
    given.set_data_from_numpy(np.array(contents, object).reshape(shape or -1))
    return [given]


def test_server_and_models_are_found(inference):
    assert inference.is_server_live()
    assert inference.is_server_ready()
    assert inference.is_model_ready("screws")
    assert inference.is_model_ready("nuts", "2")
    assert not inference.is_model_ready("nuts", "3")
    assert not inference.is_model_ready("bolts")
    assert inference.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    told = inference.get_model_metadata("nuts")
    assert (told["name"], told["versions"], told["platform"]) == (
        "nuts",
        ["2"],
        "defectory_gaussian",
    )
    assert [each["name"] for each in told["inputs"]] == ["image"]
    assert [each["name"] for each in told["outputs"]] == [*OUTPUTS, "map"]


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_a_batch_is_judged_as_offline(inference, files, offline, compression):
    images = images_of([path.read_bytes() for path in files])
    found = inference.infer(
        "screws", images, request_id="7", request_compression_algorithm=compression
    )
    scores, decisions = offline
    assert found.get_response()["id"] == "7"
    assert np.array_equal(found.as_numpy("score"), scores.image_scores)
    assert found.as_numpy("score").dtype == np.float32
    assert found.as_numpy("is_anomalous").tolist() == [each.is_anomalous for each in decisions]
    assert [text.decode() for text in found.as_numpy("decision")] == [d.outcome for d in decisions]
    assert ((found.as_numpy("p_value") > 0) & (found.as_numpy("p_value") <= 1)).all()
    assert found.as_numpy("map") is None


@pytest.mark.parametrize("is_binary", [True, False])
def test_outputs_come_as_asked_for(inference, files, offline, is_binary):
    wanted = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("map", "score")]
    images = images_of([files[0].read_bytes()], [1, 1])
    found = inference.infer("screws", images, outputs=wanted, model_version="")
    maps = found.as_numpy("map")
    assert np.array_equal(maps, np.stack(offline[0].anomaly_maps[:1]))
    assert found.as_numpy("decision") is None
    assert found.get_response()["parameters"] == {"alarm_is_ringing": False}


def test_json_holds_images_in_base64(client, inference, bad):
    import base64

    given = {"name": "image", "shape": [1], "datatype": "BYTES"}
    body = {"inputs": [given | {"data": [base64.b64encode(bad).decode()]}]}
    told = client.post("/v2/models/screws/infer", json=body).json()
    (score,) = next(each["data"] for each in told["outputs"] if each["name"] == "score")
    assert score == inference.infer("screws", images_of([bad])).as_numpy("score")[0]


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [("bolts", [b"x"], "no model"), ("screws", [b"x"], "cannot read"), ("screws", [], "0 images")],
)
def test_what_goes_wrong_is_said(inference, name, contents, said):
    with pytest.raises(InferenceServerException, match=said):
        inference.infer(name, images_of(contents))


def test_an_unknown_output_is_said(inference, bad):
    with pytest.raises(InferenceServerException, match="score, is_anomalous"):
        inference.infer("screws", images_of([bad]), outputs=[triton.InferRequestedOutput("logits")])
