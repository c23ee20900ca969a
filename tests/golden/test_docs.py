"""The docs: the site builds without a warning, its links lead somewhere, all that is public is in it."""

import ast
import html.parser
import inspect
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
from filelock import FileLock

import defectory
from benchmarks import __main__ as benchmarks
from defectory.cli.main import main as command_line
from defectory.detectors import detector_names, find_detector

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)])
USER_PAGES = [page for page in PAGES if "notebook" not in page.parts and page.stem != "results"]


def commands_in(group, path=()):
    """Return words of each command -> the command, those inside of commands, too."""
    found = {}
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        found[" ".join((*path, name))] = command
        if isinstance(command, click.Group):
            found |= commands_in(command, (*path, name))
    return found


COMMANDS = commands_in(command_line)
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def shown(page):
    return str(page.relative_to(ROOT))


class Page(html.parser.HTMLParser):
    """What a page of the site links to, has anchors for, and loads."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.loaded = [], {""}, []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.anchors |= {told[key] for key in ("id", "name") if told.get(key)}
        if tag == "a" and told.get("href"):
            self.links.append(told["href"])
        elif tag != "a":
            self.loaded += [told[key] for key in ("src", "href", "data") if told.get(key)]


@pytest.fixture(scope="module")
def site(tmp_path_factory, worker_id):
    """The site, built as `make docs` builds it, once for all workers; a warning is an error."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    with FileLock(f"{folder}.lock"):
        if not (folder / "index.html").exists():
            build_site(folder)
    return folder


def build_site(folder):
    recipe = re.search(r"^docs:.*\n\t\$\(BIN\)/python (.*)$", (ROOT / "Makefile").read_text(), re.M)
    command = [str(folder) if word == "docs/_build" else word for word in shlex.split(recipe[1])]
    built = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_page_is_part_of_the_site(pages, site):
    for page in DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            assert site / page.relative_to(DOCS).with_suffix(".html") in pages


def test_every_link_and_anchor_of_the_site_leads_somewhere(pages):
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name}: {link}"
            if target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.name}: {link}"


def test_nothing_is_loaded_from_a_network(pages, site):
    for path, page in pages.items():
        assert not [found for found in page.loaded if urlsplit(found).netloc], path.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text()), style.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name, pages, site):
    anchors, parameters = pages[site / "reference/cli.html"].anchors, COMMANDS[name].params
    name = name.replace(" ", "-")
    assert f"defectory-{name}" in anchors
    for parameter in parameters:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for option in parameter.opts:
                assert f"cmdoption-defectory-{name}-{option.lstrip('-')}" in anchors
            assert parameter.help or parameter.show_default or parameter.required, parameter.name


@pytest.mark.parametrize("name", sorted(set(defectory.__all__) - {"__version__"}))
def test_every_public_name_is_documented(name, pages, site):
    found = getattr(defectory, name)
    assert f"defectory.{name}" in pages[site / "reference/api.html"].anchors
    assert inspect.getdoc(found), name
    if inspect.isclass(found):
        for member, value in vars(found).items():
            is_public = not member.startswith("_")
            if is_public and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(getattr(found, member)), f"{name}.{member}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_between_files_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        assert urlsplit(link).scheme or (page.parent / link).exists(), link


@pytest.mark.parametrize("name", detector_names())
def test_every_detector_has_a_short_page_a_line_and_a_place_in_the_readme(name):
    page = DOCS / f"detectors/{name}.md"
    lines = page.read_text().splitlines()
    assert len(lines) <= 120
    assert {"## Figures", "## What it cannot do well"} <= set(lines)
    assert f"(docs/detectors/{name}.md)" in (ROOT / "README.md").read_text()
    assert f"({name}.md)" in (DOCS / "detectors/index.md").read_text()


@pytest.mark.parametrize("name", detector_names())
def test_settings_that_a_page_lists_are_settings_with_these_defaults(name):
    text = (DOCS / f"detectors/{name}.md").read_text()
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|", text, re.MULTILINE)
    known = inspect.signature(find_detector(name)).parameters
    for settings, default in rows:
        for setting in re.findall(r"`(\w+)`", settings):
            assert setting in known, setting
            if not default.startswith("as "):
                assert shown_as(known[setting].default) == default.strip(" `"), setting


def shown_as(default):
    """Return a default as pages write it: true, .5, 1."""
    if isinstance(default, bool):
        return str(default).lower()
    return re.sub(r"^0\.", ".", f"{default:g}") if isinstance(default, float) else str(default)


@pytest.mark.parametrize("page", USER_PAGES, ids=shown)
def test_commands_in_the_docs_can_be_given(page):
    for language, block in FENCE.findall(page.read_text()):
        for line in block.splitlines():
            words = shlex.split(line, comments=True) if not language else []
            if words[:1] == ["defectory"]:
                options = [word for word in words[2:] if re.match(r"-[-a-z]", word)]
                command = COMMANDS.get(" ".join(words[1:3]), COMMANDS[words[1]])
                known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
                assert set(options) <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_python_in_the_docs_parses(page):
    for language, block in FENCE.findall(page.read_text()):
        if language == "python":
            ast.parse(inspect.cleandoc("\n" + block))


def test_the_results_page_and_its_drawings_are_fresh(capsys):
    status = benchmarks.main(["tables", "--check"])
    assert status == 0, capsys.readouterr().err


# commands on the results page are those of old runs, whose rows may have other names today
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "results"], ids=shown)
def test_commands_of_benchmarks_in_the_docs_can_be_given(page):
    for command in re.findall(r"`python -m benchmarks ([^`]+)`", page.read_text()):
        benchmarks.parser().parse_args(shlex.split(command.replace("\n", " ")))


@cache
def measured():
    """Return every figure of results.md with three decimals."""
    return set(re.findall(r"(?<!\d)0?\.(\d{3})(?!\d)", (DOCS / "results.md").read_text()))


@pytest.mark.parametrize("page", USER_PAGES, ids=shown)
def test_every_figure_that_users_read_was_measured(page):
    """Figures of accuracy have three decimals; they are in results.md, or it is said what they are."""
    for paragraph in re.split(r"\n\s*\n|\n(?=- )", page.read_text()):
        if re.search(r"exploration|quoted|released code", paragraph):
            continue
        for figure in re.findall(r"(?<![\w.\d])0?\.(\d{3})(?![\d%])", paragraph):
            assert figure in measured(), f".{figure} in: {paragraph[:80]}"


def test_the_changelog_and_the_readme_are_short():
    entries = (ROOT / "CHANGELOG.md").read_text().count("\n- ")
    assert entries <= 20, "merge entries: the changelog says what a user gets, in 20 lines"
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110
