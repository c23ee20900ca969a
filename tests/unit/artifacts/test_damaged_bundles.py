"""Whatever is done to a bundle: it loads as it was, or gives one BundleError of one line."""

import json
import os
import struct
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import TensorProto, helper

from defectory.artifacts import archive as module
from defectory.artifacts import load_bundle
from defectory.domain import BundleError
from tests.unit.artifacts.conftest import write_zip


def refusal(path):
    """The text of the one error, which names the file."""
    with pytest.raises(BundleError) as caught:
        load_bundle(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 1000
    assert text.startswith(f"{path}: ")
    return text


def test_the_forge_makes_sound_bundles(forge):
    assert load_bundle(forge()).facts.seed == 0


def test_every_truncation_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    rng = np.random.default_rng(0)
    ends = [0, 1, 4, 21, 22, len(content) - 1, len(content) - 22, len(content) - 30]
    path = tmp_path / "cut.defectory"
    for end in [*ends, *rng.integers(0, len(content), 32)]:
        path.write_bytes(content[:end])
        refusal(path)


def test_a_flipped_bit_is_refused_or_of_no_consequence(saved, pictures, tmp_path):
    """Half of the flips hit the headers, manifest and directory, which are small beside the network."""
    content = saved.read_bytes()
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, 4000, 30), *rng.integers(len(content) - 300, len(content), 30)]
    places += [*rng.integers(0, len(content), 40)]
    expected = load_bundle(saved).detector.score(pictures).image_scores
    path, n_refused = tmp_path / "flipped.defectory", 0
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        try:
            loaded = load_bundle(path)
        except BundleError:
            refusal(path)
            n_refused += 1
            continue
        np.testing.assert_array_equal(loaded.detector.score(pictures).image_scores, expected)
    assert n_refused > 60


def test_what_is_no_file_is_refused(tmp_path):
    assert "this is a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "absent")
    refusal(tmp_path / ("long" * 100))
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "pipe", Path("/dev/zero")):
        assert "this is no file" in refusal(other)


@pytest.mark.parametrize("content", [b"", b"PK", b"\0" * 1000, b"\x89PNG\r\n\x1a\n" + b"x" * 500])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.defectory"
    path.write_bytes(content)
    assert "this is no bundle" in refusal(path)


@pytest.mark.parametrize(
    "extra",
    ["../../evil", "/etc/evil", "evil.py", "manifest.json", "folder/", "backbone.onnx\0.txt"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_further_member_is_refused(members, tmp_path, extra):
    path = write_zip(tmp_path / "a.defectory", [*members.items(), (extra, b"")])
    assert "this is no bundle: it holds" in refusal(path)


@pytest.mark.parametrize("name", ["manifest.json", "arrays.safetensors", "backbone.onnx"])
def test_any_missing_or_renamed_member_is_refused(members, tmp_path, name):
    left = {key: content for key, content in members.items() if key != name}
    refusal(write_zip(tmp_path / "a.defectory", left.items()))
    refusal(write_zip(tmp_path / "a.defectory", [*left.items(), (f"../{name}", members[name])]))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused_unread(members, tmp_path, method, monkeypatch):
    bomb = {**members, "backbone.onnx": b"", "arrays.safetensors": bytes(2**20)}
    path = write_zip(tmp_path / "a.defectory", bomb.items(), method)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *args: pytest.fail("it was read"))
    assert "is compressed" in refusal(path)


def test_members_of_any_size_are_refused_unread(saved, monkeypatch):
    monkeypatch.setattr(module, "MAX_BUNDLE_BYTES", 1000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *args: pytest.fail("it was read"))
    assert "larger than any bundle" in refusal(saved)


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe\xff", b"{}", b"[" * 200_000,
        b'{"a":' * 100_000, b'{"schema_version": ' + b"9" * 5000 + b"}", "{}".encode("utf-16"),
        b'{"schema_version": 1}', b'{"schema_version": NaN}',
    ],
)  # fmt: skip
def test_manifests_that_are_none_are_refused(forge, manifest):
    refusal(forge(manifest=manifest))


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0, [1], {}])
def test_schema_versions_that_are_none_are_refused(forge, version):
    refusal(forge(edit=lambda data: data.update(schema_version=version)))


def test_a_newer_schema_says_to_update(forge):
    text = refusal(forge(edit=lambda data: data.update(schema_version=2)))
    assert "written by a newer defectory (schema 2" in text
    assert "pip install -U defectory" in text


def test_an_unknown_detector_says_to_update(forge):
    text = refusal(forge(edit=lambda data: data["detector"].update(name="oracle\n\x1b[31m")))
    assert r"no detector is named 'oracle\n\x1b[31m'" in text
    assert "update defectory" in text


STRANGE = [
    *(None, -1, 1e999, "text", [1], {}),
    *(
        pytest.param(value, marks=pytest.mark.thorough)
        for value in (7, 0.5, "", [], {"a": 1}, True)
    ),
]


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        ("detector",), ("detector", "name"), ("detector", "config"), ("backbone",),
        ("backbone", "card"), ("backbone", "stages"), ("backbone", "card", "stages"), ("sha256",),
        ("sha256", "backbone.onnx"), ("facts",), ("promise",),
    ],
    ids=".".join,
)  # fmt: skip
def test_wrong_types_anywhere_are_refused(forge, place, strange):
    if place == ("detector", "config") and strange == {}:
        pytest.skip("a config without entries means the defaults")

    def edit(data):
        for key in place[:-1]:
            data = data[key]
        data[place[-1]] = strange

    refusal(forge(edit=edit))


@pytest.mark.parametrize(
    "change",
    [
        {"no_such_setting": 1}, {"self": 1}, {"cache": {"get": 1}}, {"cache": "text"}, {"size_px": "64"},
        {"size_px": 65}, {"size_px": 0}, {"size_px": -64}, {"size_px": 10**9}, {"size_px": 1e999},
        {"size_px": None}, {"n_tiles": 0}, {"n_tiles": 10**9}, {"n_tiles": "2"}, {"n_neighbors": "x"},
        {"n_neighbors": 0}, {"top_ratio": "x"}, {"top_ratio": 7}, {"blur_px": None}, {"blur_px": []},
        {"position_weight": "heavy"}, {"position_weight": 1e999},
    ],
    ids=repr,
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(forge, change):
    refusal(forge(edit=lambda data: data["detector"]["config"].update(change)))


def test_a_setting_that_is_gone_tells_of_another_version_and_what_to_do(forge):
    text = refusal(forge(edit=lambda data: data["detector"]["config"].update(use_guard=True)))
    assert "no setting 'use_guard' here: another version of defectory fitted it; fit again" in text


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("stride_px", [1e999, "text", None]),  # a wrong number matters only to tiles
        ("n_channels", [0, -1, 1e999, "text", None, 10**9]),
        ("name", [0, "text", None]),
    ],
)
def test_stages_that_are_not_the_network_s_are_refused(forge, field, values):
    def edit(data, value):
        for stage in data["backbone"]["card"]["stages"]:
            stage[field] = value

    for value in values:
        refusal(forge(edit=partial(edit, value=value)))


def with_header(members, change):
    """The arrays with an edited safetensors header."""
    content = members["arrays.safetensors"]
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


@pytest.mark.parametrize(
    "change",
    [
        lambda bank: bank.update(shape=[2**40, 2**40]),
        lambda bank: bank.update(shape=[2**62, 8]),
        lambda bank: bank.update(shape=[-1, 8]),
        lambda bank: bank.update(shape=[10**30]),
        lambda bank: bank.update(shape="text"),
        lambda bank: bank.update(shape=bank["shape"][::-1]),
        lambda bank: bank.update(shape=[int(np.prod(bank["shape"]))]),
        lambda bank: bank.update(data_offsets=[0, 2**50]),
        lambda bank: bank.update(data_offsets=[2**50, 0]),
        lambda bank: bank.update(data_offsets=[0, 0]),
        lambda bank: bank.update(dtype="I32"),
        lambda bank: bank.update(dtype="BF16"),
        lambda bank: bank.update(dtype="F8_E4M3"),
        lambda bank: bank.update(dtype="OBJECT"),
        lambda bank: bank.clear(),
    ],
)
def test_headers_that_lie_are_refused(forge, members, change):
    refusal(forge(arrays=with_header(members, lambda header: change(header["detector.bank"]))))


@pytest.mark.parametrize(
    "arrays",
    [b"", b"\0" * 7, b"\xff" * 8, struct.pack("<Q", 2**40) + b"{}", b"\x02" + bytes(7) + b"{}"],
)
def test_arrays_that_are_none_are_refused(forge, arrays):
    refusal(forge(arrays=arrays))


def edited_arrays(members, change):
    arrays = {k: a.copy() for k, a in safetensors.numpy.load(members["arrays.safetensors"]).items()}
    change(arrays)
    return safetensors.numpy.save(arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["detector.bank", "calibration.scores"])
def test_arrays_that_are_not_finite_are_refused(forge, members, name, value):
    arrays = edited_arrays(members, lambda arrays: arrays[name].put(0, value))
    assert f"{name!r} is not of finite" in refusal(forge(arrays=arrays))


@pytest.mark.parametrize("name", ["bank", "mean", "projection", "coverage_radius"])
def test_arrays_that_are_missing_or_empty_are_refused(forge, members, name):
    key = f"detector.{name}"
    refusal(forge(arrays=edited_arrays(members, lambda arrays: arrays.pop(key))))
    refusal(forge(arrays=edited_arrays(members, lambda a: a.update({key: a[key][:0]}))))


HELD_OUT = ("scores", "peaks", "is_confirmed", "groups", "contents")


@pytest.mark.parametrize("name", HELD_OUT)
@pytest.mark.parametrize(
    "damage",
    [lambda a: a[1:], lambda a: a[None], lambda a: np.stack([a, a], axis=-1), lambda a: None],
    ids=["one is missing", "one of all", "two each", "none at all"],
)
def test_what_is_known_of_held_out_images_must_fit(forge, members, name, damage):
    def change(arrays):
        arrays["calibration.peaks"] = arrays["calibration.scores"]
        damaged = damage(arrays.pop(f"calibration.{name}"))
        if damaged is not None:
            arrays[f"calibration.{name}"] = np.ascontiguousarray(damaged)

    text = refusal(forge(arrays=edited_arrays(members, change)))
    assert "the threshold's scores are damaged" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("groups", -1), ("groups", 0.5), ("groups", 7), ("groups", 1e30), ("contents", -1),
        ("contents", 0.5), ("contents", 4096), ("contents", 1e30), ("is_confirmed", 2),
        ("is_confirmed", -1),
    ],
)  # fmt: skip
def test_what_is_known_of_held_out_images_must_be_sound(forge, members, name, value):
    arrays = edited_arrays(members, lambda a: a[f"calibration.{name}"].put(0, value))
    assert "the threshold's scores are damaged" in refusal(forge(arrays=arrays))


@pytest.mark.parametrize("name", ["scores", "peaks"])
@pytest.mark.parametrize("dtype", [np.int8, np.float16])
def test_held_out_scores_must_be_float32(forge, members, name, dtype):
    key, values = f"calibration.{name}", np.zeros(7, dtype)
    arrays = edited_arrays(members, lambda arrays: arrays.update({key: values}))
    assert "the threshold's scores are damaged" in refusal(forge(arrays=arrays))


def network(inputs, nodes, outputs, constants=()):
    graph = helper.make_graph(nodes, "other", inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def outputs_of(members):
    return list(onnx.load_from_string(members["backbone.onnx"]).graph.output)


def test_networks_that_are_none_are_refused(forge):
    for content in (b"", b"text", b"\0" * 1000):
        assert "the ONNX model of the backbone is none that" in refusal(forge(backbone=content))


def test_a_network_of_another_kind_is_refused(forge, members):
    """Right outputs, wrong input: it would load, and fail at the first image."""
    outputs = outputs_of(members)
    other = helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["n", 3, "h", "w"])
    nodes = [helper.make_node("Identity", ["sound"], [output.name]) for output in outputs]
    refusal(forge(backbone=network([other], nodes, outputs)))


def test_a_network_cannot_read_files(forge, members, tmp_path, monkeypatch):
    """ONNX lets weights lie in other files; a bundle's may not."""
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(members["backbone.onnx"])
    for location in ("secret.bin", str(tmp_path / "secret.bin"), "../secret.bin"):
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        del weight.external_data[:]
        weight.external_data.add(key="location", value=location)
        refusal(forge(backbone=model.SerializeToString()))
