import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_user_cache(tmp_path_factory):
    """The backbone is converted once a test session, and the user's own cache stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        yield
