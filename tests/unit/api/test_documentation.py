"""Every public name, method and argument is documented, numpydoc style."""

import dataclasses
import inspect
import re

import pytest

import defectory
from defectory.domain import DefectoryError

NAMES = [name for name in dir(defectory) if not name.startswith("__")]


def members(owner):
    """Yield (name, function or property) that the class or its own base in this package defines."""
    for name, member in inspect.getmembers(owner):
        home = next((c for c in owner.__mro__ if name in vars(c)), None)
        is_told = inspect.isfunction(member) or isinstance(member, property)
        if is_told and not name.startswith("_") and home.__module__.startswith("defectory"):
            yield name, member


def documented(owner, name):
    """Return the names in the sections of a docstring and in those of the methods that it overrides."""
    docs = [vars(c)[name].__doc__ or "" for c in owner.__mro__ if name in vars(c)]
    return set().union(*map(names_in_sections, docs))


def names_in_sections(doc):
    """Return the names before each colon in the sections Parameters and Attributes."""
    found, section = set(), None
    lines = inspect.cleandoc(doc or "").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch("-{3,}", following):
            section = line.strip()
        elif section in ("Parameters", "Attributes") and re.match(r"[a-z]\w*(, \w+)* : ", line):
            found |= set(line.partition(" : ")[0].split(", "))
    return found


def arguments(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented_with_all_its_arguments(name):
    found = getattr(defectory, name)
    assert found.__doc__
    assert found.__doc__.strip()
    assert not found.__doc__.startswith(f"{name}(")  # what dataclasses write by themselves
    if inspect.isfunction(found):
        assert set(arguments(found)) <= names_in_sections(found.__doc__)
        return
    for member, value in members(found):
        assert inspect.getdoc(value), f"{name}.{member}"
        if inspect.isfunction(value):
            missing = set(arguments(value)) - documented(found, member)
            assert not missing, f"{name}.{member}: {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_class_documents_how_it_is_made(name):
    found = getattr(defectory, name)
    if not inspect.isclass(found) or getattr(found, "_is_protocol", False):
        return
    if dataclasses.is_dataclass(found):
        wanted = {field.name for field in dataclasses.fields(found)}
    elif issubclass(found, Exception | int | defectory.Predictions):  # made by the package only
        return
    else:
        wanted = set(arguments(found))
    assert wanted <= names_in_sections(found.__doc__), wanted - names_in_sections(found.__doc__)


def test_the_check_sees_what_is_missing():
    assert names_in_sections("One.\n\nParameters\n----------\na, b : int\n    c : no\n") == {
        "a",
        "b",
    }
    assert names_in_sections("One.\n\nNotes\n-----\na : int\n") == set()


def test_dir_is_the_public_names_and_all_of_them_are_there():
    assert dir(defectory) == sorted(defectory.__all__)
    for name in dir(defectory):
        assert getattr(defectory, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'model'"):
        defectory.model  # noqa: B018


def test_every_error_is_public():
    from defectory.domain import errors

    known = {
        name for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, DefectoryError)
    }  # fmt: skip
    assert known <= set(dir(defectory))
