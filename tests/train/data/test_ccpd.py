"""CCPD: what a file name says, which names are refused, and how the downloads are laid out and divided."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import ConfigError, InputError
from train.data.ccpd import ADS, ALPHABET, PROVINCES, parse_name, read_ccpd
from train.data.open import open_dataset

BOX, CORNERS = "154&383_386&473", "386&473_177&454_154&383_363&402"


def name(n: int = 0, plate: str = "", box: str = BOX, corners: str = CORNERS) -> str:
    return f"025-95_113-{box}-{corners}-{plate or f'0_0_22_27_27_33_{n % 34}'}-{37 + n}-15.jpg"


def test_published_example() -> None:
    label = parse_name("025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg")
    assert label.text == "皖AY339S"
    assert label.box == (154, 383, 386, 473)
    assert label.quad == ((154, 383), (363, 402), (386, 473), (177, 454))
    assert (label.area, label.tilt, label.brightness, label.blur) == (0.025, (95, 113), 37, 15)


@pytest.mark.parametrize(
    ("plate", "text"),
    [
        ("0_0_0_0_0_0_0", "皖AAAAAAA"[:7]),
        ("32_23_23_24_33_25_26", "学ZZ0912"),
        ("1_0_3_24_25_26_27_28", "沪AD01234"),  # 8 characters: new energy
        ("33_0_0_0_0_0_0", "AAAAAA"),  # O: no character
        ("0_24_0_0_0_0_0", "皖AAAAA"),
        ("0_0_0_0_0_0_34", "皖AAAAA"),
        ("0_13_13_0_0_0_0", "皖PPAAAA"),  # neither I nor O among the letters
    ],
)
def test_plate_texts(plate: str, text: str) -> None:
    assert parse_name(name(plate=plate)).text == text


@pytest.mark.parametrize(
    ("area", "value"),
    [("025", 0.025), ("0359", 0.0359), ("04", 0.04), ("1", 0.1), ("00360785590278", 0.00360785590278)],
)
def test_area_digits(area: str, value: float) -> None:
    assert parse_name(name().replace("025-", f"{area}-", 1)).area == pytest.approx(value)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("holiday.jpg", "not a CCPD file name"),
        ("", "not a CCPD file name"),
        (name().removesuffix(".jpg"), "not a CCPD file name"),
        (name().removesuffix("jpg") + "txt", "not a CCPD file name"),
        (name().replace("-15.jpg", ".jpg"), "not a CCPD file name"),
        (name().replace("386&473_177", "386_177"), "not a CCPD file name"),
        (name().replace("95_113", "-95_113"), "not a CCPD file name"),
        (name(box="386&383_154&473"), "is no box in a 720x1160 picture"),
        (name(box="154&383_154&473"), "is no box in a 720x1160 picture"),
        (name(box="154&383_721&473"), "is no box in a 720x1160 picture"),
        (name(corners="154&383_363&402_386&473_177&454"), None),  # other start, same turn: cannot be told from a tilt
        (name(corners="386&473_363&402_154&383_177&454"), "corners do not go round"),
        (name(corners="9&9_9&9_9&9_9&9"), "corners do not go round"),
        (name(plate="0_0_22_27_27_33"), "plate of 6 characters; CCPD has 7"),
        (name(plate="0_0_0_0_0_0_0_0_0"), "plate of 9 characters"),
        (name(plate="34_0_0_0_0_0_0"), "character 1 has index 34, at most 33"),
        (name(plate="0_25_0_0_0_0_0"), "character 2 has index 25, at most 24"),
        (name(plate="0_0_0_0_0_0_35"), "character 7 has index 35, at most 34"),
        (name(plate="33_24_34_34_34_34_34"), "without a character"),
    ],
)
def test_bad_names(bad: str, words: str | None) -> None:
    if words is None:
        parse_name(bad)
        return
    with pytest.raises(InputError) as raised:
        parse_name(bad)
    assert str(raised.value).startswith(f"{bad}: ")
    assert words in str(raised.value)


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 23)),
    st.lists(st.integers(0, 33), min_size=5, max_size=6),
    st.integers(0, 700),
    st.integers(0, 1100),
    st.integers(1, 20),
    st.integers(1, 60),
)
def test_names_round_trip(head: tuple[int, int], tail: list[int], x: int, y: int, w: int, h: int) -> None:
    x2, y2 = x + w, y + h
    corners = f"{x2}&{y2}_{x}&{y2}_{x}&{y}_{x2}&{y}"
    label = parse_name(name(plate="_".join(map(str, (*head, *tail))), box=f"{x}&{y}_{x2}&{y2}", corners=corners))
    assert label.text == PROVINCES[head[0]] + ALPHABET[head[1]] + "".join(ADS[k] for k in tail)
    assert label.quad == ((x, y), (x2, y), (x2, y2), (x, y2))
    assert label.box == (x, y, x2, y2)


@given(st.text(max_size=80))
def test_any_other_name_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:  # no random text has seven fields
        parse_name(text)
    assert text in str(raised.value)


def touch(root: Path, relative: str) -> str:
    file = root / relative
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return relative


@pytest.fixture
def ccpd(tmp_path: Path) -> Path:
    """The layout of CCPD-2019 with CCPD-2020's green plates beside it."""
    base = [touch(tmp_path, f"ccpd_base/{name(k)}") for k in range(5)]
    subsets = ("blur", "challenge", "db", "fn", "rotate", "tilt")
    test = [touch(tmp_path, f"ccpd_{s}/{name(10 + k)}") for k, s in enumerate(subsets)]
    touch(tmp_path, f"ccpd_weather/{name(20)}")
    touch(tmp_path, "ccpd_np/1234.jpg")
    for part in ("train", "val", "test"):
        touch(tmp_path, f"CCPD2020/ccpd_green/{part}/{name(plate='0_0_3_24_25_26_27_28')}")
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "train.txt").write_text("\n".join(base[:3]) + "\n")
    (splits / "val.txt").write_text("\n".join(base[3:]))
    (splits / "test.txt").write_text("\n".join(test))
    return tmp_path


def sets(folder: Path, protocol: str, part: str) -> dict[str, int]:
    samples, bad = read_ccpd(folder, protocol, part)  # type: ignore[arg-type]
    assert not bad
    return {str(s.set): sum(t.set == s.set for t in samples) for s in samples}


TEST_SETS = ("ccpd-blur", "ccpd-challenge", "ccpd-db", "ccpd-fn", "ccpd-rotate", "ccpd-tilt", "ccpd-np", "ccpd-green")


@pytest.mark.parametrize(
    ("protocol", "part", "expected"),
    [
        ("2019", "train", {"ccpd-base": 3, "ccpd-green": 1}),
        ("2019", "val", {"ccpd-base": 2, "ccpd-green": 1}),
        ("2019", "test", dict.fromkeys(TEST_SETS, 1)),
        ("seed", "train", {"ccpd-base": 5}),
        ("seed", "val", {"ccpd-weather": 1}),
        ("seed", "test", {"ccpd-challenge": 1}),
    ],
)
def test_protocols(ccpd: Path, protocol: str, part: str, expected: dict[str, int]) -> None:
    assert sets(ccpd, protocol, part) == expected


def test_sample_of_a_name(ccpd: Path) -> None:
    samples, _ = read_ccpd(ccpd, "2019", "test")
    blur = next(s for s in samples if s.subset == "blur")
    assert blur.path.is_file()
    assert blur.relative == f"ccpd_blur/{blur.path.name}"
    assert (blur.kind, blur.country, blur.dataset, blur.split, blur.size) == ("scene", "CN", "CCPD", "dev", (720, 1160))
    (plate,) = blur.plates
    assert (plate.colour, plate.rows, plate.text_source) == ("blue", 1, "file name")
    green = next(s for s in samples if s.subset == "green")
    assert (green.plates[0].text, green.plates[0].colour) == ("皖AD01234", "green")
    empty = next(s for s in samples if s.subset == "np")
    assert (empty.kind, empty.plates, empty.complete) == ("background", (), True)


def test_archive_folder_inside(ccpd: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    for child in [p for p in tmp_path.iterdir() if p != outer]:
        child.rename(outer / child.name)
    (tmp_path / "top").mkdir()
    outer.rename(tmp_path / "top" / "CCPD2019")
    assert sets(tmp_path / "top", "seed", "val") == {"ccpd-weather": 1}


def test_2018_download_has_no_lists(tmp_path: Path) -> None:
    for k, subset in enumerate(("base", "weather", "challenge")):
        touch(tmp_path, f"ccpd_{subset}/{name(k)}")
    assert sets(tmp_path, "seed", "train") == {"ccpd-base": 1}
    assert sets(tmp_path, "seed", "test") == {"ccpd-challenge": 1}
    with pytest.raises(InputError, match=r"train\.txt: is not there.*--protocol seed"):
        read_ccpd(tmp_path, "2019", "train")


def test_green_alone(ccpd: Path) -> None:
    assert sets(ccpd / "CCPD2020", "2019", "train") == {"ccpd-green": 1}
    assert sets(ccpd / "CCPD2020" / "ccpd_green", "2019", "test") == {"ccpd-green": 1}
    with pytest.raises(InputError, match="ccpd_base is not there; protocol seed needs it"):
        read_ccpd(ccpd / "CCPD2020", "seed", "train")


def test_bad_names_are_counted_and_the_run_goes_on(ccpd: Path, caplog: pytest.LogCaptureFixture) -> None:
    for k in range(12):
        touch(ccpd, f"ccpd_base/copy {k} of x.jpg")
    touch(ccpd, "ccpd_base/.DS_Store")
    touch(ccpd, "ccpd_base/Thumbs.db")
    samples, bad = read_ccpd(ccpd, "seed", "train")
    assert (len(samples), bad.count, bad.missing) == (5, 12, 0)
    assert bad.messages[0].startswith("copy 0 of x.jpg: not a CCPD file name")
    assert bad.lines()[-2:] == ["and 2 more names that are not CCPD's", "12 pictures left out because of their names"]
    with caplog.at_level(logging.WARNING):
        assert len(open_dataset(f"ccpd:{ccpd}", "train", protocol="seed")) == 5
    assert "12 pictures left out" in caplog.text
    caplog.clear()
    open_dataset(f"ccpd:{ccpd}", "train", protocol="seed", quiet=True)
    assert not caplog.text


def test_listed_but_missing_pictures_are_counted(ccpd: Path) -> None:
    gone = next((ccpd / "ccpd_blur").iterdir())
    gone.unlink()
    samples, bad = read_ccpd(ccpd, "2019", "test")
    assert (len(samples), bad.count, bad.missing) == (7, 0, 1)
    assert bad.lines() == ["1 pictures named in splits/ are not in the folder and were left out"]


def test_lists_with_doubles_and_backslashes(ccpd: Path) -> None:
    first = (ccpd / "splits" / "train.txt").read_text().splitlines()[0]
    (ccpd / "splits" / "train.txt").write_text(f"{first}\r\n\r\n{first}\r\n{first.replace('/', chr(92))}\r\n")
    assert sets(ccpd, "2019", "train") == {"ccpd-base": 1, "ccpd-green": 1}


def test_wrong_folder_protocol_and_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no CCPD"):
        read_ccpd(tmp_path)
    with pytest.raises(InputError, match="holds no CCPD"):
        read_ccpd(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="protocol 'x': expected 2019 or seed"):
        read_ccpd(tmp_path, "x")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="part 'x': expected train, val or test"):
        read_ccpd(tmp_path, "2019", "x")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="split 'x': expected train, validation, dev"):
        open_dataset(f"ccpd:{tmp_path}", "x")


def test_open_dataset_by_split_and_kind(ccpd: Path) -> None:
    spec = f"ccpd:{ccpd}"
    assert {s.split for s in open_dataset(spec, "validation")} == {"validation"}
    assert [len(open_dataset(spec, "dev", kind)) for kind in ("scene", "background", "crop")] == [7, 1, 0]


@pytest.mark.data
def test_real_names(data_dir: Path) -> None:
    with gzip.open(data_dir / "assets" / "ccpd_names.txt.gz", "rt", encoding="utf-8") as lines:
        labels = [parse_name(line.strip().rpartition("/")[2]) for line in lines]
    assert len(labels) > 90_000
    for label in labels:
        xs, ys = zip(*label.quad, strict=True)
        assert (min(xs), min(ys), max(xs), max(ys)) == label.box
        assert label.quad[0][0] < label.quad[1][0]  # top left is left of top right
        assert len(label.text) == 7
