"""What is wrong with valid settings once they are compared with the environment, the installed packages, the layout
files and the networks: every fault, with its line and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from streamer.cli.first_faults import missing_extras
from streamer.cli.output_options import check_for_cameras, flag_of
from streamer.config.load import Loc, YamlFile
from streamer.config.models import CameraConfig, RunConfig
from streamer.config.notify import NotifyOutput
from streamer.config.outputs import Output
from streamer.engine.zoo import find_model, plate_folders
from streamer.errors import AlprError, ConfigError, ModelError
from streamer.notify.makers import check_target
from streamer.plates.countries import check_countries
from streamer.sink.names import Template
from streamer.sink.picture_files import FIELDS as PICTURES
from streamer.sink.policy import policy_of
from streamer.sink.rows import FIELDS as ROWS
from streamer.sink.segments import FIELDS as VIDEO
from streamer.source.address import local_path
from streamer.source.registry import check_sources
from streamer.watch.watcher import OpenList

Fault = tuple[Loc, AlprError]
_FIELDS = {
    "csv": ROWS, "platerecognizer": ROWS, "jsonl": ROWS, "video": VIDEO, "crops": PICTURES, "snapshots": PICTURES,
}  # fmt: skip


def check_settings(config: RunConfig, path: Path, sets: Sequence[str]) -> None:
    """ConfigError with a line for every fault; ModelError where networks alone are at fault. `path`: the file that the
    settings were read from; `sets`: what was laid over it."""
    file = YamlFile(path)
    faults = list(_faults(config))
    placed = sorted((_placed(file, sets, loc, str(error)) for loc, error in faults), key=lambda one: one[0])
    lines = list(dict.fromkeys(told for _, told in placed))
    if faults and all(isinstance(error, ModelError) for _, error in faults):
        raise ModelError("; ".join(lines), at=path)
    if faults:
        raise ConfigError(*lines, at=path, key=".".join(map(str, faults[0][0])) or None)


def _placed(file: YamlFile, sets: Sequence[str], loc: Loc, told: str) -> tuple[int, str]:
    """The line of the file that a fault comes from (0 for none), and its message with its place."""
    key = ".".join(map(str, loc))
    if not key:
        return 0, told
    for text in reversed(sets):
        name = text.partition("=")[0].strip()
        if f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}."):
            return 0, f"--set {name}: {told}"
    if any(file.has(loc[:n]) for n in range(1, len(loc) + 1)):
        return (line := file.line_of(loc)), f"{file.path}:{line}: {key}: {told}"
    return 0, f"{file.path}: {key}: {told}"


def _faults(config: RunConfig) -> Iterator[Fault]:
    """Each fault, and the place of the setting; the place is empty where the message names a file of its own."""
    for name, camera in config.cameras.items():
        for variable in (unset := camera.unset()):
            told = f"${{{variable}}} is not set in the environment: export {variable}=... first"
            yield ("cameras", name, "url"), ConfigError(told)
        if not unset:
            yield from _tried(("cameras", name, "url"), partial(_check_address, camera))
    if told := missing_extras(config):
        yield (), ConfigError(told)
    yield from _of_stream(config, ())
    for name, camera in config.cameras.items():
        own = config.of_camera(name)
        countries = own.countries if "countries" in camera.model_fields_set else ()
        yield from _of_stream(own.model_copy(update={"countries": countries, "watch": camera.watch}), ("cameras", name))
    for kind, model in (("detector", config.detector), ("reader", config.reader)):
        precision = "int8" if config.precision == "int8" else "f32"
        yield from _tried((kind,), partial(find_model, model, precision, kind))
    for number, output in enumerate(config.outputs):
        if output.writes.per_stream:
            single = partial(check_for_cameras, [output], len(config.cameras))
            yield from _tried(("outputs", number, "path"), single, flag_of(output))


def _of_stream(config: RunConfig, above: Loc) -> Iterator[Fault]:
    """Faults of what the run and a camera can both set."""
    folders = plate_folders(config.plates)
    for loc, error in _tried((), partial(check_countries, (), folders)):  # of the folder: it has its own place
        yield loc, error
        break
    else:
        for country in config.countries:
            yield from _tried((*above, "countries"), partial(check_countries, (country,), folders), "countries:")
    for number, one in enumerate(config.watch):
        yield from _tried((*above, "watch", number), partial(OpenList, one))
    for number, output in enumerate(config.outputs):
        yield from _of_output(output, (*above, "outputs", number), live=bool(above or config.cameras))


def _check_address(camera: CameraConfig) -> None:
    address = camera.address()
    check_sources([address])
    path = Path(local_path(address))
    if "://" not in str(path) and path.suffix and "/dev/" not in path.as_posix() and not path.exists():
        raise ConfigError(f"{path}: no such file or folder: check the path")  # a device may come later


def _of_output(output: Output, loc: Loc, *, live: bool) -> Iterator[Fault]:
    yield from _tried((*loc, "delivery"), partial(policy_of, output.delivery, live=live, pictures=False))
    if isinstance(output, NotifyOutput):
        yield from _tried(loc, partial(check_target, output), f"{output.type}:")
    fields = _FIELDS.get(output.type)
    for place in output.places() if fields else ():
        yield from _tried((*loc, "path"), partial(Template, place, fields or ()))


def _tried(loc: Loc, work: Callable[[], object], prefix: str = "") -> Iterator[Fault]:
    """The fault that the work raises, without what its message begins with."""
    try:
        work()
    except AlprError as error:
        told = str(error).removeprefix(prefix).strip()
        yield loc, ModelError(told) if isinstance(error, ModelError) else ConfigError(told)
