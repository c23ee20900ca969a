"""Bundles of a method that trains a network: a fourth member, as well guarded as the others."""

import json
import zipfile

import pytest

from defectory.artifacts import load_bundle, save_bundle
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
