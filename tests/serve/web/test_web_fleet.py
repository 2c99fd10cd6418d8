"""What the page tells of a fleet."""

from __future__ import annotations

import re
import time
from pathlib import Path

from webkit import served

from streamer.store.database import open_database
from streamer.store.leases import Leases, Node

CAMERA = {"name": "gate", "state": "reading", "cost": 0.3, "age_s": 0.02, "error": ""}


def test_without_a_fleet_nothing_is_said_of_one(tmp_path: Path) -> None:
    client = served(tmp_path / "plates.db")
    assert 'id="fleet"' not in client.get("/system").text
    assert client.get("/api/v1/system/fleet").json() == {"items": []}


def test_nodes_and_their_cameras(tmp_path: Path) -> None:
    path = tmp_path / "plates.db"
    now = int(time.time() * 1e6)
    with open_database(path, create=True) as store:
        details = {"state": "up", "cores": 2.0, "load": 1.25, "waiting": 3, "cameras": [CAMERA]}
        lost = {"state": "dead", "cores": 2.0, "load": 0.0, "waiting": 0, "cameras": []}
        Leases(store).seen([Node("east", now, False, details), Node("<west>", now - 90_000_000, False, lost)])
    client = served(path)
    text = client.get("/system").text
    assert "1.2 / 2.0" in text
    assert "gate" in text
    assert "&lt;west&gt;" in text
    assert re.search(r"seen (9|1)\d+ s ago", text)
    west, east = client.get("/api/v1/system/fleet").json()["items"]
    assert (east["name"], east["state"], east["waiting"], east["cameras"][0]["name"]) == ("east", "up", 3, "gate")
    assert west["seen_s"] >= 90
    assert "east" in client.get("/system/fleet", headers={"hx-request": "true"}).text
