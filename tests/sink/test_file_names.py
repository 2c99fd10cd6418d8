"""Names of files made from free text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sink.file_names import FileNames, file_name


def test_distinct_texts_have_distinct_names() -> None:
    forms = [unicodedata.normalize(form, "Süd") for form in ("NFC", "NFD")]
    texts = ["Gate/1", "Gate_1", "Gate 1", "..", ".", "", "camera", "CON", "nul.txt", "x" * 300, "x" * 301, *forms]
    names = [file_name(text) for text in texts]
    assert len({unicodedata.normalize("NFC", n).casefold() for n in names}) == len(texts)
    assert names[1] == "Gate_1"
    assert max(len(n.encode()) for n in names) < 140


def test_case_alone_does_not_make_a_name() -> None:
    names = FileNames()
    assert names.of("Gate") == names.of("Gate") == "Gate"
    assert names.of("GATE").startswith("GATE-")


@pytest.mark.parametrize("text", ["CON", "nul.csv", "a.", " a", "com1"])
def test_names_that_a_system_refuses_are_altered(text: str) -> None:
    assert file_name(text) != text


@given(st.text())
def test_a_name_is_one_component(text: str) -> None:
    name = file_name(text)
    assert name
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name.strip(". ") == name
