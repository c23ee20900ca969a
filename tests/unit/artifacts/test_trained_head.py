"""Bundles of a method that trains a network: a fourth member, as well guarded as the others."""

import json
import zipfile

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones.providers import running_on
from defectory.domain import BundleError


@pytest.fixture
def members(fitted, tmp_path):
    path = tmp_path / "trained.defectory"
    save_bundle(fitted("mapl"), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(members, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_head_is_a_member_of_its_own(members):
    assert set(members) == {"manifest.json", "arrays.safetensors", "backbone.onnx", "head.onnx"}
    assert "head.onnx" in json.loads(members["manifest.json"])["sha256"]


def test_a_damaged_head_is_refused(members, tmp_path):
    members["head.onnx"] = members["head.onnx"][:-1] + b"?"
    with pytest.raises(BundleError, match=r"head\.onnx is damaged"):
        load_bundle(write(members, tmp_path / "damaged"))


def test_a_missing_head_is_refused(members, tmp_path):
    del members["head.onnx"]
    with pytest.raises(BundleError, match="lists other members than there are"):
        load_bundle(write(members, tmp_path / "headless"))
    manifest = json.loads(members["manifest.json"])
    del manifest["sha256"]["head.onnx"]
    members["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(BundleError, match="trained head of mapl is missing"):
        load_bundle(write(members, tmp_path / "headless"))


def test_another_name_is_no_member(members, tmp_path):
    members["../head.onnx"] = members.pop("head.onnx")
    with pytest.raises(BundleError, match="this is no bundle"):
        load_bundle(write(members, tmp_path / "hostile"))


def test_it_judges_the_same_with_another_provider(members, pictures, tmp_path):
    path = write(members, tmp_path / "sound")
    usual = load_bundle(path).detector.score(pictures)
    with running_on("openvino"):
        detector = load_bundle(path).detector
    assert detector._head._network.provider == "openvino"
    found = detector.score(pictures)
    pairs = [(usual.image_scores, found.image_scores)]
    pairs += zip(usual.anomaly_maps, found.anomaly_maps, strict=True)
    for expected, values in pairs:
        largest = np.abs(expected).max()
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-4 * largest)
