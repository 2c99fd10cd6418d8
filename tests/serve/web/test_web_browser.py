"""The page in a real browser, with a real run behind it: two looped cameras of the drawn clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from webkit import PASSWORD, Running, axe, browser, looking, running, until

from streamer.config.web import WebConfig
from streamer.serve.web.access.accounts import add_user
from streamer.serve.web.context import Site
from streamer.serve.web.server import PageServer
from streamer.store.database import open_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PAGES = ("live", "system", "system/configuration", "system/plots", "system/log", "access")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def run(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("run")) as one:
        one.wait_for(lambda: httpx.get(one.url + "/api/v1/rows", trust_env=False).json().get("items"))
        yield one


def test_pictures_and_rows_come_by_themselves(chromium: Any, run: Running) -> None:
    with looking(chromium, run.url) as page:
        page.goto("/")
        assert page.url.endswith("/live")
        assert page.locator(".camera").count() == 2
        until(page, "document.querySelectorAll('.view img:not([hidden])').length == 2")
        first = page.locator(".view img").first.get_attribute("src")
        until(page, "src => document.querySelector('.view img').src != src", first)
        assert page.locator("#rows .row").count() > 0
        newest = page.locator("#rows .row").first.get_attribute("data-event")
        until(page, "id => document.querySelector('#rows .row').dataset.event != id", newest)
        ids = page.locator("#rows .row").evaluate_all("rows => rows.map(one => one.dataset.event)")
        assert len(ids) == len(set(ids))  # a row that changed takes the place of the one before
        until(page, "[...document.querySelectorAll('#rows .row img')].some(one => one.naturalWidth > 0)")
        page.wait_for_selector(".state .badge.good")
        assert "UTC" not in page.locator("#rows time").first.inner_text()  # in the reader's zone


def test_a_camera_is_enlarged_by_the_keyboard(chromium: Any, run: Running) -> None:
    with looking(chromium, run.url) as page:
        page.goto("/live")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "enlarge"
        before = page.locator(".view").first.bounding_box()["width"]
        page.keyboard.press("Enter")
        assert page.locator(".view").first.bounding_box()["width"] > before
        assert page.locator(".enlarge").first.get_attribute("aria-pressed") == "true"


def test_plots_checks_and_log(chromium: Any, run: Running) -> None:
    with looking(chromium, run.url) as page:
        page.goto("/system")
        page.wait_for_selector("#checks .badge")
        assert "plate-detector-s" in page.locator("main").inner_text()
        page.goto("/system/plots")
        page.wait_for_selector(".plot canvas", timeout=60_000)
        page.goto("/system/log")
        assert "connected" in page.locator("#log").inner_text()
        page.goto("/system/configuration")
        assert "rejoin_s" in page.locator("pre").inner_text()


@pytest.mark.parametrize(("size", "dark"), [("phone", True), ("tablet", False), ("desktop", False)])
def test_nobody_is_left_out(chromium: Any, run: Running, size: str, dark: bool) -> None:
    """axe-core finds nothing serious; nothing is wider than the screen."""
    with looking(chromium, run.url, size=size, dark=dark) as page:
        for path in PAGES:
            page.goto(f"/{path}")
            page.wait_for_load_state("load")
            assert axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_language_and_colours_are_kept(chromium: Any, run: Running) -> None:
    with looking(chromium, run.url) as page:
        page.goto("/live")
        page.locator("details.me summary").click()
        page.locator("select[name=lang]").select_option("zh")
        page.wait_for_selector("html[lang=zh-Hans]")
        page.locator("details.me summary").click()
        page.locator("select[name=theme]").select_option("dark")
        page.wait_for_selector("html[data-theme=dark]")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(12, 16, 23)"
        page.goto("/system")
        assert page.locator("h1").inner_text() == "系统"


def test_login_roles_and_logout(chromium: Any, tmp_path: Path) -> None:
    store = tmp_path / "plates.db"
    with open_database(store, create=True) as database:
        add_user(database, "ann", PASSWORD, "admin")
        add_user(database, "vic", PASSWORD, "viewer")
    server = PageServer(Site(WebConfig(at="0", login="always"), login=True, store=str(store)))
    try:
        with looking(chromium, server.url) as page:

            def enter(name: str, password: str = PASSWORD) -> None:
                page.locator("input[name=name]").fill(name)
                page.locator("input[name=password]").fill(password)
                with page.expect_navigation():
                    page.keyboard.press("Enter")

            page.goto("/access")
            assert "/login" in page.url
            assert axe(page) == []
            enter("vic", "not the password")
            assert page.locator(".note.bad").inner_text() == "Name or password is wrong"
            enter("vic")
            page.wait_for_url("**/access")
            assert page.locator(".side li").all_inner_texts() == ["Live", "Access"] or "System" not in page.content()
            page.goto("/system")
            assert "needs the role operator" in page.locator("h1").inner_text()
            page.locator("details.me summary").click()
            page.get_by_role("button", name="Log out").click()
            page.wait_for_url("**/login")
            page.goto("/live")
            assert "/login" in page.url
            enter("ann")
            page.goto("/access")
            assert axe(page) == []
            page.get_by_text("New user").first.click()
            form = page.locator("form[action$='/access/users']")
            form.locator("input[name=name]").fill("otto")
            form.locator("input[name=password]").fill("another good password")
            form.locator("button").click()
            page.wait_for_selector(".note.good")
            assert "otto" in page.locator(".users").inner_text()
            page.get_by_text("New token").first.click()
            form = page.locator("form[action$='/access/tokens']")
            form.locator("input[name=name]").fill("reports")
            form.locator("button").click()
            token = page.locator(".secret").inner_text()
        head = {"authorization": f"Bearer {token}"}
        answer = httpx.get(server.url + "api/v1/me", headers=head, trust_env=False, timeout=30)
        assert answer.json()["how"] == "token"
    finally:
        server.close()
