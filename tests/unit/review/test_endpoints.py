"""What the page asks for and what it gets, of a real review."""

import io

import numpy as np
import pytest
from PIL import Image

from defectory.labeling import STRATEGIES
from tests.unit.review.conftest import N_DEFECTIVE, N_GOOD, ids_of, put_label

N = N_GOOD + N_DEFECTIVE


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.fixture(scope="module")
def large(page):
    return ids_of(page, search="large")[0]


def test_the_project_says_how_far_it_is(page):
    told = page.get("/api/project").json()
    assert told["n_images"] == told["n_scored"] == N
    assert told["who"] == "Ann"
    assert told["job"] is None
    assert told["proposal"] is False
    assert told["bundle"]["version"] == 1
    assert told["bundle"]["detector"] == "auto"
    assert {"id", "running", "gain", "defect_types", "strategies", "n_new_labels"} <= set(told)


def test_somebody_else_at_the_page_signs_with_another_name(page):
    told = page.get("/api/project", headers={"X-Defectory-Who": "J%C3%BCrgen%0A"}).json()
    assert told["who"] == "Jürgen"


def test_the_queue_says_why_it_asks(page):
    entries = page.get("/api/queue", params={"n": 5}).json()["entries"]
    assert len(entries) == 5
    keys = {"id", "name", "score", "decision", "strategy", "label", "etag"}
    for entry in entries:
        assert set(entry) == keys
        assert entry["strategy"] in STRATEGIES


def test_an_unknown_strategy_is_refused_in_a_sentence(page):
    answer = page.get("/api/queue", params={"strategy": "luck"})
    assert answer.status_code == 400
    assert "luck" in answer.json()["error"]


def test_images_are_listed_a_page_at_a_time(page):
    first = page.get("/api/images", params={"limit": 4, "sort": "-score"}).json()
    rest = page.get("/api/images", params={"offset": 4, "sort": "-score"}).json()
    assert first["total"] == rest["total"] == N
    scores = [image["score"] for image in [*first["images"], *rest["images"]]]
    assert len(scores) == N
    assert scores in (sorted(scores), sorted(scores, reverse=True))


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "nonsense"},
        {"sort": "nonsense"},
        {"limit": -1},
        {"limit": 10**6},
        {"offset": "x"},
        {"offset": "٣"},
        {"search": "a\x00b"},
        {"search": "a" * 201},
    ],
)
def test_questions_that_make_no_sense_are_refused(page, query):
    answer = page.get("/api/images", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_all_that_is_known_of_an_image(page, large):
    facts = page.get(f"/api/images/{large}").json()
    assert set(facts) == {
        "id", "name", "width", "height", "score", "decision", "p_value", "regions", "label", "etag",
        "has_mask", "history", "alike",
    }  # fmt: skip
    assert (facts["width"], facts["height"]) == (2000, 1500)
    assert "large & <odd>.jpg" in facts["name"]
    assert set(facts["alike"]) == {"good", "unconfirmed", "defective"}


@pytest.mark.parametrize("what", ["", "/preview", "/heatmap", "/outline", "/mask"])
@pytest.mark.parametrize("image_id", ["0", "999999", "-1", "x", "1.5", "9" * 30, "٣"])
def test_images_that_do_not_exist_are_not_found(page, what, image_id):
    answer = page.get(f"/api/images/{image_id}{what}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    ("side", "size"), [(256, (256, 192)), (1600, (1600, 1200)), (0, (2000, 1500))]
)
def test_previews_are_as_large_as_asked_for(page, large, side, size):
    answer = page.get(f"/api/images/{large}/preview", params={"side": side})
    assert opened(answer).size == size
    again = page.get(
        f"/api/images/{large}/preview",
        params={"side": side},
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 304


def test_a_preview_is_kept_unasked_under_the_name_of_its_review_alone(page, project, large):
    """Another review, at the same address later, has other pictures under the same numbers."""
    for review, is_kept in ((project.id, True), ("of another one", False), ("", False)):
        answer = page.get(f"/api/images/{large}/preview", params={"review": review})
        assert ("immutable" in answer.headers["cache-control"]) == is_kept


def test_other_sizes_are_refused(page, large):
    assert page.get(f"/api/images/{large}/preview", params={"side": 99}).status_code == 400


def test_a_heatmap_lies_over_its_image(page, large):
    answer = page.get(f"/api/images/{large}/heatmap")
    picture = opened(answer)
    assert picture.mode == "RGBA"
    assert 0 < np.asarray(picture)[..., 3].max() < 255  # the image is seen through it
    again = page.get(
        f"/api/images/{large}/heatmap", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_the_outline_is_a_mask_of_the_size_of_the_image(page, large):
    facts = page.get(f"/api/images/{large}").json()
    picture = opened(page.get(f"/api/images/{large}/outline"))
    assert picture.mode == "L"
    assert picture.size == (facts["width"], facts["height"])
    assert set(np.unique(np.asarray(picture))) <= {0, 255}
    assert np.asarray(picture).any()


def test_thresholds_are_offered_and_chosen(page):
    told = page.get("/api/thresholds").json()
    assert told["options"]
    assert told["defects"] in ("held_out", "unlearned", "simulated", "none")
    assert sum(option["is_current"] for option in told["options"]) <= 1
    rate = told["options"][-1]["false_reject_rate"]
    asked = {"false_reject_rate": rate, "prefers_estimate": False}
    answer = page.put("/api/threshold", json=asked)
    assert answer.status_code == 200
    assert page.get("/api/project").json()["bundle"]["promised"][
        "false_reject_rate"
    ] == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0, 1, -0.1, "x", None])
def test_rates_outside_0_to_1_are_refused(page, rate):
    assert page.put("/api/threshold", json={"false_reject_rate": rate}).status_code == 400


def test_labels_leave_as_a_manifest(page):
    image_id = ids_of(page, search="g00")[0]
    etag = page.get(f"/api/images/{image_id}").json()["etag"]
    assert put_label(page, image_id, "good", etag).status_code == 200
    answer = page.get("/api/labels.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "g00.png" in answer.text


def test_the_page_is_served_and_asked_about_again(page):
    answer = page.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    again = page.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/api/nothing", "/static/nothing.js", "/static/", "/nothing"])
def test_what_there_is_not_is_not_found(page, path):
    assert page.get(path).status_code == 404


def test_what_cannot_be_done_is_said(page):
    answer = page.put("/api/project")
    assert answer.status_code == 405
    assert set(answer.json()) == {"error"}
