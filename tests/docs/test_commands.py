"""Every `alpr` command in README and documentation has verbs, options and values that the program knows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from streamer.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")),
         *sorted((ROOT / "deploy").rglob("*.md"))]  # fmt: skip
_BLOCK = re.compile(r"```[a-z]*\n(.*?)```", re.S)
_CODE = re.compile(r"`([^`\n]+)`")
# Placeholders of the text, where the program wants a number or one of some words.
_STANDS_FOR = {"NAME": "name", "N": "1", "SECONDS": "5", "...": None, "…": None}


def commands(text: str) -> Iterator[str]:
    """The command lines that begin with `alpr`, also behind another command, in blocks and between backticks."""
    text = re.sub(r" \\\n\s*", " ", text)
    blocks = _BLOCK.findall(text)
    indented = re.findall(r"^(?: {4}|\t)+(.*)$", _BLOCK.sub("", text), re.M)
    inline = [code for code in _CODE.findall(_BLOCK.sub("", text)) if code.startswith("alpr ") and " --" in code]
    for line in [*(line for block in blocks for line in block.splitlines()), *indented, *inline]:
        for part in re.split(r"&&|\|\||;(?= )|(?<= )\|(?= )", line.strip()):
            found = re.match(r"(?:sudo )?(?:\S*/)?alpr (?=[a-z-])(.*)", part.strip())
            if found and not part.strip().endswith("alpr"):
                yield found.group(1)


def every() -> list[tuple[str, str]]:
    return [(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in commands(page.read_text("utf-8"))]


def words_of(line: str) -> list[str]:
    """As a shell would split it, without comments, redirections and brackets around what may be left out."""
    words = shlex.split(re.sub(r"\[(--[^\]]*)\]", r"\1", line), comments=True)
    cut = next((i for i, word in enumerate(words) if re.match(r"\d?[<>]|&$", word)), len(words))
    firsts = [word.split("|")[0] if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word) else word for word in words[:cut]]
    replaced = [_STANDS_FOR.get(word, word) for word in firsts]
    return [word for word in replaced if word is not None]


def check(words: list[str]) -> None:
    """Raises click.UsageError where the program would refuse the words as such."""
    command: click.Command = cli
    context = click.Context(cli, info_name="alpr")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    if not isinstance(command, click.Group):
        command.make_context(context.info_name, list(words), parent=context.parent)


def test_there_are_many() -> None:
    assert len(every()) > 100
    assert list(commands("x\n\n    cat a | alpr run - --csv b   # c\n\n`alpr check a.yaml --set b=c`\n")) == [
        "run - --csv b   # c", "check a.yaml --set b=c"
    ]  # fmt: skip
    with pytest.raises(click.UsageError):
        check(["run", "a", "--no-such-option"])


@pytest.mark.parametrize("page", sorted({page for page, _ in every()}))
def test_commands_of_a_page(page: str) -> None:
    faults = []
    for line in (line for one, line in every() if one == page):
        try:
            check(words_of(line))
        except (click.exceptions.Exit, click.MissingParameter):  # --help; a sentence may leave out what is clear
            continue
        except (click.UsageError, ValueError) as error:
            told = error.format_message() if isinstance(error, click.UsageError) else str(error)
            faults.append(f"alpr {line}: {told}")
    assert faults == []
