import os
import signal

import hypothesis
import pytest

# How long an example takes says more about the machine's load than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Before NumPy comes in: on small matrices and busy cores, OpenBLAS's threads wait for each other so
# long that a fit takes 25 times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Tests that open ONNX Runtime by themselves must not send anything either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# A runner in the background may start us with these ignored, and whatever we start would ignore them, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _ending in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, _ending):
        signal.signal(getattr(signal, _ending), signal.SIG_DFL)


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="all kills, all damaged bundles, and the tests marked so: some minutes more",
    )


def pytest_collection_modifyitems(config, items):
    """Leave out what is marked thorough, unless it is asked for."""
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


@pytest.fixture(scope="session")
def is_thorough(pytestconfig):
    return pytestconfig.getoption("--thorough")


@pytest.fixture(scope="session", autouse=True)
def _own_user_cache(tmp_path_factory):
    """The backbone is converted once a test session, and the user's own cache stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        yield
