"""What `alpr run` was asked for, and what surrounds a run on the command line: the terminal and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    def served(self) -> Iterator[Streams | None]:
        """Serves metrics within the context, where a port is given."""
        if self.metrics is None:
            yield None
            return
        from streamer.serve.metrics import Metrics, MetricsServer

        metrics = Metrics(self.config.live.ready)
        server = MetricsServer(metrics, self.metrics)
        try:
            yield metrics
        finally:
            server.close()
