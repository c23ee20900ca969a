"""Plug-ins are listed without an import, and every fault of theirs is one line that names the package."""

import pytest

from defectory.domain import PluginError, Provider
from defectory.plugins import find_plugin, import_plugins, plugin_names, refuse_clash


def test_names_are_listed_and_nothing_is_imported(site):
    site.install("acme-parts", code="raise SystemExit", detector="oracle = acme_parts:Oracle")
    site.install("other", code="raise SystemExit", backbone="eyes = other:convert")
    assert "oracle" in plugin_names("detector")
    assert "eyes" in plugin_names("backbone")
    assert "eyes" not in plugin_names("detector")
    plugin = find_plugin("detector", "oracle")
    assert plugin.provider == Provider("acme-parts", "1.2")
    assert not plugin.is_imported
    assert find_plugin("detector", "eyes") is None
    assert site.imported() == set()


def test_it_is_imported_when_it_is_loaded(site):
    site.install("acme", code="Oracle = 42", detector="oracle = acme:Oracle")
    plugin = find_plugin("detector", "oracle")
    assert plugin.load() == 42
    assert plugin.is_imported


def test_two_packages_with_one_name_are_refused_with_both_named(site):
    site.install("acme", detector="oracle = acme:Oracle")
    site.install("other", version="0.1", detector="oracle = other:Oracle")
    with pytest.raises(PluginError) as caught:
        find_plugin("detector", "oracle")
    for said in ("acme 1.2", "other 0.1", "'oracle'", "uninstall one"):
        assert said in str(caught.value)
    assert "oracle" in plugin_names("detector")


def test_a_built_in_name_is_refused(site):
    site.install("acme", detector="gaussian = acme:Gaussian")
    refuse_clash("detector", "auto")
    with pytest.raises(
        PluginError, match=r"acme 1\.2 offers a detector named 'gaussian'.*uninstall acme"
    ):
        refuse_clash("detector", "gaussian")
    assert site.imported() == set()


@pytest.mark.parametrize(
    "code",
    [
        "import a_module_not_there",
        "1 / 0",
        "raise RuntimeError('two\\nlines')",
        "raise SystemExit",
        "",
    ],
)
def test_one_that_does_not_import_is_one_line_with_its_package(code, site):
    site.install("acme", code=code, detector="oracle = acme:Oracle")
    with pytest.raises(PluginError) as caught:
        find_plugin("detector", "oracle").load()
    message = str(caught.value)
    assert message.startswith("the detector 'oracle' of acme 1.2 does not import (")
    assert message.endswith("update acme, or uninstall it")
    assert "\n" not in message


def test_packages_are_imported_by_any_spelling_of_their_name(site):
    site.install("acme-parts", code="Oracle = 42", detector="oracle = acme_parts:Oracle")
    import_plugins(["Acme.Parts"])
    assert site.imported() == {"acme_parts"}
    with pytest.raises(PluginError, match="no installed package named 'nobody' offers detectors"):
        import_plugins(["nobody"])
