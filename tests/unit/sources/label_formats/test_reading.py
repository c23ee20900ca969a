"""What is understood of each format, and what is refused, in one line."""

import base64
import io
import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from defectory.domain import DataError, DefectoryError, Label
from defectory.sources.label_formats import Meanings, match_names, read_labels
from defectory.sources.label_formats.annotations import AnnotatedImage, Annotation
from defectory.sources.label_formats.shapes import draw_shapes
from defectory.sources.vocabulary import Vocabulary

SQUARE = [2, 1, 6, 1, 6, 4, 2, 4]
SIZE = (8, 10)


def expected_square():
    mask = np.zeros(SIZE, bool)
    mask[1:4, 2:6] = True
    return mask


def coco(**annotation):
    return {
        "images": [{"id": 1, "file_name": "sub\\a.png", "width": 10, "height": 8}],
        "categories": [{"id": 3, "name": "scratch"}],
        "annotations": [{"image_id": 1, "category_id": 3, **annotation}],
    }


def labelme(*shapes, **more):
    return {
        "shapes": list(shapes),
        "imagePath": "..\\a.png",
        "imageHeight": 8,
        "imageWidth": 10,
        **more,
    }


def labelme_shape(kind, points, **more):
    return {"label": "scratch", "shape_type": kind, "points": points, **more}


def cvat(*elements, size='width="10" height="8"'):
    return (
        f'<annotations><image id="0" name="a.png" {size}>{"".join(elements)}</image></annotations>'
    )


def studio(*results, **task):
    place = {"original_width": 10, "original_height": 8, "from_name": "l", "to_name": "image"}
    listed = [{**place, **result} for result in results]
    return [{"data": {"image": "a.png"}, "annotations": [{"result": listed}], **task}]


def png(mask):
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


PERCENT = {"x": 20, "y": 12.5, "width": 40, "height": 37.5}
CORNERS = [[20, 12.5], [60, 12.5], [60, 50], [20, 50]]


@pytest.mark.parametrize(
    ("content", "format_name"),
    [
        (coco(segmentation=[SQUARE]), "coco"),
        (coco(segmentation={"size": [8, 10], "counts": [17, 3, 5, 3, 5, 3, 5, 3, 36]}), "coco"),
        (coco(segmentation={"size": [8, 10], "counts": "a03500000o0"}), "coco"),
        (
            coco(segmentation={"size": [8.0, 10], "counts": [17.0, 3, 5, 3, 5, 3, 5, 3, 36.0]}),
            "coco",
        ),
        (coco(bbox=[2, 1, 4, 3]), "coco"),
        (coco(segmentation=[], bbox=[2, 1, 4, 3]), "coco"),
        (coco(segmentation=[[]], bbox=[2, 1, 4, 3]), "coco"),
        (labelme(labelme_shape("polygon", np.reshape(SQUARE, (4, 2)).tolist())), "labelme"),
        (labelme(labelme_shape("rectangle", [[6, 4], [2, 1]])), "labelme"),
        (labelme(labelme_shape("rectangle", [[2, 1], [6, 1], [6, 4], [2, 4]])), "labelme"),
        (labelme(labelme_shape("rotation", [[2, 1], [6, 1], [6, 4], [2, 4]])), "labelme"),
        (
            labelme(labelme_shape("mask", [[1, 0], [7, 4]], mask=png(expected_square()[0:5, 1:8]))),
            "labelme",
        ),
        (cvat('<polygon label="scratch" points="2.0,1.0;6,1;6,4;2,4"/>'), "cvat"),
        (cvat('<box label="scratch" xtl="2" ytl="1" xbr="6" ybr="4"/>'), "cvat"),
        (
            cvat(
                '<mask label="scratch" left="1" top="1" width="5" height="3" rle="1, 4, 1,4,1, 4"/>'
            ),
            "cvat",
        ),
        (
            studio(
                {"type": "rectanglelabels", "value": {**PERCENT, "rectanglelabels": ["scratch"]}}
            ),
            "label-studio",
        ),
        (
            studio(
                {
                    "type": "polygonlabels",
                    "value": {"points": CORNERS, "polygonlabels": ["scratch"]},
                }
            ),
            "label-studio",
        ),
    ],
)
def test_every_way_to_mark_a_square(read, content, format_name):
    found = read(content, name="labels")
    assert found.format == format_name
    (image,) = Meanings(Vocabulary()).understand(found.images)
    assert (image.label, image.defect_types, image.size) == (Label.ANOMALOUS, ("scratch",), SIZE)
    np.testing.assert_array_equal(image.draw(SIZE), expected_square())


def test_circles_and_ellipses(read):
    disc = [[5, 4], [5, 7]]
    for content in (
        labelme(labelme_shape("circle", disc)),
        cvat('<ellipse label="x" cx="5" cy="4" rx="3" ry="3"/>'),
        studio(
            {
                "type": "ellipselabels",
                "value": {"x": 50, "y": 50, "radiusX": 30, "radiusY": 37.5, "ellipselabels": ["x"]},
            }
        ),
    ):
        (mark,) = read(content).images[0].annotations
        drawn = draw_shapes([mark.shape], SIZE)
        assert drawn.sum() == pytest.approx(np.pi * 9, abs=4)
        np.testing.assert_array_equal(drawn, drawn[::-1])


def test_words_on_whole_images(read):
    contents = (
        coco() | {"images": [{"id": 1, "file_name": "a.png", "label": "good"}], "annotations": []},
        coco() | {"categories": [{"id": 3, "name": "good"}]},  # a category without a shape
        labelme(flags={"good": True, "bad": False}),
        cvat('<tag label="good"/>'),
        studio({"type": "choices", "value": {"choices": ["good"]}}),
    )
    for content in contents:
        assert list(read(content).images[0].verdicts) == ["good"]


def test_names_of_images(read, tmp_path):
    assert read(coco()).images[0].name == "sub\\a.png"
    (tmp_path / "set/b").mkdir(parents=True)
    (tmp_path / "set/b/a.json").write_text(json.dumps(labelme()))
    (tmp_path / "set/b/other.json").write_text("[1]")
    found = read_labels(tmp_path / "set")
    assert found.images[0].name == "a.png"
    assert found.notes == ("1 JSON files that are not LabelMe's are passed over",)
    for address, name in (
        ("/data/upload/3/0a1b2c3d-good%20part.png", "good part.png"),
        ("/data/local-files/?d=line%201/a.png", "line 1/a.png"),
        ("https://host/bucket/a%20b.png?sig=1", "/bucket/a b.png"),
        ("s3://bucket/c/a.png", "/c/a.png"),
        ("C:\\images\\a.png", "C:/images/a.png"),
        ("50%25.png", "50%25.png"),
    ):
        assert read([{"data": {"image": address}}]).images[0].name == name
    assert read([{"data": {"id": "7", "photo": "b.jpg"}}]).images[0].name == "b.jpg"


def test_what_label_studio_says_beside_labels_is_passed_over(read):
    content = studio(
        {"type": "textarea", "value": {"text": ["hm"]}},
        {"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["a"]}},
        {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
    )
    content[0]["annotations"].append(
        {"was_cancelled": True, "result": [{"type": "choices", "value": {}}]}
    )
    found = read(content)
    assert len(found.images) == 1
    assert found.notes[0].endswith("1 textarea, 1 keypointlabels, 1 relation")


@pytest.mark.parametrize(
    "content",
    [
        [{"data": {"image": "a.png"}, "annotations": [{"result": None}]}],
        coco() | {"annotations": None, "categories": None},
    ],
)
def test_lists_that_a_tool_left_null_are_empty(read, content):
    (image,) = read(content).images
    assert (list(image.verdicts), list(image.annotations)) == ([], [])


def test_rectangles_of_four_corners_are_boxes_too(read):
    corners = [[2, 1], [6, 1], [6, 4], [2, 4]]
    found = read(labelme(labelme_shape("rectangle", corners), labelme_shape("rotation", corners)))
    assert all(mark.shape.is_box for mark in found.images[0].annotations)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("path,label\na.png,good\n", "in none of the formats"),
        ("{", "not JSON, or damaged"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": ' + "9" * 5000 + "}", "not JSON, or damaged"),
        (b"\xff\xfe\x00\xd8{", "in none of the formats"),
        (b"PK\x03\x04abc", "unpack it"),
        ("{}", "in none of the formats"),
        ("[1]", "in none of the formats"),
        ('{"images": 3}', "Expected `array`, got `int` - at `$.images`"),
        ({"images": [{"id": 1}]}, "missing required field `file_name`"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2}, "two images have the id 1"),
        (coco(image_id=2), "no image with the id 2"),
        (coco(category_id=4), "no category with the id 4"),
        (coco(segmentation="x"), "segmentation"),
        (coco(bbox=[5, 5, -3, 2]), "a bbox of width -3 and height 2"),
        (coco(segmentation=[[1, 2, 3]]), "odd number"),
        (json.dumps(coco(segmentation=[[1, 2, 3, 4, 5, 77]])).replace("77", "NaN"), "is nan"),
        (coco(segmentation={"size": [8, 10], "counts": "é"}), "damaged"),
        (coco(segmentation={"size": [8, 10**30], "counts": [1]}), "is 1e+30"),
        (coco(segmentation={"size": [8, 10], "counts": [79.5, 0.5]}), "no whole number"),
        (coco(segmentation={"size": [8, 9.5], "counts": [80]}), "no whole number"),
        ({"shapes": [], "imagePath": 3}, "imagePath"),
        (labelme(labelme_shape("circle", [[1, 1]])), "a circle has 1 points"),
        (labelme(labelme_shape("polygon", [[1, 1, 1]])), "length 2"),
        (labelme(labelme_shape("mask", [[0, 0], [1, 1]], mask="%%")), "no PNG"),
        ("<html></html>", "not of CVAT"),
        ("<annotations><image", "not XML, or damaged"),
        ("<annotations><track/></annotations>", "of a video"),
        ("<annotations>" + "<a>" * 99, "nested too deeply"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "document type"),
        ("<annotations><image/></annotations>", "no name"),
        ('<?xml version="1.0" encoding="klingon"?><annotations/>', "not XML, or damaged"),
        (
            '[{"\\ud800": 1, "data": {"image": "a.png"}, "annotations": [{"result": [{"\\ud800": 1}]}]}]',
            "read",
        ),
        (cvat('<box label="a" xtl="1"/>'), "ytl is missing"),
        (cvat('<box label="a" xtl="nan" ytl="1" xbr="2" ybr="2"/>'), "is nan"),
        (cvat('<polygon label="a" points="1,x;2,3"/>'), "no numbers"),
        (
            cvat('<mask label="a" left="0" top="0" width="1" height="1" rle="1,a"/>'),
            "whole numbers",
        ),
        ([{"data": {}}], "name 0 images"),
        ([{"id": 3}], "missing required field `data`"),
        (studio({"value": {}}), "missing required field `type`"),
        (
            studio({"type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["a"]}}),
            "missing required field `y`",
        ),
        (
            studio(
                {
                    "type": "brushlabels",
                    "value": {"rle": ["x"], "brushlabels": ["a"]},
                }
            ),
            "Expected `int`",
        ),
        (
            studio(
                {
                    "type": "rectanglelabels",
                    "original_width": None,
                    "value": {**PERCENT, "rectanglelabels": ["a"]},
                }
            ),
            "no original_width",
        ),
    ],
)
def test_hostile_and_damaged_files_are_one_line(read, content, message):
    with pytest.raises(DefectoryError) as error:
        read(content)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_entities_are_never_expanded(read):
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    with pytest.raises(DataError, match="document type"):
        read(bomb + "]><annotations>&j;</annotations>")


def test_the_format_that_is_insisted_on(read):
    with pytest.raises(DataError, match="not in the format coco"):
        read(studio(), "coco")
    with pytest.raises(DefectoryError, match="unknown format"):
        read(studio(), "yolo")


def understood(*entries, **options):
    return Meanings(Vocabulary(), **options).understand(entries)


def entry(*words, verdicts=(), name="a.png"):
    return AnnotatedImage(name, None, verdicts, [Annotation(word) for word in words])


@pytest.mark.parametrize(
    ("image", "label", "types"),
    [
        (entry("scratch", "dent", "dent"), Label.ANOMALOUS, ("dent", "scratch")),
        (entry("defect"), Label.ANOMALOUS, ()),
        (entry("NOK_Kratzer"), Label.ANOMALOUS, ("NOK_Kratzer",)),
        (entry("good part", "scratch"), Label.ANOMALOUS, ("scratch",)),
        (entry("gut"), Label.NORMAL, ()),
        (entry(""), Label.ANOMALOUS, ()),
        (entry("_background_"), Label.NORMAL, ()),
        (entry("unknown"), Label.UNLABELED, ()),
        (entry(), Label.NORMAL, ()),
        (entry(verdicts=["unsure"]), Label.UNLABELED, ()),
        (entry(verdicts=["OK"]), Label.NORMAL, ()),
        (entry("scratch", verdicts=["OK"]), Label.UNLABELED, ()),
    ],
)
def test_what_words_mean(image, label, types):
    (found,) = understood(image, unmarked=Label.NORMAL)
    assert (found.label, found.defect_types) == (label, types)


def test_images_without_a_word_are_unlabeled_unless_they_are_said_to_be_good():
    assert understood(entry())[0].label is Label.UNLABELED


def test_what_two_people_say_of_one_image():
    agreed, contradicted = understood(
        entry("scratch"), entry("dent"), entry("dent", name="b"), entry("ok", name="b")
    )
    assert agreed.defect_types == ("scratch", "dent")
    assert contradicted.is_contradicted
    assert contradicted.label is Label.UNLABELED
    with pytest.raises(DataError, match="several sizes"):
        understood(AnnotatedImage("a", (1, 2)), AnnotatedImage("a", (2, 2)))


def test_names_mean_only_images_that_were_found():
    on_disk = ["a.png", "x/a.png", "x/b.PNG", "y/b.png", "y/c.png"]
    found = match_names(
        [
            "a.png",
            "q\\X\\A.png",
            "C:/data/x/a.png",
            "b.png",
            "c",
            "../../etc/passwd",
            "z/c.png",
            "",
        ],
        on_disk,
    )
    assert found.images == {
        "a.png": "a.png",
        "q\\X\\A.png": "x/a.png",
        "C:/data/x/a.png": "x/a.png",
        "c": "y/c.png",
    }
    assert found.missing == ("../../etc/passwd", "z/c.png", "")
    assert found.unclear == {"b.png": ("x/b.PNG", "y/b.png")}
    assert found.shared == {"x/a.png": ("q\\X\\A.png", "C:/data/x/a.png")}


def test_names_are_the_same_however_a_system_composes_letters():
    composed, decomposed = (unicodedata.normalize(form, "Prüfung.png") for form in ("NFC", "NFD"))
    for written, real in ((composed, decomposed), (decomposed, composed)):
        assert match_names([f"q/{written}"], [f"x/{real}", f"q/{real}"]).images == {
            f"q/{written}": f"q/{real}"
        }
        assert match_names([written[:-4]], [real]).images == {written[:-4]: real}
    both = [composed, decomposed]
    assert match_names(both, both).images == dict(zip(both, both, strict=True))
