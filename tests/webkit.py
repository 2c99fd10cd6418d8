"""The page for tests: the app of a store, a real run behind it, and a browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from streamer.config.models import RunConfig
from streamer.config.web import WebConfig
from streamer.serve.web.access.accounts import add_user
from streamer.serve.web.app import make_app
from streamer.serve.web.context import Site
from streamer.store.database import open_database

CLIP = Path(__file__).parent / "clips" / "demo.mp4"
PASSWORD = "correct horse battery"
CHROMIUM = next(
    (p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if os.path.exists(p)), None
)
# Chromium draws on the processor here; without a sandbox, as tests run as root in containers.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"]


def served(
    store: str | Path | None = None,
    *,
    users: Mapping[str, str] | None = None,
    config: RunConfig | None = None,
    web: WebConfig | None = None,
    **more: Any,
) -> TestClient:
    """A client of the page of a store, `http://localhost`. `users`: role by name, all with PASSWORD; then a login is
    needed. `client.site` is the Site."""
    site = Site(web or WebConfig(at="8080"), config=config, store=None if store is None else str(store), **more)
    if users is not None:
        assert store is not None
        with open_database(str(store), create=True) as database:
            for name, role in users.items():
                add_user(database, name, PASSWORD, role)  # type: ignore[arg-type]
        site.login = True
    client = TestClient(
        make_app(site), base_url="http://localhost", raise_server_exceptions=False, follow_redirects=False
    )
    client.site = site  # type: ignore[attr-defined]
    return client


def csrf(client: TestClient | httpx.Client, path: str = "/live") -> str:
    """The token that forms of the page carry."""
    found = re.search(r"X-CSRF-Token&#34;: &#34;([0-9a-f]+)|X-CSRF-Token\": \"([0-9a-f]+)", client.get(path).text)
    assert found is not None
    return found.group(1) or found.group(2)


def as_user(client: TestClient | httpx.Client, name: str, password: str = PASSWORD) -> Any:
    """Logs in; the answer to the login."""
    form = {"name": name, "password": password, "csrf_token": csrf(client, "/login")}
    return client.post("/login", data=form)


@dataclass
class Running:
    """A run with the page, in a process of its own."""

    url: str
    store: Path
    log: Path
    process: subprocess.Popen[bytes]

    def wait_for(self, check: Callable[[], Any], seconds: float = 240.0) -> Any:
        """What `check` returns once that is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(self.log.read_text())
            try:
                if found := check():
                    return found
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds:.0f} s: {self.log.read_text()[-2000:]}")


@contextmanager
def running(folder: Path, *arguments: str, config: str = "") -> Iterator[Running]:
    """`alpr run` with two looped cameras of the drawn clip, a store with pictures, and the page."""
    settings, store, log = folder / "site.yaml", folder / "plates.db", folder / "run.log"
    settings.write_text(
        f"cameras:\n  gate: {{url: {CLIP}, loop: true}}\n  yard: {{url: {CLIP}, loop: true}}\n"
        f"cadence: auto\nthreads: 1\nvote: {{rejoin_s: 2}}\n"
        f"outputs:\n  - {{type: store, path: {store}, crops: true, snapshots: true, provisional: true}}\n{config}",
        encoding="utf-8",
    )
    port = free_port()
    command = [sys.executable, "-m", "streamer.cli", "run", "--config", str(settings), "--web", str(port), *arguments]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
    one = Running(f"http://localhost:{port}", store, log, process)
    try:
        one.wait_for(lambda: httpx.get(one.url + "/healthz", trust_env=False).status_code == 200)
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("the run did not end within 120 s of SIGTERM") from None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium by Playwright; the test is skipped where either is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra test)")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with api.sync_playwright() as play:
        one = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield one
        finally:
            one.close()


SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1280, 800)}


@contextmanager
def looking(
    browser: Any, url: str, *, size: str = "desktop", dark: bool = False, language: str = "en"
) -> Iterator[Any]:
    """A page of a fresh browser profile; fails where the page had an error or broke its own policy (CSP)."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale=language,
        base_url=url,
        device_scale_factor=1,
        reduced_motion="reduce",  # a part that fades in has too little contrast for a moment
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    try:
        yield page
        assert faults == []
    finally:
        context.close()


def until(page: Any, expression: str, argument: Any = None, seconds: float = 90.0) -> None:
    """Waits until a script's value is true (Playwright's own waiting needs eval, which the page's policy forbids)."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, expression
        time.sleep(0.1)


def _is_fault(said: Any) -> bool:
    return said.type == "error" and "Failed to load resource" not in said.text


AXE = Path(__file__).parent / "assets" / "axe.min.js"


def axe(page: Any) -> list[str]:
    """Serious findings of axe-core on the page as it is; skipped where it is missing."""
    if not AXE.exists():
        pytest.skip(f"{AXE.name} is missing: make page-assets")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
