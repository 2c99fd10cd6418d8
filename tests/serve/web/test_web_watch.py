"""Lists of plates and targets on the page and for programs."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from starlette.testclient import TestClient
from storekit import row
from webkit import as_user, csrf, served

from streamer.config.models import RunConfig, load_config
from streamer.notify.queue import FileBox
from streamer.notify.sample import sample
from streamer.sink.events import PassageFinal
from streamer.store.sink import StoreSink
from streamer.types import WatchMatch

LIST = "# by hand\nplate,name\nAB123,Kim   \nM-AB 1*,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stolen.csv").write_text(LIST)
    (tmp_path / "staff.txt").write_text("XY1 = 5\n")
    sink = StoreSink(str(tmp_path / "plates.db"))
    listed = (WatchMatch("stolen", "watch", "AB123", "exact", why="reads AB123"),)
    for number, plate in enumerate(("AB123", "AB128", "XY999")):
        sink.write(PassageFinal("", row(number, plate, watch=listed if number == 0 else ())))
    sink.close()
    return tmp_path


def client_of(folder: Path, more: str = "", users: dict[str, str] | None = None) -> TestClient:
    site = folder / "site.yaml"
    site.write_text(
        f"watch:\n  - {{name: stolen, file: {folder}/stolen.csv, mode: edit}}\n"
        f"  - {{name: staff, file: {folder}/staff.txt, kind: allow, cameras: [gate]}}\n{more}"
    )
    return served(folder / "plates.db", config=load_config(site), config_path=site, users=users)


def keys(client: TestClient) -> dict[str, str]:
    return {one["name"]: one["key"] for one in client.get("/api/v1/watch").json()["items"]}


def test_lists_with_their_faults_and_hits(folder: Path) -> None:
    client = client_of(folder)
    text = client.get("/watch").text
    for part in ("stolen", "reports its plates", "one character off", "staff.txt:1", "XY1 = 5", "AB123"):
        assert part in text, part
    items = client.get("/api/v1/watch").json()["items"]
    assert [(one["name"], one["plates"], len(one["faults"])) for one in items] == [("stolen", 2, 0), ("staff", 0, 1)]
    broken = client.get(f"/watch/{keys(client)['staff']}").text
    assert "stay in force until the file is mended" in broken
    assert client.get("/watch/none").status_code == 404
    assert "AB123" in client.get("/watch/hits").text
    assert "Hits appear here" in client.get(f"/watch/hits?key={keys(client)['staff']}").text


def test_an_entry_is_added_changed_and_taken_out(folder: Path) -> None:
    client = client_of(folder)
    key, token = keys(client)["stolen"], csrf(client)

    def post(**form: str) -> Any:
        digest = client.get(f"/api/v1/watch/{key}").json()["digest"]
        return client.post(f"/watch/{key}/entry", data={"seen": digest, "csrf_token": token, **form})

    assert post(do="add", plate="cd 456", name="Lee", note="", until="").status_code == 303
    assert "The plate is on the list" in client.get(f"/watch/{key}").text
    assert (folder / "stolen.csv").read_text() == LIST + "cd 456,Lee\n"
    twin = post(do="add", plate="CD456", name="")
    assert twin.status_code == 422
    assert "is the same plate as" in twin.text
    assert post(do="change", line="3", plate="AB124", name="Kim").status_code == 303
    assert post(do="remove", line="4").status_code == 303
    assert (folder / "stolen.csv").read_text() == "# by hand\nplate,name\nAB124,Kim\ncd 456,Lee\n"
    for form in ({"do": "remove", "line": "1"}, {"do": "remove", "line": "x"}, {"do": "burn"}):
        assert post(**form).status_code == 422
    stale = client.post(f"/watch/{key}/entry", data={"seen": "0", "csrf_token": token, "do": "remove", "line": "3"})
    assert stale.status_code == 422
    assert "was changed meanwhile" in stale.text
    assert "CD456" not in client.get(f"/watch/{key}?q=AB").text
    assert "cd 456" in client.get(f"/watch/{key}?q=lee").text


def test_entries_for_programs(folder: Path) -> None:
    client = client_of(folder)
    key, headers = keys(client)["stolen"], {"X-CSRF-Token": csrf(client)}
    listed = client.get(f"/api/v1/watch/{key}").json()
    assert [(one["line"], one["plate"], one["name"]) for one in listed["items"]] == [
        (3, "AB123", "Kim"),
        (4, "M-AB 1*", ""),
    ]
    change = {"do": "add", "digest": listed["digest"], "values": {"plate": "ZZ9"}}
    assert len(client.post(f"/api/v1/watch/{key}", json=change, headers=headers).json()["items"]) == 3
    again = client.post(f"/api/v1/watch/{key}", json=change, headers=headers)
    assert again.status_code == 422
    assert client.post(f"/api/v1/watch/{key}", json={"do": "burn"}, headers=headers).status_code == 422


def test_what_a_plate_would_find(folder: Path) -> None:
    client = client_of(folder)
    key = keys(client)["stolen"]
    found = client.get(f"/api/v1/watch/{key}/test?plate=ab-123").json()
    assert (found["on"], found["compared"], found["matching"]) == ([3], 3, 2)
    assert "edit" in {one["plate"]: one["modes"] for one in found["passages"]}["AB128"]
    text = client.get(f"/watch/{key}?plate=MAB12").text
    assert "on the list, line 4" in text
    assert "0 of the newest 3" in text
    assert client.get(f"/api/v1/watch/{key}/test?plate=*").status_code == 422
    assert "would be any plate" in client.get(f"/watch/{key}?plate=*").text


def test_without_lists_the_page_says_what_to_do(folder: Path) -> None:
    text = served(folder / "plates.db", config=RunConfig()).get("/watch").text
    assert "{name: stolen, file: stolen.csv}" in text
    text = served(folder / "plates.db").get("/watch").text  # without a configuration nobody knows whether there are
    assert ("The lists are not known here" in text, "--config FILE" in text) == (True, True)
    assert "No list of plates yet" not in text
    assert "AB123" in text  # hits of the store


def test_viewers_look_and_operators_edit(folder: Path) -> None:
    client = client_of(folder, users={"vi": "viewer", "op": "operator"})
    as_user(client, "vi")
    key = keys(client)["stolen"]
    assert 'name="do"' not in client.get(f"/watch/{key}").text
    form = {"do": "add", "plate": "ZZ9", "seen": client.get(f"/api/v1/watch/{key}").json()["digest"]}
    assert client.post(f"/watch/{key}/entry", data={**form, "csrf_token": csrf(client)}).status_code == 403
    as_user(client, "op")
    assert client.post(f"/watch/{key}/entry", data={**form, "csrf_token": csrf(client)}).status_code == 303


class Hook(BaseHTTPRequestHandler):
    """Takes rows until `refuses`."""

    refuses = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400 if self.refuses else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Any:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/plates?token=hunter22"
    server.shutdown()
    server.server_close()


def test_targets_with_dead_letters(folder: Path, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    box = folder / "office.db"
    client = client_of(
        folder,
        f"outputs:\n  - {{type: webhook, name: office, url: '{hook}', outbox: {box}}}\n"
        "  - {type: webhook, name: broken, url: 'https://x/${NOT_SET_HERE}'}\n",
        users={"vi": "viewer", "op": "operator"},
    )
    queue = FileBox(box).open()
    messages = [sample(), sample()]
    queue.put(messages)
    for _ in messages:
        stored = queue.next()
        assert stored is not None
        queue.bury(stored.number, "refused: 400")
    queue.put([sample()])
    queue.close()
    as_user(client, "vi")
    text = client.get("/targets").text
    assert "NOT_SET_HERE" in text
    assert "hunter22" not in text
    items = {one["name"]: one for one in client.get("/api/v1/targets").json()["items"]}
    assert (items["office"]["waiting"], items["office"]["dead"], items["office"]["state"]) == (1, 2, "dead")
    assert items["broken"]["state"] == "fault"
    key = items["office"]["key"]
    one = client.get(f"/targets/{key}").text
    assert one.count("refused: 400") == 2
    assert "/resend" not in one
    token = csrf(client)
    for what in ("resend", "drop", "test"):
        assert client.post(f"/targets/{key}/{what}", data={"csrf_token": token}).status_code == 403
    as_user(client, "op")
    token = csrf(client)
    form = {"csrf_token": token, "id": messages[0].key}
    assert client.post(f"/targets/{key}/resend", data=form).status_code == 303
    assert client.get(f"/api/v1/targets/{key}").json()["dead"] == 1
    headers = {"X-CSRF-Token": token}
    assert client.post(f"/api/v1/targets/{key}/drop", json={}, headers=headers).json() == {"count": 1}
    state = client.get(f"/api/v1/targets/{key}").json()
    assert (state["state"], len(state["waits"])) == ("waiting", 2)
    assert client.post(f"/targets/{key}/test", data={"csrf_token": token}).status_code == 303
    Hook.refuses = True
    try:
        refused = client.post(f"/api/v1/targets/{key}/test", json={}, headers=headers)
    finally:
        Hook.refuses = False
    assert refused.status_code == 503
    assert "did not take it" in refused.json()["detail"]
    assert client.get("/targets/none").status_code == 404
    assert client.post(f"/api/v1/targets/{items['broken']['key']}/resend", json={}, headers=headers).json() == {
        "count": 0
    }


def test_targets_of_a_store(folder: Path) -> None:
    from streamer.store.database import open_database
    from streamer.store.outbox import StoreBox

    client = served(folder / "plates.db")
    assert "Rows are sent nowhere yet" in client.get("/targets").text
    with open_database(str(folder / "plates.db")) as database:
        StoreBox(database, "office").open().put([sample()], now=time.time())
    items = client.get("/api/v1/targets").json()["items"]
    assert [(one["name"], one["waiting"]) for one in items] == [("office", 1)]
    key = items[0]["key"]
    tested = client.post(f"/api/v1/targets/{key}/test", headers={"X-CSRF-Token": csrf(client)})
    assert "Its settings are not known" in json.loads(tested.text)["detail"]
    assert "TEST123" in client.get(f"/targets/{key}").text
    assert "TEST" not in client.get("/targets/list").text
