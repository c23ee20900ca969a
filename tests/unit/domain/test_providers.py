"""What a bundle says of a package ends in a command that a person is told to run."""

import pytest

from defectory.domain import Provider


def test_a_provider_says_how_it_is_installed():
    provider = Provider("Acme_Defectory", "1.2.post3+cpu")
    assert str(provider) == "Acme_Defectory 1.2.post3+cpu"
    assert provider.install_command == "pip install Acme_Defectory==1.2.post3+cpu"
    assert provider.key == Provider("acme-defectory", "2").key


@pytest.mark.parametrize(
    "told",
    [
        {"name": "acme; rm -rf ~", "version": "1"},
        {"name": "--index-url=http://elsewhere acme", "version": "1"},
        {"name": "-r", "version": "1"},
        {"name": "acme", "version": "1 --pre"},
        {"name": "acme\n", "version": "1"},
        {"name": "acme", "version": "1\nrun this"},
        {"name": "", "version": "1"},
        {"name": "acme", "version": ""},
        {"name": "a" * 200, "version": "1"},
        {"name": 3, "version": "1"},
    ],
)
def test_what_is_no_package_is_refused(told):
    with pytest.raises(ValueError, match="is no name or version of a package"):
        Provider(**told)
