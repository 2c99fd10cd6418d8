"""The live page: pictures, rows as they come, the cameras' state, and listeners that read slowly."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import insert, update
from starlette.testclient import TestClient
from storekit import row
from webkit import as_user, served

from streamer.pipeline.status import Streams
from streamer.serve.web.access.accounts import add_user
from streamer.serve.web.background import _once
from streamer.serve.web.live.feed import Listener, NewsFeed
from streamer.serve.web.live.pictures import Pictures
from streamer.serve.web.live.recent import MOST, PageSink, Row
from streamer.serve.web.live.store_news import StoreNews
from streamer.serve.web.live.stream import json_events, message, page_events
from streamer.serve.web.page import Page, percent
from streamer.serve.web.roles import LOCAL, User
from streamer.sink.events import (
    HealthChanged,
    PassageFinal,
    PassageProvisional,
    PassageWithdrawn,
    StreamOpened,
    TrackView,
    WatchHit,
)
from streamer.source.health import Health
from streamer.source.source import StreamInfo
from streamer.store.database import open_database
from streamer.store.schema import hits, runs
from streamer.store.sink import StoreSink
from streamer.types import Frame, RunSummary, WatchMatch

CROP = np.full((20, 80, 3), 90, np.uint8)


def frame(shade: int = 40) -> Frame:
    return Frame(0, 0.0, 1280, 720, bgr=np.full((720, 1280, 3), shade, np.uint8))


def view(text: str = "AB123") -> TrackView:
    box = np.array([400.0, 300.0, 640.0, 360.0])
    quad = np.array([[400.0, 300.0], [640.0, 300.0], [640.0, 360.0], [400.0, 360.0]])
    return TrackView(1, box, quad, text, 0.98)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


# Pictures


def test_pictures_are_made_only_while_somebody_looks() -> None:
    clock = Clock()
    pictures = Pictures(clock)
    assert not pictures.wants("gate")
    assert pictures.shot("gate") is None  # who asks looks
    assert pictures.wants("gate")
    pictures.put("gate", frame(), [view()])
    assert pictures.encoded == 0
    first = pictures.shot("gate")
    assert first is not None
    assert (first.width, first.height) == (1280, 720)
    picture = cv2.imdecode(np.frombuffer(first.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (540, 960, 3)
    assert int(picture[235:255, 300:480, 1].max()) > 120  # the green of the track
    clock.now += 10
    assert not pictures.wants("gate")
    assert pictures._newest == {}  # nothing of the camera is held


def test_pictures_are_encoded_once_for_all_and_at_a_bounded_rate() -> None:
    clock = Clock()
    pictures = Pictures(clock)
    pictures.ask("gate")
    pictures.put("gate", frame(), [])
    tags = {pictures.shot("gate").tag for _ in range(20)}  # type: ignore[union-attr]
    assert (len(tags), pictures.encoded) == (1, 1)
    for _ in range(10):  # frames of a tenth of a second
        clock.now += 0.01
        pictures.put("gate", frame(), [])
        pictures.shot("gate")
    assert pictures.encoded == 1
    clock.now += 0.2
    assert pictures.shot("gate").tag not in tags  # type: ignore[union-attr]
    assert pictures.encoded == 2


# Rows


def test_rows_of_a_run_and_what_becomes_of_them() -> None:
    feed = NewsFeed()
    sink = PageSink(feed)
    sink.write(PassageProvisional("gate", row(1, "AB12", crop=CROP), 1))
    sink.write(PassageProvisional("gate", row(2, "XY9"), 1))
    assert [(one.plate, one.status) for one in sink.rows()] == [("XY9", "provisional"), ("AB12", "provisional")]
    sink.write(PassageFinal("gate", row(1, "AB123")))
    sink.write(PassageWithdrawn("gate", row(2, "XY9"), 2))
    (only,) = sink.rows()
    assert (only.plate, only.status, only.crop) == ("AB123", "final", True)  # the crop of before is kept
    assert sink.crop(only.event_id) is not None
    joined = row(3, "AB123", parts=(only.event_id, f"{3:016x}"))
    sink.write(PassageFinal("gate", joined))
    assert [one.event_id for one in sink.rows()] == [joined.event_id]
    for k in range(4, 4 + 2 * MOST):
        sink.write(PassageFinal("gate", row(k)))
    assert len(sink.rows()) == MOST


def test_hits_mark_rows() -> None:
    sink = PageSink(NewsFeed())
    match = WatchMatch("stolen", "watch", "AB123", "exact")
    sink.write(WatchHit("gate", match, row(1, "AB123"), "provisional"))
    sink.write(PassageFinal("gate", row(1, "AB123")))
    assert sink.rows()[0].lists == ("stolen",)
    sink.write(WatchHit("gate", match, row(1, "AB123"), "withdrawn", 2))
    assert sink.rows()[0].lists == ()
    sink.write(HealthChanged("gate", False, "no answer"))


def test_the_sink_of_the_page_is_no_output() -> None:
    from streamer.pipeline.fanout import Outputs

    class Broken(PageSink):
        onlooker = False

        def write(self, event: object) -> None:
            raise OSError("disk full")

    outputs = Outputs([Broken(NewsFeed()), PageSink(NewsFeed())])
    outputs.put(PassageFinal("gate", row(1)))
    outputs.close()
    assert outputs.all_failed


# Listeners


def test_a_slow_listener_misses_the_oldest_and_delays_nobody() -> None:
    async def listen() -> tuple[list[int], int]:
        feed = NewsFeed()
        slow, fast = feed.listen(), feed.listen()
        assert slow is not None
        assert fast is not None
        worker = threading.Thread(target=lambda: [feed.publish("x", "gate", k) for k in range(500)])
        worker.start()
        heard: list[int] = []
        while len(heard) < 500 - fast.missed and (one := await fast.next(5)) is not None:
            heard.append(one.payload)
        worker.join()
        rest = [one.payload for _ in range(200) if (one := await slow.next(1)) is not None]
        feed.close()
        assert slow.closed
        assert await slow.next(5) is None
        assert feed.listen() is None
        return rest, slow.missed

    rest, missed = asyncio.run(listen())
    assert rest == list(range(300, 500))
    assert missed == 300


def test_there_is_a_limit_of_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.serve.web.live.feed.MOST_LISTENERS", 2)

    async def listen() -> list[Listener | None]:
        feed = NewsFeed()
        found = [feed.listen() for _ in range(3)]
        assert found[0] is not None
        feed.leave(found[0])
        return [*found, feed.listen()]

    first, second, third, fourth = asyncio.run(listen())
    assert None not in (first, second, fourth)
    assert third is None


def test_events_have_lines_of_their_own() -> None:
    assert message("passage", "<p>\n</p>") == "event: passage\ndata: <p>\ndata: </p>\n\n"


class _Request:
    """As much of a request as events need."""

    def __init__(self, client: TestClient) -> None:
        self.app = client.app._app  # type: ignore[attr-defined]
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}


def test_events_are_of_the_cameras_that_a_user_may_see() -> None:
    client = served()
    site = client.site  # type: ignore[attr-defined]
    site.streams = Streams()
    user = User("cam", "viewer", frozenset({"gate"}))

    async def heard(of_page: bool) -> str:
        listener = site.feed.listen()
        request = _Request(client)
        if of_page:
            page = Page.__new__(Page)
            page.request, page.site, page.user, page.lang, page.theme = request, site, user, "en", "auto"  # type: ignore[assignment]
            page._common = lambda: {"t": page.t, "url": page.url, "when": lambda *a: "", "percent": percent}  # type: ignore[method-assign]
            source = page_events(page, site, listener)
        else:
            source = json_events(request, site, listener, user)  # type: ignore[arg-type]
        for camera in ("gate", "yard"):
            site.feed.publish("passage", camera, Row(f"id-{camera}", camera, f"PLATE-{camera}", 0.9, "final"))
        site.feed.publish("hit", "yard", {"list": "secret"})
        listener.put(None)
        listener.closed = False
        out = await anext(source)
        out += await anext(source)
        await source.aclose()  # type: ignore[attr-defined]
        return out

    for of_page in (True, False):
        text = asyncio.run(heard(of_page))
        assert "PLATE-gate" in text
        assert "yard" not in text
    assert site.feed.listeners == 0


# The page of a run, and of a store


def test_states_of_cameras() -> None:
    client = served()
    site = client.site  # type: ignore[attr-defined]
    site.streams = streams = Streams()
    now = Health().began
    kinds = {
        "online": Health(last=now), "asleep": Health(last=now, asleep=True), "stalled": Health(last=now - 60),
        "offline": Health(last=now - 60, away=True, faults={"timeout": 2}, reconnects=2), "starting": Health(),
    }  # fmt: skip
    for name, health in kinds.items():
        streams.watch(name, RunSummary(frames=3), health)
    streams.watch("file", RunSummary(frames=9))
    streams.watch("ended", RunSummary()).ended = True
    site.streams.onlookers.append(PageSink(site.feed))
    found = {one.name: one.state for one in site.cameras()}
    assert found == {name: name for name in (*kinds, "file", "ended")}
    page = client.get("/live").text
    assert page.count('class="card camera"') == 7
    assert "timeout 2" in page
    answer = client.get("/api/v1/cameras").json()["items"]
    assert {one["name"] for one in answer} == set(found)
    assert client.get("/api/v1/cameras/offline").json()["reconnects"] == 2
    assert client.get("/api/v1/cameras/none").status_code == 404
    _once(site, StoreNews(site))


def test_pictures_over_http() -> None:
    client = served()
    site = client.site  # type: ignore[attr-defined]
    site.streams = Streams()
    site.streams.watch("gate 1/a", RunSummary(), Health())
    path = "/live/picture/gate%201%2Fa"
    assert client.get(path).status_code == 204
    site.pictures.put("gate 1/a", frame(), [view()])
    answer = client.get(path, params={"width": 300})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    same = client.get(path, params={"width": 300}, headers={"if-none-match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get("/live/picture/other").status_code == 404
    site.streams.watch("yard", RunSummary(), Health())
    site.pictures.ask("yard")
    site.pictures.put("yard", frame(), [])
    assert client.get("/api/v1/cameras/yard/picture", params={"drawn": False}).status_code == 200
    with client.stream("GET", "/api/v1/cameras/yard/stream", params={"seconds": 0.3}) as answer:
        data = answer.read()
    assert data.startswith(b"--frame\r\nContent-Type: image/jpeg")
    assert data.count(b"--frame") == 1  # the same picture is sent once


def test_a_run_whose_store_is_not_there_yet(tmp_path: Path) -> None:
    client = served(tmp_path / "none.db", streams=Streams())
    assert client.get("/live").status_code == 200
    assert client.get("/api/v1/rows").json() == {"items": []}
    answer = client.get("/api/v1/users")
    assert (answer.status_code, "starting" in answer.json()["detail"]) == (503, True)


def test_rows_and_crops_over_http() -> None:
    client = served()
    site = client.site  # type: ignore[attr-defined]
    site.streams = Streams()
    sink = PageSink(site.feed)
    site.streams.onlookers.append(sink)
    sink.write(PassageFinal("gate", row(1, "津AB123", crop=CROP)))
    page = client.get("/live").text
    assert "津AB123" in page
    found = client.get("/api/v1/rows").json()["items"]
    assert found[0]["plate"] == "津AB123"
    assert client.get(f"/live/crop/{found[0]['event_id']}").headers["content-type"] == "image/jpeg"
    assert client.get("/live/crop/none").status_code == 404


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "plates.db"
    sink = StoreSink(str(path), crops=True)
    for k, camera in enumerate(("gate", "yard", "gate"), 1):
        sink.write(PassageFinal(camera, row(k, f"AB12{k}", camera=camera, crop=CROP)))
    sink.write(HealthChanged("yard", False, "timeout"))
    sink.close()
    return path


def test_a_store_alone(store: Path) -> None:
    client = served(store, files=store.with_name("plates.db.files"))
    page = client.get("/live").text
    assert [f"AB12{k}" in page for k in (1, 2, 3)] == [True] * 3
    assert "data-picture" not in page
    items = client.get("/api/v1/rows").json()["items"]
    assert [one["plate"] for one in items] == ["AB123", "AB122", "AB121"]
    answer = client.get(f"/live/crop/{items[0]['event_id']}")
    assert answer.headers["content-type"] == "image/png"
    assert client.get("/live/picture/gate").status_code == 404
    assert ("not running" in page, "Last seen" in page) == (True, True)
    states = {one["name"]: one for one in client.get("/api/v1/cameras").json()["items"]}
    assert {one["state"] for one in states.values()} == {"stopped"}
    assert all(one["since"] for one in states.values())
    with open_database(store) as database, database.write() as connection:  # a run that goes on
        connection.execute(update(runs).values(ended_at=None))
    states = {one["name"]: one for one in client.get("/api/v1/cameras").json()["items"]}
    assert states["gate"]["state"] == "unknown"
    assert (states["yard"]["state"], states["yard"]["faults"]) == ("offline", "timeout")
    with open_database(store) as database, database.write() as connection:  # one that was killed
        connection.execute(update(runs).values(pid=2**22 + 1))
    assert {one["state"] for one in client.get("/api/v1/cameras").json()["items"]} == {"stopped"}


def test_a_recording_that_a_camera_plays_is_no_camera(tmp_path: Path) -> None:
    sink = StoreSink(str(tmp_path / "plates.db"))
    sink.write(StreamOpened("gate", StreamInfo("my.mp4", 320, 180, address="/videos/my.mp4")))
    sink.close()
    items = served(tmp_path / "plates.db").get("/api/v1/cameras").json()["items"]
    assert [(one["name"], one["source"]) for one in items] == [("gate", "/videos/my.mp4")]


def test_rights_of_cameras_in_a_store(store: Path) -> None:
    with open_database(store) as database:
        add_user(database, "cam", "correct horse battery", "operator", ["gate"])
    client = served(store, files=store.with_name("plates.db.files"))
    everything = client.get("/api/v1/rows").json()["items"]
    client.site.login = True  # type: ignore[attr-defined]
    as_user(client, "cam")
    seen = client.get("/api/v1/rows").json()["items"]
    assert {one["camera"] for one in seen} == {"gate"}
    assert {one["name"] for one in client.get("/api/v1/cameras").json()["items"]} == {"gate"}
    hidden = next(one for one in everything if one["camera"] == "yard")
    assert client.get(f"/live/crop/{hidden['event_id']}").status_code == 404
    assert client.get("/api/v1/cameras/yard").status_code == 404
    assert client.get("/system/log").status_code == 403
    assert client.get("/api/v1/system/configuration").status_code == 403


def test_news_of_a_store_that_another_process_writes(store: Path) -> None:
    client = served(store)
    site = client.site  # type: ignore[attr-defined]
    news = StoreNews(site)
    heard: list[tuple[str, str]] = []
    site.feed.publish = lambda kind, camera, payload=None: heard.append((kind, camera))
    news.publish()
    assert heard == []
    sink = StoreSink(str(store), provisional=True)
    sink.write(PassageProvisional("gate", row(9, "NEW1"), 1))
    news.publish()
    assert heard == [("passage", "gate")]
    sink.write(PassageFinal("gate", replace(row(9, "NEW12"), confidence=0.99)))
    news.publish()
    assert heard == [("passage", "gate")] * 2
    with sink.database.write() as connection:
        values = {"passage_id": 1, "revision": 1, "watchlist": "stolen", "entry": "AB121", "how": "exact", "at": 1}
        connection.execute(insert(hits).values(values))
    news.publish()
    assert heard[-1] == ("hit", "gate")
    sink.close()


def test_nobody_needs_a_login_on_this_machine() -> None:
    assert served().get("/api/v1/me").json() == {"name": LOCAL.name, "role": "admin", "cameras": None, "how": "local"}
