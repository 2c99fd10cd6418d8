"""The command `alpr`: a group that imports verbs lazily, and the mapping of errors to exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from streamer.cli.console import notice, print_line, report_error, settle_streams, stop_log
from streamer.cli.lazy import LazyGroup, PipeClosed, Verb
from streamer.errors import AlprError

VERBS = {
    "demo": Verb("streamer.cli.demo:demo", "Read the drawn clip that comes with the program."),
    "init": Verb("streamer.cli.init:init", "Write a first configuration by five questions."),
    "run": Verb("streamer.cli.run:run", "Read the plates of a video, a folder or an address."),
    "read": Verb("streamer.cli.read:read", "Read the plates of pictures."),
    "archive": Verb("streamer.cli.archive:archive", "Read recordings by the folder, on one machine or many."),
    "replay": Verb("streamer.cli.replay:replay", "Track and vote again from a recording."),
    "find": Verb("streamer.cli.find:find", "Find passages in a store."),
    "store": Verb("streamer.cli.store:store", "Import, export and upkeep of a store."),
    "serve": Verb("streamer.cli.serve:serve", "Show a store in a browser."),
    "user": Verb("streamer.cli.user:user", "Users of the page in a browser."),
    "explain": Verb("streamer.cli.explain:explain", "Show why tracks have no row."),
    "bench": Verb("streamer.cli.bench:bench", "Measure speed on this machine."),
    "doctor": Verb("streamer.cli.doctor:doctor", "Check this machine and a camera."),
    "chaos": Verb("streamer.cli.chaos:chaos", "Serve a video as an RTSP camera with faults."),
    "fleet": Verb("streamer.cli.fleet:fleet", "Read many cameras on many nodes."),
    "soak": Verb("streamer.cli.soak:soak", "Play clips for hours and measure memory growth."),
    "migrate": Verb("streamer.cli.migrate:migrate", "Convert the configuration of another program."),
    "service": Verb("streamer.cli.service:service", "Run under systemd: write the unit file."),
    "notify": Verb("streamer.cli.notify:notify", "Try targets of notifications, and see what waits for them."),
    "watch": Verb("streamer.cli.watch:watch", "Check and try lists of plates to watch for."),
    "check": Verb("streamer.cli.check:check", "Check a configuration file."),
}
# These need torch and belong to the training code; they work where that is installed.
TRAIN_VERBS = {
    "train": "Train a network (training extra).",
    "export": "Convert trained networks for the run time (training extra).",
    "eval": "Measure networks on labelled data (training extra).",
    "synth": "Draw plates and clips (training extra).",
}
# Parts of the loader's message when OpenCV's system libraries are missing.
_SYSTEM_LIBRARIES = ("libGL", "libgthread", "libglib", "libSM", "libXext", "libXrender", "libxcb", "libEGL")

# Errors of writing to a standard stream.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        print_line(f"alpr {_version()}")
        context.exit()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("alpr-streamer")
    except PackageNotFoundError:
        return "unknown (not installed)"


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    train_verbs=TRAIN_VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 a bug, 2 usage or configuration, 3 an input failed (the others were done), 4 an "
    "output could not be written, 5 a model is missing or altered, 130 Ctrl-C.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Licence plates from video: one row per passage of a vehicle, on a plain CPU."""
    stop_log()  # of a command before this one in the same process


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits.

    0 done, 1 our bug, 2 usage or configuration, 3 an input failed, 4 an output could not be written, 5 a model is
    missing or altered, 130 Ctrl-C.
    """
    settle_streams()
    try:
        _main(arguments)
    finally:
        stop_log()


def _main(arguments: list[str] | None) -> NoReturn:
    try:
        code = cli.main(args=arguments, prog_name="alpr", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except AlprError as error:
        _fail(str(error), error.exit_code, getattr(error, "messages", ()))
    except BrokenPipeError:
        _abandon_stdout()
        sys.exit(0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        _fail(error.format_message() + hint, 2)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        notice("alpr: stopped by Ctrl-C")
        sys.exit(130)
    except PipeClosed:
        _abandon_stdout()
        sys.exit(0)
    except OSError as error:
        if error.errno == errno.ENOENT and _folder_is_gone():
            _fail("the working folder no longer exists: change to another (cd)", 2)
        if error.filename is not None or error.errno not in _FULL:
            raise
        _abandon_stdout()
        _fail(f"standard output: cannot be written ({os.strerror(error.errno)}): free space or give another output", 4)
    except ImportError as error:
        if not any(name in str(error) for name in _SYSTEM_LIBRARIES):
            raise
        library = str(error).split(":", maxsplit=1)[0]
        _fail(
            f"OpenCV lacks a system library ({library}): apt-get install libgl1 libglib2.0-0, or use the build that "
            "needs none: pip uninstall opencv-python && pip install opencv-python-headless",
            1,
        )


def _fail(message: str, code: int, messages: Sequence[str] = ()) -> NoReturn:
    """Reports the error, or each of several, and exits."""
    for one in messages or (message,):
        report_error(one)
    sys.exit(code)


def _folder_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _abandon_stdout() -> None:
    """Redirects standard output to the null device, so that the interpreter's final flush does not fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
