import importlib
import sys

import pytest


class Site:
    """A folder of installed packages, in front of all others."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, package, *, code="", version="1.2", **entry_points):
        """Install a package of one module; entry points are kind="name = module:attribute"."""
        module = package.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        groups = [f"[defectory.{kind}s]\n{line}\n" for kind, line in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(groups))
        importlib.invalidate_caches()

    def imported(self):
        return {path.stem for path in self.folder.glob("*.py")} & set(sys.modules)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    site = Site(tmp_path)
    yield site
    for name in site.imported():
        del sys.modules[name]
