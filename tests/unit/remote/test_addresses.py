"""Addresses: what they are, and that nothing secret in them is shown."""

import pytest

from defectory.domain import ParameterError
from defectory.remote import RemotePath, is_address
from defectory.remote.addresses import without_secrets
from defectory.remote.copies import address_of, place_of, told_remote


@pytest.mark.parametrize(
    "text", [r"C:\\images", "C:/images", "c://images", "images/a.png", "/a", ":"]
)
def test_paths_and_drives_are_no_addresses(text):
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "shown", "below"),
    [
        ("s3://bucket/parts/", "s3://bucket/parts", "s3://bucket/parts/a b.png"),
        ("S3://bucket", "s3://bucket", "s3://bucket/a b.png"),
        ("s3://bucket/a?b#c", "s3://bucket/a?b#c", "s3://bucket/a?b#c/a b.png"),
        ("https://u:pw@host/x?sig=abc#d", "https://host/x", "https://u:pw@host/x/a%20b.png"),
        ("abfs://box@account.dfs.core.windows.net/x", "abfs://box@account.dfs.core.windows.net/x",
         "abfs://box@account.dfs.core.windows.net/x/a b.png"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_secrets_and_asked_for_with_them(text, shown, below):
    path = RemotePath(text)
    assert str(path) == shown
    assert repr(path) == f"RemotePath({shown!r})"
    assert (path / "a b.png").address.full == below
    assert (path / "a b.png").name_below(path) == "a b.png"
    assert str(path / "x/../../a.png") == str(path.parent / "a.png")


def test_a_name_does_not_leave_its_bucket():
    assert str(RemotePath("s3://bucket/a") / "../../../b/./c") == "s3://bucket/b/c"


@pytest.mark.parametrize("text", ["s3://", "s3:///a", "s4://bucket", "file:///a", "ftp2://host/a"])
def test_what_is_no_store_is_refused(text):
    with pytest.raises(ParameterError):
        RemotePath(text)


def test_messages_lose_signatures_and_passwords():
    text = (
        "GET https://u:pw@host/a.png?X-Amz-Signature=abc&x=1, url='http://h/b?sig=1' and s3://b/c"
    )
    assert without_secrets(text) == "GET https://host/a.png url='http://h/b' and s3://b/c"


def test_a_copy_tells_its_address(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path))
    for address in ("s3://bucket/a/b c.png", "http://127.0.0.1:8000/x.png"):
        place = place_of(RemotePath(address))
        assert place is not None
        assert address_of(place) == address
        assert told_remote(f"cannot read {place}: gone") == f"cannot read {address}: gone"
    assert address_of(tmp_path / "other.png") is None
    for hostile in ("a//b", "a/..\\..\\b", "a/" + "x" * 300, "a/\0"):
        assert place_of(RemotePath(f"s3://bucket/{hostile}")) is None
