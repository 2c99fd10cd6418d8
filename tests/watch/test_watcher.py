"""What lists make of a stream's events: marked rows, and reports with revisions."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from watchkit import read_as

from streamer.config.models import RunConfig, load_config
from streamer.errors import ConfigError
from streamer.sink.events import (
    Event,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamClosed,
    WatchHit,
)
from streamer.sink.jsonl import record_of
from streamer.types import Passage
from streamer.watch.calibration import read_calibration, write_calibration
from streamer.watch.traffic import fit
from streamer.watch.watcher import Watcher, WatchLists


def write(path: Path, *plates: str) -> str:
    path.write_text("plate\n" + "\n".join(plates) + "\n", encoding="utf-8")
    return str(path)


def watcher_of(*lists: dict[str, Any], **more: Any) -> Watcher:
    config = RunConfig.model_validate({"watch": list(lists)} | more)
    watcher = WatchLists(config).of(config)
    assert watcher is not None
    return watcher


@pytest.fixture
def stolen(tmp_path: Path) -> Watcher:
    return watcher_of({"name": "stolen", "file": write(tmp_path / "s.csv", "京A-12845", "京B99999")})


def told(events: list[Event]) -> list[tuple[object, ...]]:
    return [
        (e.match.list, e.match.plate, e.match.mode, e.status, e.revision, e.passage.event_id)
        for e in events
        if isinstance(e, WatchHit)
    ]


def play(watcher: Watcher, *events: Event) -> list[tuple[object, ...]]:
    return told([out for event in events for out in watcher.apply(event)])


def test_a_row_is_marked_and_reported_after_it(stolen: Watcher) -> None:
    row, hit = stolen.apply(PassageFinal("gate", read_as("京A12845", event_id="1")))
    assert isinstance(row, PassageFinal)
    assert row.passage.watch is not None
    assert isinstance(hit, WatchHit)
    assert row.passage.watch == (hit.match,)
    assert hit.passage is row.passage
    assert told([hit]) == [("stolen", "京A-12845", "exact", "final", 1, "1")]
    (other,) = stolen.apply(PassageFinal("gate", read_as("京C00000", event_id="2")))
    assert isinstance(other, PassageFinal)
    assert other.passage.watch == ()
    assert list(stolen.apply(StreamClosed("gate"))) == [StreamClosed("gate")]


def test_revisions_of_a_living_track(stolen: Watcher) -> None:
    early, same, late = (read_as(text, event_id="1") for text in ("京A12845", "京A12845", "京A1284?"))
    assert play(
        stolen,
        PassageProvisional("gate", early, 1),
        PassageProvisional("gate", same, 2),
        PassageProvisional("gate", late, 3),
        PassageProvisional("gate", read_as("京C00000", event_id="1"), 4),
        PassageProvisional("gate", early, 5),
        PassageFinal("gate", early),
    ) == [
        ("stolen", "京A-12845", "exact", "provisional", 1, "1"),
        ("stolen", "京A-12845", "likelihood", "provisional", 2, "1"),
        ("stolen", "京A-12845", "likelihood", "withdrawn", 3, "1"),
        ("stolen", "京A-12845", "exact", "provisional", 4, "1"),
        ("stolen", "京A-12845", "exact", "final", 5, "1"),
    ]
    assert not stolen._reported


def test_what_no_row_came_of_is_withdrawn(stolen: Watcher) -> None:
    passage = read_as("京A12845", event_id="1")
    assert play(stolen, PassageProvisional("gate", passage, 1), PassageWithdrawn("gate", passage, 2)) == [
        ("stolen", "京A-12845", "exact", "provisional", 1, "1"),
        ("stolen", "京A-12845", "exact", "withdrawn", 2, "1"),
    ]
    assert play(stolen, PassageWithdrawn("gate", read_as("京A12845", event_id="2"), 1)) == []
    assert not stolen._reported


def test_tracks_that_are_joined_to_one_row(stolen: Watcher) -> None:
    first, second, wrong = (
        read_as(t, event_id=i) for t, i in (("京A12845", "1"), ("京A12845", "2"), ("京B99999", "3"))
    )
    provisional = [PassageProvisional("gate", passage, 1) for passage in (first, second, wrong)]
    assert len(play(stolen, *provisional)) == 3
    assert play(stolen, PassageFinal("gate", replace(first, parts=("2",)))) == [
        ("stolen", "京A-12845", "exact", "final", 2, "1")
    ]
    assert play(stolen, PassageFinal("gate", read_as("京C00000", event_id="4", parts=("3",)))) == [
        ("stolen", "京B99999", "exact", "withdrawn", 2, "3")
    ]
    assert not stolen._reported


def test_waiting_rows_are_marked_once(stolen: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Passage] = []
    plain = Watcher.matches
    monkeypatch.setattr(Watcher, "matches", lambda self, passage: calls.append(passage) or plain(self, passage))
    rows = tuple(read_as("京A12845", event_id=str(k)) for k in range(3))
    for count in (1, 2, 3, 3):
        (event,) = stolen.apply(PassagesWaiting("gate", rows[:count]))
        assert isinstance(event, PassagesWaiting)
        assert all(passage.watch for passage in event.passages)
    assert len(calls) == 3
    assert len(list(stolen.apply(PassageFinal("gate", rows[0])))) == 2
    assert len(calls) == 3


def test_allowed_and_ignored_plates(tmp_path: Path) -> None:
    watcher = watcher_of(
        {"name": "stolen", "file": write(tmp_path / "s.csv", "京A12845")},
        {
            "name": "residents",
            "file": write(tmp_path / "r.csv", "京A11111", "京B2*"),
            "kind": "allow",
            "cameras": ["g*"],
        },
        {"name": "own", "file": write(tmp_path / "o.csv", "京Z00001", "京A12845"), "kind": "ignore"},
    )

    def lists(passage: Passage) -> list[tuple[str, str]]:
        return [(match.list, match.kind) for match in watcher.matches(passage)]

    assert lists(read_as("京A11111")) == []
    assert lists(read_as("京A1111?")) == []  # read with doubt, but one of them
    assert lists(read_as("京B29999")) == []
    assert lists(read_as("京Z00001")) == []
    assert lists(read_as("京A12845")) == []
    assert lists(read_as("京C00000")) == [("residents", "allow")]
    assert lists(read_as("京C00000", camera="yard")) == []
    (stranger,) = watcher.matches(read_as("京A11L17"))
    assert (stranger.plate, stranger.nearest) == ("", "京A11111")
    unsure = read_as("京C00000", {2: {"1": 0.3}}, event_id="9")
    assert play(watcher, PassageProvisional("gate", unsure, 1)) == []
    assert play(watcher, PassageFinal("gate", unsure)) == [("residents", "", "likelihood", "final", 1, "9")]


def test_rows_of_json_lines(stolen: Watcher) -> None:
    passage = read_as("京A12845", event_id="1")
    assert "watch" not in record_of(passage)
    row = next(iter(stolen.apply(PassageFinal("gate", passage))))
    assert isinstance(row, PassageFinal)
    record = json.loads(json.dumps(record_of(row.passage)))
    (match,) = record.pop("watch")
    assert record == json.loads(json.dumps(record_of(passage)))
    assert match.pop("why").startswith("reads 京A12845")
    assert match == {
        "list": "stolen", "kind": "watch", "plate": "京A-12845", "mode": "exact", "score": 19.42, "threshold": 9.9
    }  # fmt: skip


def test_a_list_changes_while_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s.csv"
    watcher = watcher_of({"name": "stolen", "file": write(path, "京A12845")})
    file = watcher._lists[0]._file
    write(path, "京B99999", "京B-99999")
    file._checked -= 2
    assert play(watcher, PassageFinal("gate", read_as("京A12845"))) == []
    assert len(play(watcher, PassageFinal("gate", read_as("京B99999")))) == 1
    assert "is the same plate" in caplog.text


def test_lists_of_the_run_and_of_a_camera(tmp_path: Path) -> None:
    lists = [
        {"name": "a", "file": write(tmp_path / "a.csv", "A1")},
        {"name": "b", "file": write(tmp_path / "b.csv", "B1")},
    ]
    config = RunConfig.model_validate(
        {"watch": lists[:1], "cameras": {"gate": {"url": "x.mp4", "watch": lists[1:]}, "yard": "y.mp4"}}
    )
    opened = WatchLists(config)
    assert [one.name for one in config.of_camera("gate").watch] == ["a", "b"]
    gate, yard = (opened.of(config.of_camera(name)) for name in ("gate", "yard"))
    assert gate is not None
    assert yard is not None
    assert gate._lists[0] is yard._lists[0]
    assert WatchLists(RunConfig()).of(RunConfig()) is None


def test_every_fault_of_all_lists(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("plate\n!\n", encoding="utf-8")
    lists = [
        {"name": "a", "file": str(tmp_path / "none.csv")},
        {"name": "b", "file": str(tmp_path / "bad.csv")},
        {"name": "c", "file": write(tmp_path / "c.csv", "A1"), "calibration": str(tmp_path / "bad.csv")},
    ]
    with pytest.raises(ConfigError) as error:
        watcher_of(*lists)
    assert [line.split(": ", 1)[1].split(":")[0] for line in error.value.messages] == [
        "no such list of plates", "plate", "is no calibration (not JSON)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("watch: [{name: a}]", "watch.0.file: is missing"),
        ("watch: [{name: a, file: a.csv, mode: fuzzy}]", "watch.0.mode: input should be 'likelihood', 'exact', 'edit'"),
        ("watch: [{name: a, file: a.csv, knd: allow}]", "watch.0.knd: unknown key: did you mean 'kind'?"),
        ("watch: [{name: a, file: a.csv, mode: exact, traffic: 9}]", "watch.0.traffic: is for kind watch and mode"),
        (
            "watch: [{name: a, file: a.csv, max_false_per_week: 0}]",
            "watch.0.max_false_per_week: input should be greater",
        ),
        ("watch: [{name: a, file: a.csv}, {name: a, file: b.csv}]", "watch.1.name: 'a' is the name of another list"),
        (
            "watch: [{name: a, file: a.csv}]\ncameras: {g: {url: x, watch: [{name: a, file: b.csv}]}}",
            "cameras.g.watch.0.name: 'a' is the name of another list",
        ),
    ],
)
def test_wrong_settings(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    place, _, rest = str(error.value).partition(": ")
    assert place.startswith(f"{path}:")
    assert rest.startswith(told)


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [read_as(f"京A{n:05d}", {6: {"?": 0.2}}) for n in range(0, 100_000, 4999)]
    traffic, path = fit(rows, 500.0), tmp_path / "traffic.json"
    write_calibration(path, traffic)
    again = read_calibration(path)
    assert (again.per_week, again.passages, again.step) == (500.0, len(rows), traffic.step)
    assert again.tail == pytest.approx(traffic.tail, rel=1e-3)
    assert again.background.log_of("京A12345") == traffic.background.log_of("京A12345")
    assert not any(row.plate in path.read_text(encoding="utf-8") for row in rows)
    lists = {"name": "s", "file": write(tmp_path / "s.csv", "京A12845"), "calibration": str(path)}
    few, many = (watcher_of(lists | {"traffic": n})._lists[0]._compiled[1].threshold for n in (10, 1e6))
    assert few < many
    caplog.set_level(logging.WARNING)
    config = RunConfig.model_validate({"watch": [lists | {"traffic": 1e9, "max_false_per_week": 1e-6}]})
    WatchLists(config).warn()
    assert "plates read exactly already give" in caplog.text
    for bad in ("{}", "[]", '{"schema": 1, "type": "watch calibration"}'):
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(ConfigError, match="is no calibration of this version: make it anew with alpr watch fit"):
            read_calibration(path)
    with pytest.raises(ConfigError, match="no such calibration"):
        read_calibration(tmp_path / "none.json")


def test_names_that_are_no_cameras(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.csv").write_text("plate,cameras\nA1,gate|gaet\nA2,y*\n", encoding="utf-8")
    lists = [{"name": "a", "file": str(tmp_path / "a.csv"), "cameras": ["*", "roof"]}]
    cameras = {"gate": "a.mp4", "yard": "b.mp4"}
    WatchLists(RunConfig.model_validate({"watch": lists})).warn()
    assert not caplog.messages
    WatchLists(RunConfig.model_validate({"watch": lists, "cameras": cameras})).warn()
    assert caplog.messages == [
        "watch: a: cameras: no camera is named 'roof': there are gate, yard",
        f"{tmp_path / 'a.csv'}:2: cameras: no camera is named 'gaet': there are gate, yard",
    ]


def at(event_id: str, first_s: float, last_s: float, text: str = "京A12845") -> Passage:
    return read_as(text, event_id=event_id, first_s=first_s, last_s=last_s)


@pytest.mark.parametrize(
    ("rejoin_s", "second", "reported"),
    [
        (60.0, at("2", 40.0, 41.0), ["1"]),  # will be joined to the first
        (60.0, at("2", 62.0, 63.0), ["1", "2"]),
        (0.0, at("2", 2.1, 3.0), ["1", "2"]),
        (60.0, at("2", 40.0, 41.0, "京B99999"), ["1", "2"]),  # another plate of the list
    ],
)
def test_a_vehicle_that_comes_back_is_reported_once(
    stolen: Watcher, rejoin_s: float, second: Passage, reported: list[str]
) -> None:
    stolen._rejoin_s = rejoin_s
    hits = play(stolen, PassageProvisional("gate", at("1", 0.0, 2.0), 1), PassageProvisional("gate", second, 1))
    assert [hit[-1] for hit in hits] == reported


def test_a_parked_vehicle_that_traffic_hides_is_reported_once(stolen: Watcher) -> None:
    stolen._rejoin_s = 60.0
    events: list[Event] = [PassageProvisional("gate", at("1", 0.0, 1.0), 1)]
    for k in range(1, 6):  # the row so far waits, and the vehicle is seen again
        events.append(PassagesWaiting("gate", (at("1", 0.0, 120.0 * k),)))
        events.append(PassageProvisional("gate", at(str(k + 1), 120.0 * k + 10, 120.0 * k + 11), 1))
    assert [hit[-1] for hit in play(stolen, *events)] == ["1"]
    final = PassageFinal("gate", replace(at("1", 0.0, 700.0), parts=("2", "3", "4", "5", "6")))
    assert play(stolen, final) == [("stolen", "京A-12845", "exact", "final", 2, "1")]


def test_what_was_taken_back_is_reported_again(stolen: Watcher) -> None:
    stolen._rejoin_s = 60.0
    hits = play(
        stolen,
        PassageProvisional("gate", at("1", 0.0, 1.0), 1),
        PassageWithdrawn("gate", at("1", 0.0, 1.0), 2),
        PassageProvisional("gate", at("2", 5.0, 6.0), 1),
    )
    assert [(hit[-1], hit[3]) for hit in hits] == [("1", "provisional"), ("1", "withdrawn"), ("2", "provisional")]
