"""A record of the cache is another's as soon as anything differs that could change features."""

import importlib.metadata

import pytest

from defectory.backbones import View, cache_keys
from defectory.backbones.cache_keys import conversion_key, feature_key, runtime_versions

SAME = {
    "content": "a", "model_digest": "m", "stages": ("block2", "block3"), "view": View(64),
    "runtime": "r",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"content": "b"},
        {"model_digest": "n"},
        {"stages": ("block2",)},
        {"stages": ("block3", "block2")},
        {"runtime": "s"},
        *({"view": v} for v in (View(96), View(64, 2), View(64, 1, False), View(64, noise=4.0))),
    ],
)
def test_any_change_is_another_key(change):
    assert feature_key(**SAME) == feature_key(**SAME)
    assert feature_key(**SAME) != feature_key(**{**SAME, **change})


@pytest.mark.parametrize("what", ["preparation", "onnxruntime", "pillow"])
def test_the_versions_of_what_makes_features_are_part_of_it(monkeypatch, what):
    import onnxruntime

    before = runtime_versions("cpu")
    runtime_versions.cache_clear()
    if what == "preparation":
        monkeypatch.setattr(cache_keys, "PREPARATION_VERSION", 99)
    elif what == "onnxruntime":
        monkeypatch.setattr(onnxruntime, "__version__", "99")
    else:
        monkeypatch.setattr(cache_keys.PIL, "__version__", "99")
    assert runtime_versions("cpu") != before
    monkeypatch.undo()
    runtime_versions.cache_clear()
    assert runtime_versions("cpu") == before


def test_a_conversion_knows_its_code_and_its_packages(monkeypatch):
    before = {name: conversion_key(name, 1) for name in ("efficientnet-lite0", "timm:x")}
    assert conversion_key("efficientnet-lite0", 2) != before["efficientnet-lite0"]
    assert conversion_key("timm:y", 1) != before["timm:x"]
    monkeypatch.setattr(cache_keys, "version", lambda _: "99")
    for name, key in before.items():
        assert conversion_key(name, 1) != key
    monkeypatch.setattr(cache_keys, "version", _missing)
    assert conversion_key("timm:x", 1)


def _missing(name):
    raise importlib.metadata.PackageNotFoundError(name)
