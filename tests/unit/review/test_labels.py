"""Labels: none is overwritten by somebody who has not seen it, none is taken twice."""

from tests.unit.review.conftest import etag_of, ids_of, put_label


def test_a_label_is_kept_and_told_again(page):
    image_id = ids_of(page)[0]
    answer = put_label(page, image_id, "defective", etag_of(page, image_id), defect_type="scratch")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["label"]["value"] == "defective"
    assert told["label"]["who"] == "Ann"
    facts = page.get(f"/api/images/{image_id}").json()
    assert facts["label"] == told["label"]
    assert facts["etag"] == told["etag"]
    assert [entry["value"] for entry in facts["history"]] == ["defective"]
    assert page.get("/api/project").json()["defect_types"] == ["scratch"]


def test_a_label_is_taken_back(page):
    image_id = ids_of(page)[1]
    told = put_label(page, image_id, "good", etag_of(page, image_id)).json()
    answer = put_label(page, image_id, None, told["etag"])
    assert answer.status_code == 200
    assert answer.json()["label"] is None
    assert len(page.get(f"/api/images/{image_id}").json()["history"]) == 2


def test_who_has_not_seen_the_last_label_is_told_it(page):
    image_id = ids_of(page)[2]
    seen = etag_of(page, image_id)
    first = put_label(page, image_id, "good", seen)
    second = put_label(page, image_id, "defective", seen)
    assert second.status_code == 412
    assert second.json()["current"]["label"]["value"] == "good"
    assert second.json()["current"]["etag"] == first.json()["etag"]
    assert second.json()["error"]
    assert page.get(f"/api/images/{image_id}").json()["label"]["value"] == "good"


def test_without_a_tag_nothing_is_taken(page):
    image_id = ids_of(page)[3]
    answer = page.put(f"/api/images/{image_id}/label", json={"value": "good"})
    assert answer.status_code == 428
    assert page.get(f"/api/images/{image_id}").json()["label"] is None


def test_the_same_label_sent_again_changes_nothing(page):
    """The answer was lost on its way; the page sends again, with the tag that it saw then."""
    image_id = ids_of(page)[4]
    seen = etag_of(page, image_id)
    first = put_label(page, image_id, "good", seen, client_id="c-1")
    again = put_label(page, image_id, "good", seen, client_id="c-1")
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert len(page.get(f"/api/images/{image_id}").json()["history"]) == 1


def test_labels_of_a_lost_connection_come_together(page):
    one, two, three = ids_of(page)[5:8]
    tags = {image_id: etag_of(page, image_id) for image_id in (one, two, three)}
    put_label(page, two, "defective", tags[two])  # somebody else meanwhile
    entries = [
        {"id": one, "value": "good", "etag": tags[one], "client_id": "k-1", "seconds": 2},
        {"id": two, "value": "good", "etag": tags[two], "client_id": "k-2"},
        {"id": 999_999, "value": "good", "etag": "", "client_id": "k-3"},
        {"id": three, "value": "unsure", "etag": tags[three], "client_id": "k-4"},
    ]
    for _ in range(2):  # sent again, it says the same
        results = page.post("/api/labels", json={"entries": entries}).json()["results"]
        assert [result["id"] for result in results] == [one, two, 999_999, three]
        assert [result["status"] for result in results] == [200, 412, 404, 200]
        assert results[1]["label"]["value"] == "defective"
    assert page.get(f"/api/images/{three}").json()["label"]["value"] == "unsure"
    assert len(page.get(f"/api/images/{one}").json()["history"]) == 1


def test_two_people_who_disagree_are_listed(page):
    image_id = ids_of(page)[8]
    told = put_label(page, image_id, "good", etag_of(page, image_id)).json()
    page.headers["X-Defectory-Who"] = "Bob"
    try:
        assert put_label(page, image_id, "defective", told["etag"]).status_code == 200
    finally:
        del page.headers["X-Defectory-Who"]
    listed = page.get("/api/disagreements").json()["images"]
    assert [image["id"] for image in listed] == [image_id]
    assert {(label["who"], label["value"]) for label in listed[0]["labels"]} == {
        ("Ann", "good"),
        ("Bob", "defective"),
    }
