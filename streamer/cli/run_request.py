"""What `alpr run` was asked for, and what surrounds a run on the command line: the terminal, the metrics
and the service manager."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.config.outputs import Output
    from streamer.pipeline.status import Streams
    from streamer.sink.screen import Screen
    from streamer.sink.sink import Sink


@dataclass(frozen=True)
class RunRequest:
    """`config`, read from `config_path` and options; `outputs`: the configured ones and those of options; `append`:
    --append or --replace; `metrics`: the port to serve them on."""

    config: RunConfig
    config_path: Path | None
    outputs: Sequence[Output]
    append: bool | None
    metrics: str | None
    quiet: bool

    @property
    def prints_rows(self) -> bool:
        """Whether rows are printed on standard output."""
        return any(o.type == "terminal" for o in self.outputs)

    def screen(self, outputs: Sequence[Path]) -> AbstractContextManager[Screen | None]:
        """The screen to draw on; none with --quiet, or where one of `outputs` is a terminal itself."""
        from streamer.cli.progress import screen_for

        if self.quiet or any(str(p) == "-" or (p.is_char_device() and p.name != "null") for p in outputs):
            return nullcontext()
        return screen_for(rows=self.prints_rows)

    def terminal(self, screen: Screen | None) -> Callable[[], Sink]:
        """Makes the sink that prints rows."""
        from streamer.sink.terminal import terminal_sink

        return partial(terminal_sink, screen, provisional=not self.quiet)

    @contextmanager
    def served(self, stop: threading.Event, expected: int = 1) -> Iterator[Streams | None]:
        """Within the context: serves metrics and the page where a port is given, and reports to systemd where it
        started this process. `expected`: how many streams are read at once."""
        from streamer.serve.systemd import Supervision, SystemdReports, notify_of, watchdog_of

        notify, ready = notify_of(os.environ), self.config.live.ready
        streams: Streams | None = None
        with ExitStack() as closing:
            if self.metrics is not None:
                from streamer.serve.metrics import Metrics, MetricsServer

                streams = metrics = Metrics(ready)
                closing.callback(MetricsServer(metrics, self.metrics).close)
            if notify is not None:
                from streamer.pipeline.status import Streams

                streams = streams or Streams()
                supervision = Supervision(streams, ready, expected, watchdog_of(os.environ))
                closing.callback(SystemdReports(notify, supervision, stop).close)
            if self.config.web.at is not None:
                from streamer.cli.page import page_of_run
                from streamer.pipeline.status import Streams

                streams = streams or Streams()
                page = page_of_run(self.config, self.config_path, self.outputs, streams, quiet=self.quiet)
                closing.callback(page.close)
            yield streams
