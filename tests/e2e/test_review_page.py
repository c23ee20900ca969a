"""The review page in a real browser: what an inspector does, and what must not be lost."""

import io
import json
import os
import re
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from defectory import review
from tests.e2e.conftest import run
from tests.e2e.test_kills import Server
from tests.pictures import disc, save, scratched, write_mvtec

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")

N_GOOD, N_DEFECTIVE, SIZE_PX = 16, 8, 96
PAGE = Path(review.__file__).parent / "page"
DESKTOP, PHONE = (1280, 720), (390, 844)
START_S, TEACHING_MS = 60, 120_000


@pytest.fixture(scope="module")
def created(tmp_path_factory) -> Path:
    """A project of generated images that nobody has labeled."""
    from defectory.workflows.reviewing.project import ReviewProject

    folder = tmp_path_factory.mktemp("page")
    parts = write_mvtec(folder / "parts", n_train=16, n_good=1, n_defective=1)
    assert run("fit", parts, "-o", folder / "parts.defectory", "--size", 64, "-q").exit_code == 0
    rng = np.random.default_rng(11)
    for i in range(N_GOOD):
        save(folder / "photos" / f"good-{i:02}.png", disc(rng, SIZE_PX))
    for i in range(N_DEFECTIVE):
        save(folder / "photos" / f"scratch-{i:02}.png", scratched(disc(rng, SIZE_PX), rng)[0])
    ReviewProject.create(folder / "r", folder / "parts.defectory", folder / "photos").close()
    return folder / "r"


@pytest.fixture(scope="module")
def processes():
    processes = Server("defectory.review.server")
    yield processes
    processes.close()


@pytest.fixture
def address(created, processes, tmp_path):
    """The link of a server of a fresh copy of the project."""
    folder = tmp_path / "photos.review"
    shutil.copytree(created, folder)
    with served(processes, folder, tmp_path / "said") as link:
        yield link


@contextmanager
def served(processes, folder, said):
    """Give the link of a server of a project; `said` is where it writes."""
    server = processes.start("command", said, "review", folder, "--no-browser", "--who", "ann")
    try:
        yield _wait_for_link(said)
    finally:
        os.kill(server, signal.SIGTERM)
        status = processes.status()
    assert status == 0, said.read_text()


def _wait_for_link(said):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if said.exists() and (found := re.search(r"http\S+(?=\n)", said.read_text())):
            return found[0]
        time.sleep(0.01)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """Open the page in a browser of its own; errors of its scripts fail the test."""
    contexts, errors = [], []

    def opened(size=DESKTOP, **options):
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, **{"locale": "en-US", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        wait_for_photo(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def wait_for_photo(page) -> int:
    """Wait until a photo is on screen, and return the id of its image."""
    return int(page.wait_for_selector("#stage[data-shown]").get_attribute("data-shown"))


def press(page, key: str) -> int:
    """Press a key that leads to another photo; return the id of the one it was pressed for."""
    before = wait_for_photo(page)
    page.keyboard.press(key)
    page.wait_for_selector(f"#stage[data-shown]:not([data-shown='{before}'])")
    return before


def facts(page, image_id: int) -> dict:
    return page.request.get(f"{origin(page)}/api/images/{image_id}").json()


def origin(page) -> str:
    return page.evaluate("location.origin")


def wait_until_saved(page, image_id: int, value: str | None) -> None:
    """Wait until the list shows the label as saved, then ask the server for it."""
    shown = value or "none"
    page.wait_for_selector(
        f"#entries [data-id='{image_id}'] .mark[data-label='{shown}'][data-saving='saved']",
        state="attached",
    )
    label = facts(page, image_id)["label"]
    assert (label["value"] if label else None) == value


def label_truly(page, n: int) -> None:
    """Label the next n images by what their names say."""
    for _ in range(n):
        name = page.locator("#facts h2").inner_text()
        last = press(page, "g" if name.startswith("good") else "d")
    wait_until_saved(page, last, "good" if name.startswith("good") else "defective")


def with_module(page, name: str, script: str) -> None:
    """Call a function of what a module of the page exports."""
    home = "document.querySelector('script[src]').src"
    page.evaluate(f"import(new URL('{name}', {home})).then({script})")


def call_three_good_in_the_grid(page) -> None:
    """Open the grid and label its first three images, by keys."""
    page.keyboard.press("v")
    page.wait_for_selector(".tile:focus")
    for key in ("Space", "Shift+ArrowRight", "Shift+ArrowRight", "g"):
        page.keyboard.press(key)


def draw(page, *points: tuple[float, float]) -> None:
    """Draw a stroke through points, in parts of the stage from its middle."""
    page.wait_for_selector("#stage[data-mask='ready']")
    box = page.locator("#stage").bounding_box()
    places = [
        (box["x"] + box["width"] / 2 + x * box["height"], box["y"] + box["height"] * (0.5 + y))
        for x, y in points
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def read_mask(page, image_id: int) -> np.ndarray:
    answer = page.request.get(f"{origin(page)}/api/images/{image_id}/mask")
    assert answer.status == 200
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("L"))


def mask_is_saved(page):
    """Expect one mask to be taken by the server."""
    return page.expect_response(
        lambda answer: answer.url.endswith("/mask") and answer.request.method != "GET" and answer.ok
    )


def wait_for_marked_rows(page, image_id: int, are_there) -> set[int]:
    """Wait until the server has a mask whose marked rows are as expected; return them."""
    for _ in range(
        100
    ):  # an answer may be that to an earlier stroke, so the mask itself is asked for
        has_mask = facts(page, image_id)["has_mask"]
        rows = (
            set(np.nonzero(read_mask(page, image_id).any(axis=1))[0].tolist())
            if has_mask
            else set()
        )
        if are_there(rows):
            return rows
        page.wait_for_timeout(100)
    raise AssertionError(f"the mask of the server marks rows {sorted(rows)}")


def test_labels_by_keys_are_on_the_server(open_page):
    page = open_page()
    for key, value in (("g", "good"), ("d", "defective"), ("u", "unsure"), ("s", "skipped")):
        image_id = press(page, key)
        wait_until_saved(page, image_id, value)
    entry = facts(page, image_id)["history"][-1]
    assert entry["who"] == "ann"
    assert entry["seconds"] > 0
    assert entry["strategy"]
    assert page.locator("#said").inner_text().startswith("Saved: skipped")


def test_undo_takes_a_label_back_and_redo_gives_it_again(open_page):
    page = open_page()
    image_id = press(page, "d")
    wait_until_saved(page, image_id, "defective")
    page.keyboard.press("Control+z")
    wait_until_saved(page, image_id, None)
    assert wait_for_photo(page) == image_id  # the image is on screen again
    page.keyboard.press("Control+Shift+z")
    wait_until_saved(page, image_id, "defective")


def test_a_defect_type_is_named_once_and_then_has_a_digit(open_page):
    page = open_page()
    first = wait_for_photo(page)
    page.fill("#new-type", "scratch")
    page.keyboard.press("Enter")
    wait_until_saved(page, first, "defective")
    page.wait_for_selector(f"#stage[data-shown]:not([data-shown='{first}'])")
    second = press(page, "1")
    wait_until_saved(page, second, "defective")
    assert facts(page, second)["label"]["defect_type"] == "scratch"


def test_a_mask_drawn_with_the_brush_is_stored(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.keyboard.press("b")
    draw(page, (-0.2, 0), (0.2, 0))
    with mask_is_saved(page):
        page.keyboard.press("ArrowRight")  # leaving the image sends it
    mask = read_mask(page, image_id)
    assert mask.shape == (SIZE_PX, SIZE_PX)
    assert set(np.unique(mask)) == {0, 255}
    rows, columns = np.nonzero(mask)
    assert rows.mean() == pytest.approx(SIZE_PX / 2, abs=2)
    assert columns.mean() == pytest.approx(SIZE_PX / 2, abs=2)
    assert np.ptp(columns) > 3 * np.ptp(rows)  # a line from left to right
    assert facts(page, image_id)["has_mask"]


def test_strokes_are_erased_and_undone(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.keyboard.press("b")
    with mask_is_saved(page):  # once it rests
        draw(page, (-0.2, 0), (0.2, 0))
    drawn = read_mask(page, image_id)
    page.keyboard.press("e")
    with mask_is_saved(page):
        draw(page, (0, -0.1), (0, 0.1))
    erased = read_mask(page, image_id)
    assert 0 < (erased > 0).sum() < (drawn > 0).sum()
    with mask_is_saved(page):
        page.keyboard.press("Control+z")
    np.testing.assert_array_equal(read_mask(page, image_id), drawn)
    with mask_is_saved(page):
        page.keyboard.press("Control+z")
    assert page.request.get(f"{origin(page)}/api/images/{image_id}/mask").status == 204


@pytest.mark.thorough
def test_coming_back_to_a_mask_adds_to_it(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.keyboard.press("b")
    draw(page, (-0.2, -0.2), (0.2, -0.2))
    press(page, "ArrowRight")
    press(page, "ArrowLeft")
    draw(page, (-0.2, 0.2), (0.2, 0.2))
    rows = wait_for_marked_rows(
        page, image_id, lambda rows: rows and min(rows) < SIZE_PX / 2 < max(rows)
    )
    page.reload()
    wait_for_photo(page)
    page.fill("#search", facts(page, image_id)["name"])
    playwright.expect(page.locator("#entries li")).to_have_count(1)
    page.wait_for_selector(f"#stage[data-shown='{image_id}']")
    page.locator("#tools [data-tool='brush']").click()
    draw(page, (-0.2, 0), (0.2, 0))
    wait_for_marked_rows(
        page, image_id, lambda after: rows < after
    )  # what was stored, and the new stroke


def test_the_mask_drawn_last_is_sent_last(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    # encoding takes its time, which an empty mask does not need
    page.evaluate("{ const wait = setTimeout; setTimeout = (run, ms = 400) => wait(run, ms); }")
    page.keyboard.press("b")
    draw(page, (-0.2, 0), (0.2, 0))
    sent = []
    page.on("request", lambda request: request.url.endswith("/mask") and sent.append(request))
    press(page, "ArrowRight")
    press(page, "ArrowLeft")
    page.keyboard.press("Control+z")
    page.keyboard.press("ArrowRight")
    with mask_is_saved(page):
        pass
    while len(sent) < 2:
        page.wait_for_timeout(20)
    assert [request.method for request in sent] == ["PUT", "DELETE"]
    sent[1].response()
    assert not facts(page, image_id)["has_mask"]


def test_a_stored_mask_that_comes_late_takes_no_stroke_away(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.keyboard.press("b")
    draw(page, (-0.2, -0.2), (0.2, -0.2))
    with mask_is_saved(page):
        press(page, "ArrowRight")
    late = []
    page.route("**/mask", lambda route: late.append(route), times=1)
    press(page, "ArrowLeft")
    press(page, "ArrowRight")
    press(page, "ArrowLeft")
    draw(page, (-0.2, 0.2), (0.2, 0.2))
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/mask")):
        late[0].continue_()
    with mask_is_saved(page):
        press(page, "ArrowRight")
    assert read_mask(page, image_id)[SIZE_PX // 2 :].any()


def test_a_list_begun_anew_has_nothing_selected_and_takes_no_stroke(open_page):
    page = open_page()
    page.wait_for_selector("#stage[data-mask='ready']")
    page.keyboard.press("v")
    page.wait_for_selector(".tile:focus")
    page.keyboard.press("a")
    status = page.locator("#grid-status")
    playwright.expect(status).to_contain_text(f"{N_GOOD + N_DEFECTIVE} selected")
    late = []
    page.route("**/api/queue?*", lambda route: late.append(route), times=1)
    with_module(page, "queue_pane.js", "({ reload }) => void reload()")
    page.wait_for_selector("#stage[data-mask='loading']", state="attached")
    while not late:
        page.wait_for_timeout(20)
    late[0].continue_()
    playwright.expect(status).to_contain_text("· 0 selected")


def test_a_lost_connection_keeps_a_mask(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.keyboard.press("b")
    draw(page, (-0.2, 0), (0.2, 0))
    press(page, "d")
    page.wait_for_selector("#connection:visible")
    # its answer is lost: the server has it when it is sent again
    page.route("**/mask", lambda route: (route.fetch(), route.abort()), times=1)
    with page.expect_event("requestfailed"):
        page.context.set_offline(False)
    with mask_is_saved(page):
        page.evaluate("dispatchEvent(new Event('online'))")
    wait_until_saved(page, image_id, "defective")
    assert read_mask(page, image_id).any()
    assert sorted(entry["what"] for entry in facts(page, image_id)["history"]) == ["label", "mask"]


def test_the_outline_of_the_detector_becomes_the_mask(open_page):
    page = open_page()
    while not facts(page, wait_for_photo(page))["regions"]:
        press(page, "ArrowRight")
    image_id = wait_for_photo(page)
    with mask_is_saved(page):
        page.keyboard.press("o")
    outline = page.request.get(f"{origin(page)}/api/images/{image_id}/outline").body()
    expected = np.asarray(Image.open(io.BytesIO(outline)).convert("L"))
    np.testing.assert_array_equal(read_mask(page, image_id) > 0, expected > 0)


def test_a_reload_keeps_everything(open_page):
    page = open_page()
    image_id = wait_for_photo(page)
    page.keyboard.press("b")
    draw(page, (-0.1, 0), (0.1, 0.1))
    page.keyboard.press("Escape")
    with mask_is_saved(page):
        assert press(page, "d") == image_id
    wait_until_saved(page, image_id, "defective")
    page.reload()
    wait_for_photo(page)
    page.select_option("#source", "filter:defective")
    page.wait_for_selector(f"#stage[data-shown='{image_id}']")
    assert page.locator("#stage-label").inner_text() == "defective"
    assert facts(page, image_id)["has_mask"]


def test_what_teaching_changed_is_accepted_and_taken_back(open_page):
    page = open_page()
    label_truly(page, 12)
    page.keyboard.press("t")
    page.wait_for_selector("#dialog-proposal:has-text('12 labels')", timeout=TEACHING_MS)
    page.click("#dialog-proposal button:has-text('Accept')")
    page.wait_for_selector("#dialog-proposal", state="detached")
    assert project(page)["bundle"]["version"] == 2
    page.click("#open-history")
    page.wait_for_selector("#dialog-history li[aria-current]:has-text('taught 12 labels')")
    page.click("#dialog-history button:has-text('Use this one')")
    page.wait_for_selector("#dialog-history", state="detached")
    assert project(page)["bundle"]["version"] == 1
    assert project(page)["n_labeled"] == 12


def test_labels_are_taken_along_as_a_table(open_page):
    page = open_page()
    label_truly(page, 2)
    page.click("#open-history")
    with page.expect_download() as saved:
        page.click("#dialog-history a:has-text('labels.csv')")
    assert saved.value.suggested_filename == "labels.csv"
    header, *rows = saved.value.path().read_text().splitlines()
    assert header.split(",")[-1] == "random"
    assert len(rows) == 2
    assert {row.split(",")[-1] for row in rows} <= {"yes", "no"}


def test_what_would_decide_worse_can_only_be_thrown_away(open_page):
    def worse(route):
        told = {"worse": "a sentence", "n_defects": 4, "found_before": 3, "found_after": 2}
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), **told})

    page = open_page()
    page.route("**/api/proposal", worse)
    label_truly(page, 8)
    page.keyboard.press("t")
    page.wait_for_selector("#dialog-proposal", timeout=TEACHING_MS)
    warning = page.locator("#dialog-proposal .warning")
    assert "of 4 newly confirmed defects, 3 are found now and 2 after it" in warning.inner_text()
    assert not page.locator("#dialog-proposal button:has-text('Accept')").count()
    page.click("#dialog-proposal button:has-text('Throw away')")
    page.wait_for_selector("#dialog-proposal", state="detached")
    assert project(page)["bundle"]["version"] == 1
    assert not project(page)["proposal"]
    assert project(page)["n_labeled"] == 8


def test_what_is_just_decided_is_checked_with_a_click_each(open_page):
    page = open_page()
    page.click("#open-check")
    rejected, accepted = (
        page.locator(f"#dialog-check section:has(#check-{side}) button")
        for side in ("rejected", "accepted")
    )
    accepted.first.wait_for()
    n_rejected, n = rejected.count(), rejected.count() + accepted.count()
    assert 0 < accepted.count() <= 20
    accepted.first.click()
    accepted.nth(1).click()
    accepted.nth(1).click()  # taken back
    assert "1 wrong" in page.locator("#check-accepted").inner_text()
    playwright.expect(page.locator("#dialog-check [aria-pressed='true']")).to_have_count(1)
    with page.expect_response(lambda answer: answer.url.endswith("/api/labels")):
        page.click("#dialog-check button:has-text('All others are right')")
    page.wait_for_selector("#dialog-check", state="detached")
    page.wait_for_function(
        f"fetch('api/project').then((a) => a.json()).then(({{n_labeled}}) => n_labeled === {n})"
    )
    assert project(page)["n_defective"] == n_rejected + 1


def test_of_several_labels_taken_back_at_once_it_says_how_many(open_page):
    page = open_page()
    call_three_good_in_the_grid(page)
    playwright.expect(page.locator("#said")).to_have_text("Saved: good, 3 images")
    page.keyboard.press("Control+z")
    playwright.expect(page.locator(".notice p")).to_have_text("3 labels taken back.")
    playwright.expect(page.locator("#said")).to_have_text("Saved: 3 labels taken back")
    assert project(page)["n_labeled"] == 0


def test_the_list_has_the_highest_score_first(open_page):
    page = open_page()
    page.select_option("#source", "filter:all")
    of_all = page.locator(
        "#entries .entry-why", has_text=re.compile("^Score .*(accepted|rejected)$")
    )
    playwright.expect(of_all).to_have_count(N_GOOD + N_DEFECTIVE)
    scores = of_all.all_inner_texts()
    values = [float(re.search(r"-?[\d.]+", text)[0]) for text in scores]
    assert values == sorted(values, reverse=True)
    assert page.locator("#sort option:checked").inner_text() == "Highest score first"


def test_a_list_that_grows_keeps_the_focus_and_asks_for_what_is_left(open_page):
    page = open_page()
    asked = []

    def answer(route):
        query = parse_qs(urlsplit(route.request.url).query)
        offset, limit = (int(query[name][0]) for name in ("offset", "limit"))
        asked.append((offset, limit))
        like = {"name": "a", "score": 1, "label": "good", "decision": "rejected", "etag": "0"}
        ids = range(1000, 1060)[offset : offset + limit]
        route.fulfill(json={"total": 60, "images": [{"id": i, **like} for i in ids]})

    page.route("**/api/images?*", answer)
    for source, expected in (("all", (50, 50)), ("wrong", (49, 50)), ("disagreed", (0, 100))):
        page.select_option("#source", f"filter:{source}")
        playwright.expect(page.locator("#entries li")).to_have_count(50)
        with_module(page, "labeling.js", "(m) => m.takeOver(1000, { value: 'defective' })")
        page.locator("#entries button").nth(2).focus()
        with_module(page, "queue_pane.js", "({ more }) => more()")
        playwright.expect(page.locator("#entries li")).to_have_count(60)
        assert asked[-1] == expected
        assert page.locator("#entries button:focus").get_attribute("data-index") == "2"


def test_it_learns_in_the_background_and_waits_to_be_looked_at(open_page):
    page = open_page()
    label_truly(page, 20)
    page.wait_for_selector(".notice:has-text('It has learned')", timeout=TEACHING_MS)
    assert not page.query_selector("dialog[open]")
    assert project(page)["bundle"]["version"] == 1
    page.click(".notice button:has-text('See what it learned')")
    page.wait_for_selector("#dialog-proposal:has-text('20 labels')")


def test_what_was_taught_while_somebody_read_is_shown_before_it_is_answered(open_page):
    page = open_page()
    label_truly(page, 8)
    page.keyboard.press("t")
    accept = "#dialog-proposal button:enabled:has-text('Accept')"
    page.wait_for_selector("#dialog-proposal:has-text('8 labels')", timeout=TEACHING_MS)
    page.wait_for_selector(accept, timeout=TEACHING_MS)
    page.evaluate(
        """async () => {
            const module = (name) => import(new URL(name, document.querySelector("script[src]").src));
            const { getImage, getImages, putLabel, teach } = await module("api.js");
            const { refreshProject } = await module("teaching.js");
            const { images } = await getImages({ sort: "name", limit: 50 });
            for (const { id, name } of images.filter(({ label }) => !label).slice(0, 3)) {
                const value = name.startsWith("good") ? "good" : "defective";
                await putLabel(id, { value, client_id: `other-${id}` }, (await getImage(id)).etag);
            }
            await teach(); // all this at another window
            await refreshProject();
        }"""
    )
    page.wait_for_selector("#dialog-proposal:has-text('11 labels')", timeout=TEACHING_MS)
    page.click(accept)
    page.wait_for_selector("#dialog-proposal", state="detached")
    assert project(page)["bundle"]["version"] == 3


def test_a_proposal_that_was_closed_before_it_was_there_stays_closed(open_page):
    page = open_page()
    late = []
    page.route("**/api/proposal", lambda route: late.append(route))
    with_module(page, "proposal.js", "({ openProposal }) => void openProposal()")
    page.wait_for_selector("#dialog-proposal")
    page.keyboard.press("Escape")
    page.wait_for_selector("#dialog-proposal", state="detached")
    while not late:
        page.wait_for_timeout(20)
    with page.expect_event("requestfinished"):
        late[0].fulfill(json={"version": 2, "is_ready": True, "flips": [], "n_labels": 8})
    for job in ("{ done: 1, total: 2 }", "null"):
        told = f"{{ ...state.project, job: {job}, proposal: true }}"
        with_module(page, "state.js", f"({{ setProject, state }}) => setProject({told})")
    assert not page.locator("#dialog-proposal").count()


@pytest.mark.thorough
def test_a_notice_takes_the_place_of_the_one_before_and_goes_once_it_was_followed(open_page):
    page = open_page()
    with page.expect_response("**/api/teach"):
        label_truly(page, 20)
    # where an answer is lost on the way, it asks again at once
    with page.expect_event("requestfailed"):
        page.route("**/api/project", lambda route: route.abort(), times=1)
    page.wait_for_event("request", lambda request: "/api/project" in request.url, timeout=10_000)
    page.wait_for_selector(".notice:has-text('It has learned')", timeout=TEACHING_MS)
    page.evaluate(
        """async () => {
            const home = document.querySelector("script[src]").src;
            const { notify } = await import(new URL("announce.js", home));
            notify("and again", { kind: "learned", action: { label: "see", run() {} } });
            notify("another thing", { action: { label: "see", run() {} } });
        }"""
    )
    assert page.locator(".notice p").all_inner_texts() == ["and again", "another thing"]
    page.keyboard.press("t")
    page.wait_for_selector("#dialog-proposal:has-text('20 labels')")
    assert page.locator(".notice p").all_inner_texts() == ["another thing"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_notice_covers_no_decision(open_page, size):
    page = open_page(size)
    page.evaluate(
        """async () => {
            const home = document.querySelector("script[src]").src;
            const { notify } = await import(new URL("announce.js", home));
            notify("something waits", { action: { label: "see what it is", run() {} } });
        }"""
    )
    for decisions in ("#decisions", ".grid-decisions"):
        below = page.locator(decisions).bounding_box()
        notice = page.locator(".notice").bounding_box()
        assert notice["y"] + notice["height"] <= below["y"]
        page.keyboard.press("v")


def project(page) -> dict:
    return page.request.get(f"{origin(page)}/api/project").json()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [pytest.param("Keep", "good", marks=pytest.mark.thorough), ("Use mine", "defective")],
)
def test_of_two_people_none_overwrites_the_other_unseen(open_page, choice, expected):
    one, other = open_page(), open_page()
    image_id = wait_for_photo(one)
    assert wait_for_photo(other) == image_id
    press(one, "g")
    wait_until_saved(one, image_id, "good")
    press(other, "d")
    dialog = other.wait_for_selector("#dialog-conflict")
    assert "good: ann" in dialog.inner_text()
    assert facts(other, image_id)["label"]["value"] == "good"
    on_the_way = []
    other.route("**/label", lambda request: on_the_way.append(request))
    other.click(f"#dialog-conflict button:has-text('{choice}')")
    if choice == "Use mine":
        while not on_the_way:
            other.wait_for_timeout(20)
        mark = other.locator(f"#entries [data-id='{image_id}'] .mark")
        assert mark.get_attribute("data-saving") == "saving"
        on_the_way[0].continue_()
    wait_until_saved(other, image_id, expected)


def test_labels_of_a_lost_connection_are_sent_later(open_page):
    page = open_page()
    wait_for_photo(page)
    page.wait_for_load_state("networkidle")  # the next three photos are there
    page.context.set_offline(True)
    labeled = [press(page, "g"), press(page, "d")]
    page.wait_for_selector("#connection:has-text('2 labels')")
    assert all(
        page.locator(f"#entries [data-id='{i}'] [data-saving='waiting']").count() for i in labeled
    )
    page.context.set_offline(False)
    wait_until_saved(page, labeled[0], "good")
    wait_until_saved(page, labeled[1], "defective")
    page.wait_for_selector("#connection", state="hidden")


def test_a_photo_that_a_lost_connection_held_back_is_shown_once_it_is_there(open_page):
    page = open_page()
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    for _ in range(4):  # beyond the next three
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("#stage-empty:has-text('no connection')")
    page.context.set_offline(False)
    wait_until_saved(page, press(page, "d"), "defective")


def test_an_answer_older_than_a_label_does_not_take_it_back(open_page):
    page = open_page()
    page.wait_for_load_state("networkidle")
    labeled = int(page.locator("#entries li").nth(4).get_attribute("data-id"))
    late = []
    page.route(f"**/images/{labeled}", lambda route: late.append((route, route.fetch())), times=1)
    press(page, "ArrowRight")  # its facts are asked for ahead
    page.keyboard.press("v")
    page.locator(".tile").nth(4).click()
    page.keyboard.press("g")
    wait_until_saved(page, labeled, "good")
    [(route, answer)] = late
    with page.expect_event("requestfinished", lambda request: request.url == answer.url):
        route.fulfill(response=answer)
    page.keyboard.press("d")
    wait_until_saved(page, labeled, "defective")


def test_labels_of_a_lost_connection_outlive_the_page(open_page):
    page = open_page()
    page.wait_for_load_state("networkidle")
    home = origin(page)
    page.context.set_offline(True)
    image_id = press(page, "d")
    page.wait_for_selector("#connection:has-text('1 label')")
    page.goto("about:blank")
    page.context.set_offline(False)
    page.route("**/label", lambda route: route.fulfill(status=503))
    page.goto(home)
    page.wait_for_selector(
        f"#entries [data-id='{image_id}'] .mark[data-label='defective'][data-saving='waiting']"
    )
    page.request.put(  # by somebody else, meanwhile
        f"{home}/api/images/{image_id}/label",
        data={"value": "good"},
        headers={"Origin": home, "X-Defectory": "1", "If-Match": "0"},
    )
    page.select_option("#source", "filter:all")
    wait_for_photo(page)
    page.unroute("**/label")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.click("#dialog-conflict button:has-text('Use mine')")
    wait_until_saved(page, image_id, "defective")
    values = [entry["value"] for entry in facts(page, image_id)["history"]]
    assert values == ["good", "defective"]


def test_a_review_made_anew_in_its_folder_has_none_of_the_one_before(
    created, processes, chromium, tmp_path
):
    """It has the same address and numbers, but other pictures, and no label that waited for the other one."""
    from defectory.workflows.reviewing.project import ReviewProject

    folder, context = tmp_path / "photos.review", chromium.new_context(locale="en-US")
    page = context.new_page()
    shutil.copytree(created, folder)
    with served(processes, folder, tmp_path / "said") as link:
        page.goto(link)
        page.wait_for_load_state("networkidle")
        home, before = origin(page), shown(page, 1)
        context.set_offline(True)
        labeled = press(page, "d")
        page.wait_for_selector("#connection:has-text('1 label')")

    shutil.rmtree(folder)
    for i in range(N_GOOD + N_DEFECTIVE):
        save(tmp_path / "others" / f"{i}.png", np.full((SIZE_PX, SIZE_PX, 3), 5 * i, np.uint8))
    ReviewProject.create(folder, created.parent / "parts.defectory", tmp_path / "others").close()
    with served(processes, folder, tmp_path / "said again") as link:
        with page.expect_event("load"):  # the old tab begins anew by itself
            context.set_offline(False)
            another = context.new_page()
            another.goto(link)
        page.wait_for_load_state("networkidle")
        assert origin(another) == home
        assert shown(another, 1) != before
        assert facts(another, labeled)["label"] is None
    context.close()


def shown(page, image_id: int) -> list[int]:
    """Return pixels of an image's preview as the page gets it."""
    return page.evaluate(
        """async (id) => {
            const { getProject, getPreview } = await import("./static/api.js");
            await getProject();
            const picture = await createImageBitmap(await getPreview(id, 256));
            const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
            context.drawImage(picture, 0, 0);
            return [...context.getImageData(20, 20, 40, 40).data];
        }""",
        image_id,
    )


def test_all_of_it_by_keyboard(open_page):
    page = open_page()
    call_three_good_in_the_grid(page)
    saved = page.locator(".tile .mark[data-label='good'][data-saving='saved']")
    playwright.expect(saved).to_have_count(3)
    assert project(page)["n_good"] == 3
    page.keyboard.press("v")
    page.keyboard.press("?")
    page.wait_for_selector("#dialog-help")
    page.keyboard.press("Escape")
    page.wait_for_selector("#dialog-help", state="detached")
    page.keyboard.press("f")
    page.keyboard.type("scratch-03")
    page.wait_for_selector("#facts h2:has-text('scratch-03')")
    page.keyboard.press("Enter")
    image_id = wait_for_photo(page)
    page.keyboard.press("d")
    wait_until_saved(page, image_id, "defective")
    page.wait_for_selector("#teach:enabled")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(({id, dataset}) => id || dataset.tool || dataset.decision)(document.activeElement)"
            )
        )
    assert reached >= {"teach", "open-threshold", "open-history", "source", "search"}
    assert reached >= {"brush", "good", "new-type"}


@pytest.mark.thorough
def test_an_estimate_from_an_image_or_two_is_not_shown(open_page):
    page = open_page()

    def answer_with(defective, rejected):
        def answer(route):
            project = route.fetch().json()
            named = {"defect_ratio": defective, "precision": rejected, "recall": None}
            shares = {
                k: v and dict(zip(("value", "lower", "upper"), v, strict=True))
                for k, v in named.items()
            }
            route.fulfill(json={**project, "running": {**shares, "n_random": 5}})

        page.unroute_all()
        page.route("**/api/project", answer)
        page.reload()
        wait_for_photo(page)
        return page.locator("#estimate")

    known, rough = (0.1, 0.02, 0.4), (0.0, 0.0, 0.98)
    playwright.expect(answer_with(known, rough)).to_have_text("Defective 10 % (2–40 %)")
    playwright.expect(answer_with(rough, rough)).to_contain_text("No estimate yet")


def test_names_of_a_folder_show_what_tells_them_apart(open_page):
    page = open_page()

    def answer(route):
        told = route.fetch().json()
        for image in told["images"]:
            image["name"] = f"late shift of the second week/{image['name']}"
        route.fulfill(json=told)

    page.route("**/api/images?*", answer)
    page.select_option("#source", "filter:all")
    heading = page.locator("#facts header")
    playwright.expect(heading.locator(".folder")).to_have_text("late shift of the second week/")
    assert "/" not in heading.locator("h2").inner_text()
    page.keyboard.press("v")
    tile = page.locator(".tile-name").first
    playwright.expect(tile).to_have_text(re.compile(r"^[\d.]+ +\S+\.pnglate shift"))
    assert re.fullmatch(r"late shift of the second week/\S+\.png", tile.get_attribute("title"))
    assert tile.evaluate("(name) => name.scrollWidth <= name.clientWidth")


def test_alike_images_that_nobody_confirmed_are_not_called_good(open_page):
    page = open_page()
    rows = page.locator("#facts .alike")
    playwright.expect(rows.locator("h4")).to_have_text(
        ["Good ones", "Low scores, nobody confirmed them", "Confirmed defects"]
    )
    playwright.expect(rows.nth(0)).to_contain_text("None known yet.")
    page.keyboard.press("c")
    caption = page.locator("#dialog-comparison figcaption").nth(1)
    playwright.expect(caption).to_have_text("Low score, nobody confirmed it (1 of 3)")


@pytest.mark.thorough
def test_parts_a_day_are_counted_among_good_and_defective_ones(open_page):
    page = open_page()

    def answer_project(route):
        share = {"value": 0.2, "lower": 0.1, "upper": 0.3}
        running = {"n_random": 30, "defect_ratio": share, "recall": None, "precision": None}
        route.fulfill(json={**route.fetch().json(), "running": running})

    def answer_thresholds(route):
        told = route.fetch().json()
        recall = {"value": 0.9, "lower": 0.5, "upper": 0.98}
        options = [
            option | {"recall": recall}
            for option in told["options"]
            if option["false_reject_rate"] == 0.01
        ]
        route.fulfill(json=told | {"options": options})

    page.route("**/api/project", answer_project)
    page.route("**/api/thresholds", answer_thresholds)
    page.reload()
    wait_for_photo(page)
    page.click("#open-threshold")
    page.fill("#parts", "1000")
    cells = page.locator("#dialog-thresholds tbody td")
    playwright.expect(cells.nth(3)).to_have_text("8")  # of 800 good ones
    playwright.expect(cells.nth(4)).to_have_text("20 (4 to 100)")  # of 200 defective ones


def test_only_a_promised_rate_is_told_as_one(open_page):
    page = open_page()

    def told(basis, threshold=1.0, **facts):
        def answer(route):
            project = route.fetch().json()
            project["bundle"]["promised"] |= {"basis": basis, **facts}
            project["bundle"]["threshold"] = threshold
            route.fulfill(json=project)

        page.unroute_all()
        page.route("**/api/project", answer)
        page.reload()
        wait_for_photo(page)
        page.click("#facts .promise summary")
        return page.locator("#facts")

    def says(facts, *words):
        for word in words:
            playwright.expect(facts).to_contain_text(word)
        assert not re.search(r"[{}]|NaN|undefined", facts.inner_text())

    assert project(page)["bundle"]["promised"]["basis"] == "short"
    page.click("#facts .promise summary")
    says(
        page.locator("#facts"),
        "too few are known to promise it",
        "283 good images are needed beside the 16 images there are",
    )
    estimate = {"interval": [1.25, 3.5], "n_missing": 7, "n_confirmed": 9}
    says(told("promised"), "reject at most 1 % of good parts.", "fitted on 16 images")
    says(
        told("estimated", **estimate, n_groups=4),
        "reject about 1 % of good parts, estimated",
        "16 images in 4 groups (9 confirmed good). Thresholds from 1.25 to 3.50 are as plausible",
        "needs 7 groups of good images more",
    )
    says(told("estimated", **estimate | {"n_missing": 0}), "is to be had under Threshold")
    says(told("estimated", **estimate, is_of_few=True), "of only 16 images")
    says(told("none", threshold=None, n_missing=299), "A promise needs 299 good images")
    # it is infinite, so that nothing is above it
    assert "threshold of" not in page.locator("#facts").inner_text()
    with_module(page, "teaching.js", "({ refreshProject }) => refreshProject()")
    page.wait_for_selector("#facts .promise[open] summary:focus")  # as it was


def test_a_phone_shows_all_and_is_tapped(open_page):
    page = open_page(PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    small = page.evaluate(
        "[...document.querySelectorAll('button, select, input')].filter((e) => e.offsetParent"
        " && (e.offsetHeight < 44 || e.offsetWidth < 44)).map((e) => e.outerHTML)"
    )
    assert not small
    image_id = wait_for_photo(page)
    page.tap("#decisions [data-decision='defective']")
    wait_until_saved(page, image_id, "defective")


def test_the_page_speaks_german(open_page):
    page = open_page(locale="de-DE")
    assert (
        page.locator("#decisions [data-decision='defective']").inner_text().startswith("Fehlerhaft")
    )
    words = json.loads((PAGE / "texts/de.json").read_text())["why_asked"]
    why = page.locator("#facts section:has-text('gefragt werden') p.soft")
    assert why.inner_text() in words.values()
    page.click("#open-history")
    page.wait_for_selector("#dialog-history li:has-text('mit dem die Prüfung begann')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#dialog-history", state="detached")
    size = "localStorage.getItem('defectory.brush')"
    page.keyboard.press("[")
    before = int(page.evaluate(size))
    page.evaluate(  # as AltGr and 9 are told on Windows
        "document.body.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: ']', ctrlKey: true, altKey: true, bubbles: true }))"
    )
    assert int(page.evaluate(size)) == before + 1
    page.click("#language")
    page.wait_for_selector("html[lang=en]")
    assert (
        page.locator("#decisions [data-decision='defective']").inner_text().startswith("Defective")
    )


@pytest.mark.parametrize(
    ("size", "scheme"),
    [pytest.param(DESKTOP, "dark", marks=pytest.mark.thorough), (PHONE, "light")],
)
def test_axe_finds_nothing(open_page, scheme, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = open_page(size, color_scheme=scheme)

    def check(what):
        found = axe.run(page).response["violations"]
        assert not found, (what, [(rule["id"], rule["nodes"][0]["html"]) for rule in found])

    press(page, "d")
    check("photo")
    for opener in (
        "#open-help", "#open-threshold", "#open-check", "#open-history", "#open-people", ".thumb",
    ):  # fmt: skip
        page.locator(opener).first.click()
        page.wait_for_selector("dialog[open]")
        page.wait_for_load_state("networkidle")
        check(opener)
        page.keyboard.press("Escape")
    page.keyboard.press("v")
    page.wait_for_selector(".tile")
    if size == DESKTOP:
        page.hover("#view-grid")  # the pointer rests where it was pressed
    check("grid")
