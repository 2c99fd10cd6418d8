"""The configuration that `alpr init` writes, with comments, from its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answers:
    """`camera`: its name; `url`: its address, with variables in place of secrets; `countries`: codes; `rows`: name of
    the CSV; `store`: of the SQLite file; `watch`: of the list of plates; each None where there is none."""

    camera: str
    url: str
    countries: tuple[str, ...] = ()
    rows: str | None = None
    store: str | None = None
    watch: str | None = None


def configuration(answers: Answers, width: int | None = None, height: int | None = None) -> str:
    """The text of the file. `width`, `height`: of the camera's picture, where it was tried."""
    size = f", {width}x{height} when this was written" if width and height else ""
    lines = [
        "# Made by alpr init. Check it: alpr check FILE; read the cameras: alpr run --config FILE",
        "# All keys: docs/configuration.md. Those that are commented out show what there is.",
        "",
        f"# By name; add more of them{size}. ${{NAME}} is taken from the environment.",
        "cameras:",
        f"  {_quoted(answers.camera)}:",
        f"    url: {_quoted(answers.url)}",
        "    # where the detector looks: every frame, or (auto) fewer while nothing moves",
        "    # cadence: auto",
        "    # only plates inside count, in shares of the picture's width and height",
        "    # zones:",
        "    #   lane: {polygon: [[0, 0.4], [1, 0.4], [1, 1], [0, 1]]}",
        "    # rows name the lines that were crossed, and the direction",
        "    # lines:",
        "    #   gate: {start: [0, 0.7], end: [1, 0.7]}",
        "",
        "# Formats of these countries' plates are likelier (two letters, ISO 3166); [] for none.",
        f"countries: [{', '.join(map(_quoted, answers.countries))}]",
        "",
        "vote:",
        "  # the same plate within this many seconds is one vehicle; a row is final that much later",
        "  rejoin_s: 60",
        "",
        "# What is written; docs/outputs.md has all types.",
        *_outputs(answers),
        "",
        *_watch(answers),
    ]
    return "\n".join(lines) + "\n"


def _outputs(answers: Answers) -> list[str]:
    entries = []
    if answers.rows is not None:
        entries.append(f"  - {{type: csv, path: {_quoted(answers.rows)}}}")
    if answers.store is not None:
        entries += ["  # for alpr store: search, exports, retention (docs/store.md)",
                    f"  - {{type: store, path: {_quoted(answers.store)}, crops: true}}"]  # fmt: skip
    examples = [
        "  # a picture of each plate",
        "  # - {type: crops, path: 'crops/{camera}/{date}'}",
        "  # rows as soon as a plate is read, corrected later",
        "  # - {type: jsonl, path: rows.jsonl, provisional: true}",
    ]
    return ["outputs:" if entries else "# outputs:", *entries, *examples]


def _watch(answers: Answers) -> list[str]:
    comment = "# Lists of plates to watch for (docs/watchlists.md)."
    if answers.watch is None:
        return [comment, "# watch:", "#   - {name: wanted, file: wanted.csv}"]
    name = Path(answers.watch).stem or "list"
    return [comment, "watch:", f"  - {{name: {_quoted(name)}, file: {_quoted(answers.watch)}}}"]


def _quoted(text: str) -> str:
    """As YAML reads it back, whatever it holds: JSON's form of a text is one of YAML's."""
    return json.dumps(text, ensure_ascii=False)
