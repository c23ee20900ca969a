"""The registry knows names; it imports a class when that one is asked for, and no other."""

import subprocess
import sys

import pytest

from defectory.detectors import (
    DEFAULT_DETECTOR,
    detector_names,
    find_bundled_detector,
    find_detector,
    provider_of,
)
from defectory.domain import ParameterError, PluginError, Provider
from defectory.plugins import import_plugins

IMPORTED = """
import sys
from defectory.detectors import find_detector
before = set(sys.modules)
find_detector("gaussian")
print(" ".join(before), "|", " ".join(sys.modules))
"""


def test_the_default_is_first():
    assert detector_names()[0] == DEFAULT_DETECTOR
    assert len(set(detector_names())) == 6


def test_only_the_detector_asked_for_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    before, _, after = done.stdout.partition("|")
    assert "defectory.detectors.gaussian" not in before.split()
    assert "defectory.detectors.gaussian" in after.split()
    others = {"auto", "patch_memory", "memseg", "mapl", "mcod"}
    assert not {f"defectory.detectors.{name}" for name in others} & set(after.split())


def test_another_name_is_an_error_of_one_line():
    with pytest.raises(ParameterError, match=r"no detector is named 'oracle'; there are auto, ga"):
        find_detector("oracle")


ORACLE = """
from defectory.detectors.gaussian import Gaussian

class Oracle(Gaussian):
    name = "oracle"
"""
PROVIDER = Provider("acme", "1.2")


def test_a_plugin_is_imported_when_it_is_asked_for_by_name(site):
    site.install("acme", code=ORACLE, detector="oracle = acme:Oracle")
    found = find_detector("oracle")
    assert found.name == "oracle"
    assert provider_of(found()) == PROVIDER
    assert provider_of(find_detector("gaussian")()) is None
    with pytest.raises(
        ParameterError, match=r"named 'orakel'; .*mcod, oracle; did you mean oracle"
    ):
        find_detector("orakel")


def test_a_bundle_makes_no_plugin_run(site):
    site.install("acme", code=ORACLE, detector="oracle = acme:Oracle")
    with pytest.raises(
        PluginError, match=r"from the package acme 1\.2.*add  --allow-plugins acme  \("
    ):
        find_bundled_detector("oracle", PROVIDER)
    assert site.imported() == set()
    import_plugins(["acme"])
    assert find_bundled_detector("oracle", PROVIDER).name == "oracle"


@pytest.mark.parametrize("name", ["oracle", "gaussian"])
def test_a_bundle_of_another_package_is_refused_with_the_command_that_installs_it(name, site):
    site.install("other", code=ORACLE, detector=f"{name} = other:Oracle")
    import_plugins(["other"])
    with pytest.raises(
        PluginError, match=r"acme 1\.2, which is not installed.*pip install acme==1\.2$"
    ):
        find_bundled_detector(name, PROVIDER)


def test_a_bundle_of_a_built_in_name_never_reaches_a_plugin(site):
    site.install("acme", code=ORACLE, detector="gaussian = acme:Oracle")
    assert find_bundled_detector("gaussian", None).__module__ == "defectory.detectors.gaussian"
    with pytest.raises(ParameterError, match="no detector is named 'oracle' in this version"):
        find_bundled_detector("oracle", None)
    with pytest.raises(PluginError, match="a name of defectory's own"):
        find_detector("gaussian")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("Oracle = 42", "is no class of defectory.detectors.Detector"),
        ("class Oracle: name = 'oracle'", "is no class of defectory.detectors.Detector"),
        (ORACLE.replace('"oracle"', '"prophet"'), "which calls itself 'prophet'"),
    ],
)
def test_a_plugin_that_is_no_detector_of_that_name_is_refused(code, reason, site):
    site.install("acme", code=code, detector="oracle = acme:Oracle")
    with pytest.raises(PluginError, match=rf"acme 1\.2.*{reason}"):
        find_detector("oracle")


def test_what_no_name_leads_to_cannot_be_saved(site):
    class Gaussian(find_detector("gaussian")):
        """Would come back as the built-in one."""

    class Unknown(Gaussian):
        name = "unknown"

    with pytest.raises(PluginError, match="is not the detector named 'gaussian'"):
        provider_of(Gaussian())
    with pytest.raises(
        PluginError, match=r"no installed package offers a detector named 'unknown'"
    ):
        provider_of(Unknown())
