"""Passages, lists, targets and cameras in a real browser: search, corrections, hits as they come, zones, roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from storekit import row
from webkit import PASSWORD, axe, browser, looking, until

from streamer.config.models import load_config
from streamer.config.web import WebConfig
from streamer.notify.sample import sample
from streamer.serve.web.access.accounts import add_user
from streamer.serve.web.context import Site
from streamer.serve.web.server import PageServer
from streamer.sink.events import PassageFinal
from streamer.store.database import open_database
from streamer.store.outbox import StoreBox
from streamer.store.sink import StoreSink
from streamer.types import Posterior, WatchMatch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SLOTS: Posterior = (
    (("A", 0.99), ("4", 0.01)), (("B", 0.6), ("8", 0.4)), (("1", 1.0),), (("2", 1.0),), (("3", 1.0),), (("", 1.0),),
)  # fmt: skip
LISTED = WatchMatch("stolen", "watch", "AB123", "exact", name="Kim", why="reads AB123")


@dataclass
class Served:
    """The page of a store that a run writes to, with a configuration."""

    url: str
    folder: Path
    sink: StoreSink
    event: str


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def written(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StoreSink]]:
    """60 passages of two cameras with pictures, a list, a target, and the configuration that names them."""
    folder = tmp_path_factory.mktemp("page")
    picture = np.full((360, 640, 3), 90, np.uint8)
    cv2.rectangle(picture, (300, 200), (400, 225), (230, 230, 230), -1)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    store = folder / "plates.db"
    sink = StoreSink(str(store), crops=True, snapshots=True)
    now = datetime.now(UTC)
    for number in range(60):
        at = now - timedelta(hours=1, minutes=60 - number)
        passage = row(
            number, "AB123" if number % 10 == 0 else f"XY{number:03}", camera=("gate", "yard")[number % 2],
            event_id=f"{number:016x}", first_seen=at, last_seen=at, posterior=SLOTS,
            watch=(LISTED,) if number % 10 == 0 else (), snapshot=jpeg if number % 10 == 0 else None,
            crop=picture[180:240, 270:430] if number % 10 == 0 else None,
            box=(300.0, 200.0, 400.0, 225.0),
        )  # fmt: skip
        sink.write(PassageFinal(passage.camera, passage))
    with open_database(store) as database:
        StoreBox(database, "office").open().put([sample()])
    (folder / "stolen.csv").write_text("# by hand\nplate,name\nAB123,Kim\n")
    (folder / "site.yaml").write_text(
        f"# the site\ncameras:\n  gate: {{url: rtsp://x/1}}   # by the road\n  yard: rtsp://x/2\n"
        f"watch:\n  - {{name: stolen, file: {folder}/stolen.csv}}\n"
        f"outputs:\n  - {{type: store, path: {store}, crops: true, snapshots: true}}\n"
        "  - {type: webhook, name: office, url: 'http://127.0.0.1:9/x'}\n"
    )
    yield folder, sink
    sink.close()


def server_of(folder: Path, **more: Any) -> PageServer:
    site = Site(
        config=load_config(folder / "site.yaml"),
        config_path=folder / "site.yaml",
        store=str(folder / "plates.db"),
        files=folder / "plates.db.files",
        **more,
    )
    return PageServer(site)


@pytest.fixture
def served(written: tuple[Path, StoreSink]) -> Iterator[Served]:
    folder, sink = written
    server = server_of(folder, web=WebConfig(at="0"))
    try:
        yield Served(server.url.rstrip("/"), folder, sink, f"{50:016x}")
    finally:
        server.close()


def test_searching_and_going_on(chromium: Any, served: Served) -> None:
    with looking(chromium, served.url) as page:
        page.goto("/passages")
        rows = page.locator("tbody tr:not(.further)")
        assert rows.count() == 50
        page.mouse.wheel(0, 20_000)
        until(page, "document.querySelectorAll('tbody tr:not(.further)').length == 60")
        page.locator("#plate").fill("ab1*")
        page.keyboard.press("Enter")
        until(page, "document.querySelectorAll('tbody tr').length == 6")
        assert "plate=ab1" in page.url
        assert "camera=" not in page.url  # what is empty is no part of the address
        page.reload()
        assert rows.count() == 6
        page.get_by_text("Pictures", exact=True).click()
        page.wait_for_selector(".gallery .tile")
        until(page, "[...document.querySelectorAll('.tile img')].every(one => one.naturalWidth > 0)")
        page.locator("select[name=camera]").select_option("yard")
        page.wait_for_selector(".empty h2")
        assert page.locator(".empty h2").inner_text() == "Nothing was found"
        page.locator("#plate").fill("*")
        page.keyboard.press("Enter")
        page.wait_for_selector(".note.bad")


def test_a_correction_is_found_by_search(chromium: Any, served: Served) -> None:
    with looking(chromium, served.url) as page:
        page.goto(f"/passages/{f'{41:016x}'}")
        button = page.locator(".correct button")
        assert button.inner_text() == "Confirm reading"
        page.locator(".correct input[name=plate]").fill("京a 0041")
        assert button.inner_text() == "Save correction"
        button.click()
        page.wait_for_selector(".note.good")
        assert page.locator("h1 .plate").inner_text() == "京A0041"
        assert "XY041" in page.locator(".history").inner_text()
        page.goto("/passages?plate=京A0041&how=exact")
        assert page.locator("tbody a.plate").all_inner_texts() == ["京A0041"]
        page.goto("/passages?plate=XY041&how=exact")
        assert page.locator(".empty").count() == 1


def test_a_hit_comes_without_loading_the_page_again(chromium: Any, served: Served) -> None:
    with looking(chromium, served.url) as page, looking(chromium, served.url) as other:
        page.goto("/watch")
        other.goto("/passages")
        assert "AB777" not in page.locator("#hits").inner_text()
        page.wait_for_timeout(2500)  # the page has noted where the store stands
        now = datetime.now(UTC)
        passage = row(900, "AB777", event_id="e" * 16, first_seen=now, last_seen=now, watch=(LISTED,))
        served.sink.write(PassageFinal("gate", passage))
        until(page, "document.querySelector('#hits .plate').textContent == 'AB777'")
        other.wait_for_selector(".new a")
        other.locator(".new a").click()
        other.wait_for_selector("tbody a.plate >> text=AB777")


def test_a_list_is_edited(chromium: Any, served: Served) -> None:
    with looking(chromium, served.url) as page:
        page.goto("/watch")
        page.locator(".listed h2 a").click()
        form = page.locator(".entry-form").first
        form.locator("input[name=plate]").fill("m-ab 12*")
        form.locator("input[name=note]").fill("by the browser")
        with page.expect_navigation():
            form.locator("button").click()
        assert page.locator(".note.good").count() == 1
        assert (served.folder / "stolen.csv").read_text() == (
            "# by hand\nplate,name,note\nAB123,Kim\nm-ab 12*,,by the browser\n"
        )
        page.on("dialog", lambda dialog: dialog.accept())
        page.locator(".entry summary").last.click()
        with page.expect_navigation():
            page.locator(".entry[open] button.danger").click()
        assert "m-ab" not in (served.folder / "stolen.csv").read_text()
        page.locator(".test input").fill("AB12E")
        page.locator(".test button").click()
        page.wait_for_selector(".tried")
        assert "not on the list" in page.locator(".tried").inner_text()


def test_a_zone_is_drawn_and_saved(chromium: Any, served: Served) -> None:
    with looking(chromium, served.url) as page:
        page.goto("/fit")
        page.wait_for_selector(".fit-card .badge")
        page.goto("/fit/camera?camera=gate")
        page.wait_for_selector(".plot canvas")
        page.locator("[data-do=zone]").click()
        page.locator("#shapes input").first.fill("lane")
        corner = page.locator("circle.handle:not(.middle)").nth(0)
        box, canvas = corner.bounding_box(), page.locator("#drawing").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(canvas["x"] + canvas["width"] * 0.1, canvas["y"] + canvas["height"] * 0.2, steps=4)
        page.mouse.up()
        page.locator("circle.handle:not(.middle)").nth(1).focus()
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.corner") == "1"
        page.locator("circle.handle.middle").nth(3).dispatch_event(
            "pointerdown", {"pointerId": 1, "clientX": 0, "clientY": 0}
        )
        page.evaluate("window.dispatchEvent(new PointerEvent('pointerup', {pointerId: 1}))")
        assert page.locator("circle.handle:not(.middle)").count() == 5
        page.locator("[data-do=line]").click()
        page.locator(".corner input").nth(1).fill("55.5")
        page.locator("[data-do=save]").click()
        page.wait_for_selector("#toasts .toast")
        text = (served.folder / "site.yaml").read_text()
        assert text.startswith("# the site\n")
        assert "# by the road" in text
        gate = load_config(served.folder / "site.yaml").cameras["gate"]
        first, second = gate.zones["lane"].polygon[:2]
        assert first == (pytest.approx(0.1, abs=0.01), pytest.approx(0.2, abs=0.01))
        assert second == (pytest.approx(0.8), pytest.approx(0.305))
        assert len(gate.zones["lane"].polygon) == 5
        assert gate.lines["line1"].start == (0.2, 0.555)
        page.locator("#shapes summary").first.click()
        page.locator("#shapes input").first.fill("")
        page.locator("[data-do=save]").click()
        page.wait_for_selector("#places-fault:not([hidden])")
        page.locator("#shapes button.danger").click()
        page.locator("[data-do=save]").click()
        until(page, "document.querySelectorAll('#toasts .toast').length == 2")
        assert load_config(served.folder / "site.yaml").cameras["gate"].zones == {}


@pytest.mark.parametrize(("size", "dark"), [("phone", True), ("desktop", False)])
def test_these_pages_leave_nobody_out(chromium: Any, served: Served, size: str, dark: bool) -> None:
    """axe-core finds nothing serious; nothing is wider than the screen."""
    with looking(chromium, served.url, size=size, dark=dark) as page:
        page.goto("/watch")
        listed = page.locator(".listed h2 a").get_attribute("href")
        page.goto("/targets")
        target = page.locator(".target h2 a").get_attribute("href")
        paths = [
            "/passages",
            "/passages?view=gallery&sure=95",
            f"/passages/{served.event}",
            "/watch",
            f"{listed}?plate=AB123",
        ]
        for path in [*paths, "/targets", target, "/fit", "/fit/camera?camera=gate"]:
            page.goto(path)
            page.wait_for_load_state("load")
            assert axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_what_a_role_may_not_do_is_not_offered(chromium: Any, served: Served) -> None:
    with open_database(served.folder / "plates.db") as database:
        add_user(database, "vic", PASSWORD, "viewer")
    server = server_of(served.folder, web=WebConfig(at="0", login="always"), login=True)
    try:
        with looking(chromium, server.url.rstrip("/")) as page:
            page.goto(f"/passages/{served.event}")
            page.locator("input[name=name]").fill("vic")
            page.locator("input[name=password]").fill(PASSWORD)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert page.locator("h1 .plate").count() == 1
            assert page.locator(".correct").count() == 0
            page.goto("/watch")
            page.locator(".listed h2 a").click()
            assert page.locator(".entry-form").count() == 0
            page.goto("/fit/camera?camera=gate")
            assert page.locator("[data-do]").count() == 0
            told = page.evaluate("alpr.post('/api/v1/places', {camera: 'gate', digest: 'x'}).catch(e => e.message)")
            assert told == "That needs the role admin"
    finally:
        server.close()
