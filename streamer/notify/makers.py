"""What makes the outputs that send to other programs, of their settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from streamer.config.models import RunConfig
from streamer.config.notify import AppriseOutput, MqttOutput, NotifyOutput, WebhookOutput, certificates
from streamer.config.references import resolved
from streamer.config.secrets import Secrets
from streamer.errors import ConfigError
from streamer.notify.message import Message
from streamer.notify.places import identity, outbox_path, target_name
from streamer.notify.queue import FileBox
from streamer.notify.sink import NotifySink
from streamer.notify.target import Target
from streamer.sink.registry import OutputPlace
from streamer.sink.sink import Sink

_MOST_SENSORS = 200  # plates; the others get one when they are seen


def looked_up(output: NotifyOutput) -> Callable[[str], str]:
    """What gives a setting with its references looked up, all of which are kept out of log lines from then on.
    ConfigError names the setting where one cannot be."""
    secrets: list[str] = []
    found: dict[str, str] = {}
    for key, text in output.references():
        try:
            found[text] = resolved(text, secrets)
        except ConfigError as error:
            raise ConfigError(f"{output.type}: {key}: {error}") from None
    Secrets([text for one in secrets for text in (one, *one.splitlines())]).kept()
    return lambda text: found[text]


def check_target(output: NotifyOutput) -> None:
    """ConfigError where a target's variables are not set, its files are not there, or it could not be made."""
    target_of(output)


def target_of(output: NotifyOutput, *, presence: bool = True) -> Target:
    """What sends to the target; nothing is connected yet. `presence`: a broker is told whether this program runs."""
    given = looked_up(output)
    for key, path in certificates(output):
        if not path.is_file():
            raise ConfigError(f"{output.type}: {key}: {path}: no such file: give a certificate in PEM")
    try:
        return _target(output, given, presence)
    except ConfigError as error:
        raise ConfigError(f"{output.type}: {str(error).removeprefix(f'{output.type}: ')}") from None


def _target(output: NotifyOutput, given: Callable[[str], str], presence: bool) -> Target:
    match output:
        case WebhookOutput():
            from streamer.notify.webhook import Webhook

            return Webhook(output, given)
        case MqttOutput():
            from streamer.notify.mqtt import Mqtt

            return Mqtt(output, given, presence=presence)
        case AppriseOutput():
            from streamer.notify.push import Push

            return Push(output, given)
    raise TypeError(type(output).__name__)


def sink_of(output: NotifyOutput, place: OutputPlace, camera: Callable[[str], Message] | None = None) -> Sink:
    target = target_of(output)
    if isinstance(output, MqttOutput) and output.home_assistant is not None and "hits" in output.send:
        from streamer.notify.mqtt import Mqtt

        assert isinstance(target, Mqtt)
        target.watch(watched_plates(place.config, output.filter.lists))
    name, path = target_name(output), outbox_path(output)
    return NotifySink(name, output, FileBox(path), identity(output), target, live=place.live, camera=camera)


def watched_plates(config: RunConfig, lists: Sequence[str]) -> list[tuple[str, str]]:
    """The plates on watchlists, with their names, that Home Assistant has a sensor for: of `lists`, of all without."""
    from streamer.watch.lists import read_list

    found: dict[str, str] = {}
    chosen = [*config.watch, *(one for camera in config.cameras.values() for one in camera.watch)]
    for one in chosen:
        if one.kind == "watch" and (not lists or one.name in lists):
            for entry in read_list(Path(one.file)).entries:
                if len(found) < _MOST_SENSORS:
                    found.setdefault(entry.plate, entry.name)
    return list(found.items())


def webhook(output: WebhookOutput, place: OutputPlace) -> Sink:
    return sink_of(output, place)


def apprise(output: AppriseOutput, place: OutputPlace) -> Sink:
    return sink_of(output, place)


def mqtt(output: MqttOutput, place: OutputPlace) -> Sink:
    def introduced(camera: str) -> Message:
        config = place.config.of_camera(camera) if camera in place.config.cameras else place.config
        zones = [name for name, zone in config.zones.items() if zone.use == "read"]
        return Message(f"camera:{camera}", camera, "camera", {"camera": camera, "zones": zones, "live": place.live})

    return sink_of(output, place, introduced)
