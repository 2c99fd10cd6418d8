"""The process of a shard on this machine: orders as JSON lines on standard input, a report for each on standard output.

It ends when its input does: with its supervisor.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

from streamer.cluster.fleet.reports import ShardReport, order_of
from streamer.errors import AlprError
from streamer.process.memory import keep_memory_small


def main() -> None:
    """The first line says how to start: name, settings, cores, log level."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor ends it
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no report
    line = sys.stdin.readline()
    if not line:
        return
    start = json.loads(line)
    logging.basicConfig(level=start["log_level"], format=f"%(asctime)s %(levelname)s {start['name']} %(message)s")
    keep_memory_small()
    _say(out, _run(start, out))


def _run(start: dict[str, Any], out: Any) -> dict[str, Any]:
    from streamer.cluster.fleet.shard import Shard, own_version

    try:
        shard = Shard(start["name"], start["settings"], start["cores"])
    except AlprError as error:
        return asdict(ShardReport(f"{os.getpid()}", version=own_version(), error=str(error)))
    try:
        _say(out, asdict(shard.report()))
        for line in sys.stdin:
            _say(out, asdict(shard.follow(order_of(json.loads(line)))))
    finally:
        shard.close()
    return {}


def _say(out: Any, report: dict[str, Any]) -> None:
    if report:
        try:
            out.write(json.dumps(report, ensure_ascii=False) + "\n")
            out.flush()
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
