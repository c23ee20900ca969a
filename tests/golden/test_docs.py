"""Generated pages are fresh, and every detector and public error is documented."""

import subprocess
import sys
from pathlib import Path

from defectory.detectors import detector_names

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_command_line_is_fresh():
    command = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run: make docs"


def test_every_detector_has_a_page_and_a_line_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for name in detector_names():
        assert (ROOT / f"docs/detectors/{name}.md").is_file()
        assert f"(docs/detectors/{name}.md)" in readme


def test_every_link_of_the_docs_leads_somewhere():
    import re

    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"
