"""The page's foundation: sections, strings, faults, files, the prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from starlette.testclient import TestClient
from webkit import served

from streamer.config.web import WebConfig
from streamer.serve.web import strings
from streamer.serve.web.page import STATIC
from streamer.serve.web.sections import sections
from streamer.serve.web.strings import LANGUAGES, chosen, texts

WEB = STATIC.parent
USED = re.compile(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with served() as one:
        yield one


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_languages_have_the_same_texts(language: str) -> None:
    english, other = texts("en"), texts(language)
    assert set(english) == set(other)
    assert [key for key in english if fields(english[key]) != fields(other[key])] == []
    assert [key for key, text in other.items() if not text.strip()] == []


def test_every_text_that_is_used_is_there() -> None:
    known = texts("en")
    used = {key for file in WEB.rglob("*.html") for key in USED.findall(file.read_text("utf-8"))}
    used |= {f"{one.name}.nav" for one in sections()}
    assert len(used) > 30
    assert sorted(used - set(known)) == []


def test_texts_are_utf8_yaml_of_plain_lines() -> None:
    for file in strings.FOLDER.rglob("*.yaml"):
        for line in file.read_text("utf-8").splitlines():
            assert re.fullmatch(r'\w+: ".*"|#.*|', line), f'{file.name}: {line}: expected key: "text"'


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"), ("zh", "en", "zh"), ("xx", "zh-CN,zh;q=0.9", "zh"), (None, "fr, de;q=0.5, zh", "zh"),
        (None, "fr", "en"), ("../en", "", "en"),
    ],
)  # fmt: skip
def test_the_language(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_home_leads_to_the_live_page(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "/live"
    page = client.get("/live", headers={"accept-language": "zh-CN"})
    assert page.status_code == 200
    assert '<html lang="zh-Hans"' in page.text
    assert "实时" in page.text


def test_every_section_answers(client: TestClient) -> None:
    for one in sections():
        answer = client.get(f"/{one.name}")
        assert answer.status_code in (200, 409), one.name
        assert 'aria-current="page"' in answer.text or answer.status_code == 409


def test_no_page_has_inline_scripts_or_styles() -> None:
    for file in WEB.rglob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on", text), file
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), file
        assert not re.search(r"""(src|href|action|connect|hx-\w+)=["']?(https?:)?//""", text), file


def test_files_have_tags_and_no_other_is_served(client: TestClient) -> None:
    page = client.get("/live").text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        plain = client.get(path, headers={"accept-encoding": "identity"})
        assert plain.content == answer.content
    for path in ("/static/", "/static/..", "/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd",
                 "/static/vendor", "/static/app.css/", "/static/%00", "/static/..%5capp.py"):  # fmt: skip
        assert client.get(path).status_code in (404, 303), path


def test_libraries_come_with_their_licences() -> None:
    folders = [one for one in (STATIC / "vendor").iterdir() if one.is_dir()]
    assert {one.name for one in folders} == {"htmx", "htmx-ext-sse", "uplot"}
    assert all((one / "LICENSE").read_text("utf-8").strip() for one in folders)


def test_below_a_prefix(tmp_path: Path) -> None:
    with served(web=WebConfig(at="8080", prefix="/alpr/")) as client:
        assert client.get("/alpr").headers["location"] == "/alpr/"
        assert client.get("/alpr/").headers["location"] == "/alpr/live"
        page = client.get("/alpr/live").text
        paths = re.findall(r'(?:src|href|action|sse-connect)="(/[^"]*)"', page)
        assert paths
        assert [path for path in paths if not path.startswith("/alpr/")] == []
        assert all(client.get(path).status_code == 200 for path in paths if "/static/" in path)
        assert client.get("/live").status_code == 200  # a proxy that takes the prefix off


def test_faults_are_pages_for_people_and_json_for_programs(client: TestClient) -> None:
    page = client.get("/nothing")
    assert page.status_code == 404
    assert "There is no such page" in page.text
    answer = client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "There is no such page"
    part = client.get("/nothing", headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert client.delete("/live").status_code == 405
