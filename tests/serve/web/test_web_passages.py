"""Passages on the page and for programs: search, one passage, corrections, export, pictures, rights."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient
from storekit import WHEN, row
from webkit import as_user, csrf, served

from streamer.serve.web.page import percent
from streamer.sink.events import PassageFinal
from streamer.store import paging
from streamer.store.sink import StoreSink
from streamer.types import Posterior, WatchMatch

SLOTS: Posterior = (
    (("A", 0.99), ("4", 0.01)), (("B", 0.6), ("8", 0.4)), (("1", 1.0),), (("2", 1.0),), (("3", 1.0),), (("", 1.0),),
)  # fmt: skip
PICTURE = np.full((90, 160, 3), 120, np.uint8)
FIRST = f"{0:016x}"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    """60 passages of two cameras; the first of each ten is on a list."""
    path = str(tmp_path_factory.mktemp("page") / "plates.db")
    sink = StoreSink(path, crops=True, snapshots=True)
    jpeg = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    for number in range(60):
        listed = (WatchMatch("stolen", "watch", "AB123", "exact", name="Kim", why="reads AB123"),)
        sink.write(
            PassageFinal(
                "",
                row(
                    number, "AB123" if number % 10 == 0 else f"XY{number:03}", camera=("gate", "yard")[number % 2],
                    event_id=f"{number:016x}", watch=listed if number % 10 == 0 else (), posterior=SLOTS,
                    crop=PICTURE[:32, :96], snapshot=jpeg, confidence=0.6 if number % 7 == 0 else 0.97,
                ),
            )
        )  # fmt: skip
    sink.close()
    return path


@pytest.fixture
def client(where: str) -> TestClient:
    return served(where, files=Path(where + ".files"))


def plates(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["plate"] for one in answer.json()["items"]]


def test_the_page_shows_the_newest_and_goes_on(client: TestClient) -> None:
    text = client.get("/passages").text
    assert text.count('class="c-plate"') == 50
    assert text.index("XY059") < text.index("XY058")
    more = text.split('hx-get="/passages/more?')[1].split('"')[0].replace("&amp;", "&")
    rest = client.get(f"/passages/more?{more}").text
    assert rest.count('class="c-plate"') == 10
    assert 'class="further"' not in rest
    assert "<html" not in rest


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("plate=AB1*", 6), ("plate=a8i23&how=alike", 6), ("plate=AB124&how=edits", 6), ("plate=A8123&how=likely", 6),
        ("camera=yard", 30), ("list=stolen", 6), ("list=*&camera=gate", 6), ("sure=-80", 9),
        ("sure=95&camera=gate", 25),
        ("zone=drive", 60), ("zone=none", 0), ("movement=approaching", 60), ("flagged=true", 60), ("corrected=true", 0),
        ("since=2026-03-01T08:30", 30), ("since=2026-03-01T09:30&tz=Europe/Berlin", 30), ("plate=Q*", 0),
        ("since=2026-03-01T10:00%2B01:00&tz=x", 0),
    ],
)  # fmt: skip
def test_filters(client: TestClient, query: str, count: int) -> None:
    assert len(plates(client.get(f"/api/v1/passages?limit=500&{query}"))) == count
    page = client.get(f"/passages?view=gallery&{query}")
    assert page.status_code == 200
    assert page.text.count('class="tile') - page.text.count('class="tile-text"') == min(count, 50)


def test_pages_for_programs_are_all_rows_once(client: TestClient) -> None:
    found: list[str] = []
    cursor = ""
    for _ in range(9):
        answer = client.get(f"/api/v1/passages?limit=7&cursor={cursor}").json()
        found += [one["event_id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert found == [f"{number:016x}" for number in reversed(range(60))]


@pytest.mark.parametrize("query", ["plate=*", "since=soon", "until=2026-02-30", "plate=AB&how=likely&plate=A*B"])
def test_what_makes_no_sense_is_told(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/passages?{query}")
    assert answer.status_code == 422
    assert "expected" in answer.json()["detail"] or "meaning" in answer.json()["detail"]
    page = client.get(f"/passages?{query}")
    assert page.status_code == 200
    assert 'class="note bad"' in page.text
    assert client.get("/api/v1/passages?cursor=x").status_code == 422


def test_a_search_that_looks_at_too_much_says_how_far_it_came(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FIRST", 2)
    monkeypatch.setattr(paging, "_STEPS", 2)
    answer = client.get("/api/v1/passages?zone=none").json()
    assert answer["items"] == []
    assert answer["next"]
    assert answer["looked"].startswith("2026-03-01T08:")
    assert "Look further back" in client.get("/passages?zone=none").text


def test_one_passage_with_everything(client: TestClient) -> None:
    text = client.get(f"/passages/{FIRST}").text
    for part in ("AB123", "stolen", "Kim", "reads AB123", 'viewBox="0 0 160 90"', "gate", "A8123", "Seen 6 times"):
        assert part in text, part
    one = client.get(f"/api/v1/passages/{FIRST}").json()
    assert one["read"] == "AB123"
    assert [slot["symbols"][0][0] for slot in one["slots"]] == list("AB123")
    assert one["slots"][1]["symbols"][1][0] == "8"
    assert one["pictures"] == ["crop", "snapshot"]
    assert one["sighted"] == 6
    assert len(one["way"]) == 6
    assert client.get("/passages/none").status_code == 404
    assert client.get("/api/v1/passages/none").json()["detail"].startswith("There is no such passage")


@pytest.mark.parametrize("kind", ["crop", "snapshot"])
def test_pictures_have_tags(client: TestClient, kind: str) -> None:
    for path in (f"/passages/{FIRST}/{kind}", f"/api/v1/passages/{FIRST}/{kind}"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == ("image/png" if kind == "crop" else "image/jpeg")
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get(f"/passages/{'9' * 16}/{kind}").status_code == 404
    assert client.get(f"/passages/{FIRST}/other").status_code == 422


def test_a_picture_is_never_outside_its_folder(where: str, client: TestClient) -> None:
    from streamer.serve.web.passages.pictures import path_of
    from streamer.store.detail import Picture

    site: Any = client.site  # type: ignore[attr-defined]
    assert path_of(site, Picture("../plates.db", "", 0)) is None
    assert path_of(site, Picture("/etc/passwd", "", 0)) is None
    alone = served(where)
    assert alone.get(f"/passages/{FIRST}/crop").status_code == 404


def test_a_correction_is_found(client: TestClient) -> None:
    event = f"{3:016x}"
    token = csrf(client)
    answer = client.post(f"/passages/{event}/correction", data={"plate": "京a-0003", "csrf_token": token})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/passages/{event}"
    shown = client.get(f"/passages/{event}").text
    assert "The correction is saved. Watchlists are not judged again" in shown
    assert "Watchlists were judged by what was read" in shown
    assert "What was read: XY003" in shown
    assert plates(client.get("/api/v1/passages?plate=京A0003&how=exact")) == ["京A0003"]
    assert plates(client.get("/api/v1/passages?plate=XY003")) == []
    assert plates(client.get("/api/v1/passages?corrected=true")) == ["京A0003"]
    made = client.post(
        f"/api/v1/passages/{event}/correction", json={"plate": "XY003"}, headers={"X-CSRF-Token": token}
    ).json()
    assert (made["before"], made["after"], made["who"]) == ("京A0003", "XY003", "local")
    again = client.post(f"/passages/{event}/correction", data={"plate": "XY003", "csrf_token": token})
    assert again.status_code == 303
    assert "The reading is confirmed" in client.get(f"/passages/{event}").text
    wrong = client.post(f"/passages/{event}/correction", data={"plate": "=1", "csrf_token": token})
    assert wrong.status_code == 422
    assert "no plate has =" in wrong.text
    assert 'name="plate" value="=1"' in wrong.text  # the same page, with what was written
    assert 'id="correct-title"' in wrong.text
    none = client.post(f"/passages/{event}/correction", data={"plate": " ", "csrf_token": token})
    assert (none.status_code, "The plate is missing" in none.text) == (422, True)
    gone = client.post(f"/passages/{'9' * 16}/correction", data={"plate": "A1", "csrf_token": token})
    assert gone.status_code == 404


def test_export_of_the_selection(client: TestClient) -> None:
    answer = client.get("/passages/export?format=csv&list=stolen")
    lines = answer.text.splitlines()
    assert answer.headers["content-disposition"] == 'attachment; filename="passages.csv"'
    assert lines[0].startswith("camera,track_id,plate,")
    assert len(lines) == 7
    rows = [json.loads(line) for line in client.get("/api/v1/passages/export?format=jsonl").text.splitlines()]
    assert len(rows) == 60
    assert rows[0]["event_id"] == f"{59:016x}"
    assert client.get("/passages/export?since=x").status_code == 422


def test_new_passages_are_offered(client: TestClient) -> None:
    assert "Show 5 new" in client.get("/passages/new?after=55").text
    assert client.get("/passages/new?after=60").text.strip() == ""


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    StoreSink(str(tmp_path / "plates.db")).close()
    text = served(tmp_path / "plates.db").get("/passages").text
    assert "No vehicle has passed yet" in text
    assert "alpr run" in text


def test_roles_and_cameras(tmp_path: Path) -> None:
    path = tmp_path / "plates.db"
    sink = StoreSink(str(path))
    sink.write(PassageFinal("", row(1, "AB1", event_id=FIRST)))
    sink.write(PassageFinal("", row(2, "CD2", event_id="f" * 16, camera="yard")))
    sink.close()
    client = served(path, users={"vi": "viewer", "op": "operator"})
    assert client.get("/passages").status_code == 303
    as_user(client, "vi")
    assert client.get("/passages").status_code == 200
    assert "/correction" not in client.get(f"/passages/{FIRST}").text
    token = csrf(client)
    form = {"plate": "ZZ9", "csrf_token": token}
    assert client.post(f"/passages/{FIRST}/correction", data=form).status_code == 403
    assert client.get("/passages/export").status_code == 200
    as_user(client, "op")
    assert client.post(f"/passages/{FIRST}/correction", data={"plate": "ZZ9"}).status_code == 403  # without a token
    form["csrf_token"] = csrf(client)
    assert client.post(f"/passages/{FIRST}/correction", data=form).status_code == 303


def test_a_user_sees_the_rows_of_the_own_cameras_alone(where: str) -> None:
    from streamer.serve.web.access.accounts import add_user
    from streamer.store.database import open_database

    with open_database(where) as database:
        add_user(database, "gatekeeper", "correct horse battery", "operator", cameras=["gate"])
    client = served(where, users={}, files=Path(where + ".files"))
    as_user(client, "gatekeeper")
    other = f"{1:016x}"
    assert len(plates(client.get("/api/v1/passages?limit=500"))) == 30
    assert plates(client.get("/api/v1/passages?camera=yard")) == []
    assert client.get(f"/passages/{other}").status_code == 404
    assert client.get(f"/passages/{other}/crop").status_code == 404
    token = csrf(client)
    assert client.post(f"/passages/{other}/correction", data={"plate": "A1", "csrf_token": token}).status_code == 404
    assert len(client.get("/passages/export?format=jsonl").text.splitlines()) == 30
    assert "yard" not in client.get("/passages").text
    assert "Show 3 new" in client.get("/passages/new?after=54").text


def test_times_without_a_clock(tmp_path: Path) -> None:
    path = tmp_path / "plates.db"
    sink = StoreSink(str(path))
    sink.write(PassageFinal("", row(1, first_seen=None, last_seen=None, event_id=FIRST)))
    sink.write(PassageFinal("", row(2, first_seen=WHEN + timedelta(1), last_seen=WHEN + timedelta(1))))
    sink.close()
    client = served(path)
    assert "the recording has no clock" in client.get(f"/passages/{FIRST}").text
    assert client.get(f"/api/v1/passages/{FIRST}").json()["first_seen"] is None
    assert "no picture" in client.get("/passages").text


def test_words_of_one_passage(tmp_path: Path) -> None:
    store = str(tmp_path / "plates.db")
    sink = StoreSink(store)
    for number, camera in enumerate(["gate", "gate", "yard"]):
        once = row(number, "AB1" if number < 2 else "CD2", camera=camera, confidence=(0.994, 0.999, 0.7)[number])
        sink.write(PassageFinal(camera, once))
        sink.write(PassageFinal(camera, replace(once, flags=(), last_seen=WHEN + timedelta(hours=1))))
    sink.close()
    client = served(store)
    shown = client.get(f"/passages/{1:016x}").text
    assert ("99 %" in shown, "99+ %" in shown) == (True, True)
    assert "Seen 2 times" in shown
    assert 'id="way-title"' not in shown  # of one camera: the same list
    assert "few readings</del> → <ins>–</ins>" in shown
    assert "['few_reads']" not in shown
    assert ".123456" not in shown
    assert "Event id" in shown
    assert "Seen once" in client.get(f"/passages/{2:016x}").text
    assert "of any plate" in client.get("/passages/new?after=0&plate=AB1").text
    assert "/passages?plate=AB1" in client.get("/passages/new?after=0&plate=AB1").text
    assert "Show 3 new" in client.get("/passages/new?after=0").text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "99+ %"), (0.996, "99+ %"), (0.994, "99 %"), (0.95, "95 %"), (0.003, "<1 %"), (0.0, "0 %")],
)
def test_a_confidence_is_written_one_way(value: float, shown: str) -> None:
    assert percent(value) == shown
