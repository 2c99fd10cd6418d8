"""A click group that imports a verb only when it is used."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from streamer.errors import ConfigError


@dataclass(frozen=True)
class Verb:
    """`target`: `module:function` of the click command; `help`: its line in the group's help."""

    target: str
    help: str


class PipeClosed(Exception):
    """The reader of our standard output has closed it, as in `alpr read ... | head`."""


class LazyGroup(click.Group):
    """`verbs` of the run time, and `train_verbs` that are looked up in `train.cli.VERBS` when called."""

    def __init__(self, *, verbs: Mapping[str, Verb], train_verbs: Mapping[str, str], **rest: Any) -> None:
        super().__init__(**rest)
        self._verbs = dict(verbs)
        self._train_verbs = dict(train_verbs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click itself would end with 1 here
            raise PipeClosed from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._verbs, *self._train_verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._verbs:
            return _load(self._verbs[cmd_name].target)
        return train_command(cmd_name) if cmd_name in self._train_verbs else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, verb.help) for name, verb in self._verbs.items()] + list(self._train_verbs.items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"no command {name!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


def train_command(name: str) -> click.Command:
    """The verb `name` of the training code; ConfigError with the installation command where it is missing."""
    if not _has_train_cli():
        raise ConfigError(
            f"alpr {name} needs the training extra: git clone the project, then pip install -e '.[train]' in it"
        )
    verbs: Mapping[str, tuple[str, str]] = importlib.import_module("train.cli").VERBS
    if name not in verbs:
        raise ConfigError(f"alpr {name}: this checkout's training code has no such verb (it has {', '.join(verbs)})")
    try:
        return _load(verbs[name][0])
    except ModuleNotFoundError as error:
        raise ConfigError(f"alpr {name} needs {error.name}: pip install -e '.[train]' in the checkout") from None


def _has_train_cli() -> bool:
    try:
        return importlib.util.find_spec("train.cli") is not None
    except ModuleNotFoundError:
        return False


def _load(target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command), target
    return command
