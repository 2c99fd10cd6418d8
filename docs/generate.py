"""The documentation: pages generated from the program beside those that are written by hand, and the site of both.

python docs/generate.py --build out/site
python docs/generate.py --settings        # docs/configuration.md, which is kept in the repository
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import settings_page

import streamer
from streamer.cli import VERBS, cli

DOCS = Path(__file__).parent


def cli_page() -> str:
    """Reference of the command line: the help of every verb that runs without the training extra."""
    parts = ["# Command line\n", "Generated from `alpr --help`.\n", _help(cli, "alpr", None)]
    with click.Context(cli, info_name="alpr") as context:
        for name in VERBS:
            command = cli.get_command(context, name)
            if command is not None:
                parts += [f"\n## alpr {name}\n", _help(command, name, context)]
                parts += [*_subcommands(command, name, context)]
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context | None) -> str:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    return f"```text\n{command.get_help(context)}\n```"


def _subcommands(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        with click.Context(command, info_name=name, parent=parent) as context:
            for sub in command.list_commands(context):
                one = command.get_command(context, sub)
                if one is not None:
                    yield f"\n### alpr {name} {sub}\n"
                    yield _help(one, sub, context)


def python_page() -> str:
    """Reference of the names that `streamer` exports: signature, docstring and public methods of each."""
    parts = ["# Python API\n", "Generated from the docstrings. All of it: `from streamer import NAME`.\n"]
    for name in streamer.__all__:
        one = getattr(streamer, name)
        parts += [f"\n## {name}\n", f"`{one.__module__}`\n", _described(name, one)]
        if inspect.isclass(one):
            for method, function in vars(one).items():
                if inspect.isfunction(function) and not method.startswith("_") and function.__doc__:
                    parts.append(f"\n### {name}.{method}\n")
                    parts.append(_described(method, function))
    return "\n".join(parts)


def _described(name: str, one: object) -> str:
    try:
        signature = str(inspect.signature(one))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        signature = ""
    own = inspect.cleandoc(one.__doc__ or "")
    text = "" if own.startswith(f"{name}(") else own  # what dataclasses make is the signature once more
    return f"```text\n{name}{signature}\n```\n\n{_escaped(text)}\n"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("[", "\\[")


def write(folder: Path) -> None:
    """Copies the documentation to a folder, with the generated pages in it."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / "cli.md").write_text(cli_page(), encoding="utf-8")
    (folder / "reference" / "python.md").write_text(python_page(), encoding="utf-8")
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        text = (DOCS.parent / name).read_text(encoding="utf-8")
        (folder / name.lower()).write_text(text.replace("](docs/", "]("), encoding="utf-8")


def _settings(docs: Path) -> str:
    """The site's settings, with the pages that are there."""
    lines = (docs / "zensical.toml").read_text(encoding="utf-8").splitlines()
    pages = [re.search(r'= "([^"]+\.md)"', line) for line in lines]
    there = [found is None or (docs / found.group(1)).is_file() for found in pages]
    return "\n".join(line for line, keep in zip(lines, there, strict=True) if keep)


def build(site: Path) -> None:
    """Builds the site strictly: a warning (a link to no page) is an error."""
    importlib.import_module("zensical")
    with tempfile.TemporaryDirectory(prefix="alpr-docs-") as name:
        root = Path(name)
        write(root / "docs")
        (root / "zensical.toml").write_text(_settings(root / "docs"), encoding="utf-8")
        (root / "docs" / "zensical.toml").unlink()
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=root, check=True)
        shutil.copytree(root / "site", site, dirs_exist_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, metavar="FOLDER", help="folder for the site")
    parser.add_argument("--settings", action="store_true", help="write docs/configuration.md anew")
    given = parser.parse_args()
    if not (given.build or given.settings):
        parser.error("expected --build FOLDER or --settings")
    if given.settings:
        settings_page.PAGE.write_text(settings_page.page(), encoding="utf-8")
    if given.build:
        build(given.build)
