"""The sink of an entry of `outputs:`, by its type: those of this program, and of packages with an entry point in the
group `alpr.sinks`, which names a class that has `Settings` and is made with those and an `OutputPlace`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from streamer.config.models import RunConfig
from streamer.config.outputs import BUILT_IN, FileOutput, Output
from streamer.config.plugins import SINKS, load_plugin, origin
from streamer.config.secrets import Secrets
from streamer.errors import AlprError, ConfigError, OutputError
from streamer.sink.installed_sink import InstalledSink
from streamer.sink.policy import policy_of
from streamer.sink.sink import Sink
from streamer.source.recording import Networks


@dataclass(frozen=True)
class OutputPlace:
    """What a sink is made for. `camera`: the only camera, or the name that rows get; None where there are several.
    `live`: whether all that is read are cameras; `append`: what --append and --replace say."""

    config: RunConfig = field(default_factory=RunConfig)
    camera: str | None = None
    live: bool = False
    append: bool | None = None
    networks: Networks | None = None
    on_quit: Callable[[], None] | None = None
    terminal: Callable[[], Sink] | None = None

    def keeps(self, output: FileOutput) -> bool:
        """Whether what is there is kept: by the command line, else by the entry, else as it is for cameras."""
        chosen = output.append if self.append is None else self.append
        return self.live if chosen is None else chosen


def open_output(output: Output, place: OutputPlace) -> Sink:
    """The sink, which has proved that it can be written; OutputError or ConfigError where not."""
    sink = _made(output, place)
    _begin_sending([sink])
    return sink


def _made(output: Output, place: OutputPlace) -> Sink:
    try:
        policy_of(output.delivery, live=place.live, pictures=False)
    except ConfigError as error:
        raise ConfigError(f"outputs: {output.type}: delivery.{error}") from None
    sink = _built_in(output, place) if output.type in BUILT_IN else _installed(output, place)
    if output.delivery.model_fields_set:
        sink.delivery = output.delivery  # type: ignore[attr-defined]
    return sink


def _built_in(output: Output, place: OutputPlace) -> Sink:
    module, _, name = BUILT_IN[output.type].made_by.partition(":")
    make: Callable[[Output, OutputPlace], Sink] = getattr(import_module(module), name)
    return make(output, place)


def _installed(output: Output, place: OutputPlace) -> Sink:
    """The sink of a package; ConfigError says in one line what is wrong with the package."""
    make = load_plugin(SINKS, output.type, ["Settings"])
    where = f"{SINKS}: {output.type} of {origin(SINKS, output.type)}"
    secrets = Secrets.of_settings(output).kept()
    try:
        sink = make(output, place)
    except AlprError as error:
        raise secrets.cleaned(error) from None
    except OSError as error:
        reason = secrets.hidden(str(error))
        raise OutputError(f"{output.type}: cannot be written ({reason}): check where it is to be written") from None
    except Exception as error:  # whatever the package raises
        raise ConfigError(
            f"{where}: fails ({secrets.reason(error)}): it is made with its settings and an OutputPlace; mend or "
            "uninstall it"
        ) from None
    if not isinstance(sink, Sink):
        raise ConfigError(f"{where}: gives no sink: it needs wants, write and close (see streamer.BaseSink): mend it")
    return InstalledSink(sink, secrets)


def open_outputs(outputs: Sequence[Output], place: OutputPlace) -> list[Sink]:
    """The sinks of all entries, in an order in which a passage's pictures are there when its row is written; those
    opened already are closed where a later one fails."""
    sinks: list[Sink] = []
    try:
        for output in outputs:
            sinks.append(_made(output, place))  # noqa: PERF401 - a comprehension would lose those to close
        _join_store(sinks)
        _begin_sending(sinks)
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return pictures_first(sinks)


def _join_store(sinks: Sequence[Sink]) -> None:
    """Gives the outputs that send rows to other programs to the store beside them: what is to be sent is then written
    in the transaction of the row."""
    stores = [sink for sink in sinks if hasattr(sink, "take_targets")]
    targets = [sink for sink in sinks if getattr(sink, "joins_store", False)]
    if len(stores) == 1 and targets:
        stores[0].take_targets(targets)


def _begin_sending(sinks: Sequence[Sink]) -> None:
    """Outputs that send rows to other programs begin once it is clear where their outbox is."""
    for sink in sinks:
        if hasattr(sink, "begin_sending"):
            sink.begin_sending()


def pictures_first(sinks: Sequence[Sink]) -> list[Sink]:
    """The sinks with those of pictures first; rows that may name a picture get to know them."""
    pictures = [s for s in sinks if hasattr(s, "path_of")]
    pictures.sort(key=lambda s: not getattr(s, "wants_snapshots", False))  # the whole frame is the better answer
    for sink in sinks:
        if hasattr(sink, "pictures"):
            sink.pictures = tuple(pictures)
    return [*pictures, *(s for s in sinks if s not in pictures)]
