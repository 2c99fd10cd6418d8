"""Links of README and docs lead somewhere; generated pages name every verb; the site builds strictly."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import streamer
from streamer.cli import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
sys.path.insert(0, str(ROOT / "docs"))
import generate  # noqa: E402


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, by GitHub's rule."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}: no such file"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}: no such heading"


def test_generated_pages_are_whole() -> None:
    text = generate.cli_page()
    assert all(f"## alpr {verb}\n" in text for verb in VERBS)
    assert "--log-format" in text
    text = generate.python_page()
    assert all(f"## {name}\n" in text for name in streamer.__all__)


@pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="zensical is not installed (extra docs)")
def test_site_builds_strictly(tmp_path: Path) -> None:
    generate.build(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").is_file()
    assert (tmp_path / "site" / "reference" / "cli.html").is_file()
