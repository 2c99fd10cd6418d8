"""From a stream's events to what the lists say of them: rows are marked, and each match is an event of its own."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from streamer.config.models import RunConfig
from streamer.config.watch import WatchConfig
from streamer.errors import ConfigError
from streamer.sink.events import (
    Event,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    WatchHit,
)
from streamer.types import Passage, WatchMatch
from streamer.watch.calibration import read_calibration
from streamer.watch.lists import Plates, at_camera
from streamer.watch.match import Matcher, as_match, threshold_of
from streamer.watch.reload import ListFile
from streamer.watch.traffic import Traffic

_log = logging.getLogger(__name__)

_MOST_OPEN = 4096  # passages whose reports are remembered
# A living track is reported as on no list of allowed plates only where its text is so sure: it may still change.
_SURE_TO_BE_OTHER = 0.9

_Last = tuple[WatchMatch | None, str, int]
_NOTHING: _Last = None, "", 0


class OpenList:
    """A list of the configuration with its plates, which are read again when the file changes. Threads may share it:
    what they make of a new version is put in place whole."""

    def __init__(self, config: WatchConfig, open_file: Callable[[Path], ListFile] = ListFile) -> None:
        self.config = config
        self.traffic = _traffic(config)
        self._file = open_file(Path(config.file))
        self._compiled = self._compile(self._file.plates)

    def of(self, passage: Passage) -> WatchMatch | None:
        """What the list says of a passage; None where nothing."""
        if not at_camera(self.config.cameras, passage.camera):
            return None
        matcher = self._matcher()
        found = matcher.best(passage)
        if self.config.kind != "allow":
            return None if found is None else as_match(found, self.config.name)
        if found is not None:
            return None
        nearest = matcher.nearest(passage) if matcher.mode == "likelihood" else None
        near = "" if nearest is None else nearest.entry.plate
        why = f"reads {passage.plate}, confidence {passage.confidence:.2f}, which is not on the list"
        score, threshold = (0.0, None) if nearest is None else (nearest.score, matcher.threshold)
        return WatchMatch(self.config.name, "allow", "", matcher.mode, score, threshold, nearest=near, why=why)

    def _matcher(self) -> Matcher:
        plates, matcher = self._compiled
        current = self._file.current()
        if current is not plates:
            self._compiled = self._compile(current)
            matcher = self._compiled[1]
            for line in self.warnings():
                _log.warning("%s", line)
        return matcher

    def _compile(self, plates: Plates) -> tuple[Plates, Matcher]:
        config = self.config
        mode, count = config.chosen_mode, sum(entry.pattern is None for entry in plates.entries)
        threshold = math.inf
        if mode == "likelihood":
            threshold = threshold_of(self.traffic, count, config.max_false_per_week, allow=config.kind != "watch")
        return plates, Matcher(plates.entries, mode, threshold, self.traffic.background)

    def warnings(self, cameras: Sequence[str] = ()) -> list[str]:
        """Lines about what is odd about the list, if not wrong. `cameras`: all there are, where they are configured."""
        plates, matcher = self._compiled
        found = list(plates.warnings)
        count = sum(entry.pattern is None for entry in plates.entries)
        if matcher.mode == "likelihood" and count and math.isinf(matcher.threshold):
            found.append(
                f"watch: {self.config.name}: plates read exactly already give "
                f"{self.traffic.expected(math.inf, count):.2g} false alerts a week ({count} plates, "
                f"{self.traffic.per_week:g} passages), more than max_false_per_week "
                f"{self.config.max_false_per_week:g}: only those are reported"
            )
        named = [(f"watch: {self.config.name}", name) for name in self.config.cameras]
        named += [(f"{self._file.path}:{entry.line}", name) for entry in plates.entries for name in entry.cameras]
        for where, name in named if cameras else ():
            if not any(at_camera([name], camera) for camera in cameras):
                found.append(f"{where}: cameras: no camera is named {name!r}: there are {', '.join(cameras)}")
        return found


def _traffic(config: WatchConfig) -> Traffic:
    traffic = Traffic() if config.calibration is None else read_calibration(Path(config.calibration))
    return traffic if config.traffic is None else replace(traffic, per_week=config.traffic)


class WatchLists:
    """The lists of a run and of its cameras, each opened once; ConfigError with a line for every fault of all."""

    def __init__(self, config: RunConfig) -> None:
        faults: list[str] = []
        opened: dict[WatchConfig, OpenList] = {}
        for one in (*config.watch, *(w for camera in config.cameras.values() for w in camera.watch)):
            if one in opened:
                continue
            try:
                opened[one] = OpenList(one)
            except ConfigError as error:
                faults += error.messages or (str(error),)
        if faults:
            raise ConfigError(*dict.fromkeys(faults))
        self._opened, self._cameras = opened, tuple(config.cameras)

    def warnings(self) -> list[str]:
        """Lines about what is odd about the lists."""
        return [line for one in self._opened.values() for line in one.warnings(self._cameras)]

    def warn(self) -> None:
        """Logs them."""
        for line in self.warnings():
            _log.warning("%s", line)

    def of(self, config: RunConfig) -> Watcher | None:
        """Who watches a stream with this configuration; None where it has no list."""
        return Watcher([self._opened[one] for one in config.watch], config.vote.rejoin_s) if config.watch else None


@dataclass
class _Reported:
    """What was reported of one event id, by list: the match (None: withdrawn), the text then, and the revision."""

    passage: Passage | None = None
    by_list: dict[str, _Last] = field(default_factory=dict)


class Watcher:
    """Marks the passages of one stream (`Passage.watch`) and adds a WatchHit for every list that reports one.

    A vehicle that comes back within `rejoin_s` is one passage in the end: what has been reported of it already is not
    reported as provisional again."""

    def __init__(self, lists: Sequence[OpenList], rejoin_s: float = 0.0) -> None:
        self._lists, self._rejoin_s = tuple(lists), rejoin_s
        self._recent: OrderedDict[tuple[str, str], float] = OrderedDict()  # list and its plate: when last in view
        self._reported: OrderedDict[str, _Reported] = OrderedDict()
        self._waiting: dict[str, tuple[Passage, Passage]] = {}  # by event id: without and with its mark

    @property
    def wants_posteriors(self) -> bool:
        return any(one.config.chosen_mode == "likelihood" for one in self._lists)

    def apply(self, event: Event) -> Iterator[Event]:
        """The event with its passages marked, and the reports that follow from it."""
        match event:
            case PassageFinal():
                passage = self._mark(event.passage)
                yield replace(event, passage=passage)
                yield from self._report(event.stream, passage, "final")
            case PassageProvisional():
                passage = self._mark(event.passage)
                yield replace(event, passage=passage)
                yield from self._report(event.stream, passage, "provisional")
            case PassageWithdrawn():
                passage = self._mark(event.passage)
                yield replace(event, passage=passage)
                yield from self._withdraw(event.stream, passage, (), ends=True)
            case PassagesWaiting():
                marked = [(passage, self._mark(passage)) for passage in event.passages]
                self._waiting = {passage.event_id: (passage, new) for passage, new in marked}
                for _, new in marked:
                    self._stay(new)
                yield replace(event, passages=tuple(new for _, new in marked))
            case _:
                yield event

    def _mark(self, passage: Passage) -> Passage:
        known = self._waiting.get(passage.event_id)
        if known is not None and known[0] is passage:  # waiting rows come again and again
            return known[1]
        return replace(passage, watch=self.matches(passage))

    def matches(self, passage: Passage) -> tuple[WatchMatch, ...]:
        """What the lists say of a passage: nothing where a list of ignored plates has it."""
        if any(one.of(passage) is not None for one in self._lists if one.config.kind == "ignore"):
            return ()
        found = (one.of(passage) for one in self._lists if one.config.kind != "ignore")
        return tuple(one for one in found if one is not None)

    def _report(self, stream: str, passage: Passage, status: Literal["provisional", "final"]) -> Iterator[WatchHit]:
        matches = passage.watch or ()
        if status == "provisional":
            matches = tuple(m for m in matches if m.kind == "watch" or passage.confidence >= _SURE_TO_BE_OTHER)
        yield from self._withdraw(stream, passage, [m.list for m in matches], ends=status == "final")
        reported = self._reported.get(passage.event_id) or _Reported()
        reported.passage = replace(passage, crop=None, snapshot=None)
        for match in matches:
            before, text, revision = reported.by_list.get(match.list, _NOTHING)
            if status == "provisional" and before is None and self._is_back(match, passage):
                continue
            if status == "final" or before is None or (before.plate, text) != (match.plate, passage.plate):
                reported.by_list[match.list] = match, passage.plate, revision + 1
                yield WatchHit(stream, match, passage, status, revision + 1)
        if status == "provisional":
            for match in matches:
                self._note(match, passage)
        if status == "final":
            self._reported.pop(passage.event_id, None)
        elif reported.by_list:
            self._reported[passage.event_id] = reported
            if len(self._reported) > _MOST_OPEN:
                self._reported.popitem(last=False)

    def _is_back(self, match: WatchMatch, passage: Passage) -> bool:
        """Whether the list has reported the plate just before: this track will be joined to that passage."""
        last_s = self._recent.get((match.list, match.plate))
        return last_s is not None and 0 <= passage.first_s - last_s < self._rejoin_s

    def _note(self, match: WatchMatch, passage: Passage) -> None:
        key = match.list, match.plate
        self._recent[key] = max(passage.last_s, self._recent.get(key, passage.last_s))
        self._recent.move_to_end(key)
        if len(self._recent) > _MOST_OPEN:
            self._recent.popitem(last=False)

    def _stay(self, passage: Passage) -> None:
        """A row waits: the vehicle was in view until its end."""
        for match in passage.watch or ():
            if (match.list, match.plate) in self._recent:
                self._note(match, passage)

    def _withdraw(self, stream: str, passage: Passage, kept: Sequence[str], *, ends: bool) -> Iterator[WatchHit]:
        """Takes back what was reported of the passage, or of one that was joined to it, by lists not in `kept`.
        `ends`: nothing more comes of them."""
        for event_id in (passage.event_id, *passage.parts):
            reported = self._reported.get(event_id)
            if reported is None:
                continue
            for name, (match, _, revision) in reported.by_list.items():
                if match is not None and name not in kept:
                    of = passage if event_id == passage.event_id else reported.passage or passage
                    reported.by_list[name] = None, "", revision + 1
                    self._recent.pop((name, match.plate), None)
                    yield WatchHit(stream, match, of, "withdrawn", revision + 1)
            if ends and (event_id != passage.event_id or not kept):
                del self._reported[event_id]
