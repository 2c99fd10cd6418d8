"""Which group of countries a plate is of: what the reader outputs as the plate's region. A country's layout file says
it (configs/plates, key `region`)."""

from __future__ import annotations

from functools import cache

from streamer.engine.zoo import plate_folders
from streamer.plates.countries import regions_of

# In the order of REGIONS in models.reader.network, which is not imported here: it takes PyTorch. With the codes in
# labels of countries that have no layout file.
WITHOUT_LAYOUTS = {
    "china": "MO",
    "europe": "EU MC",
    "north-america": "",
    "latin-america": "BZ GY HT PR SR",
    "asia": "AF BD BT FJ IR JP KP KR LA MN MV NP PG PS SY TH TL YE",
    "africa": "BF BI BJ CD CF CG CV DJ EG ER ET GA GM GN GQ GW KM LR LS LY MG ML MW NE SC SD SL SO SS ST SZ TD TG",
}


@cache
def countries() -> dict[str, int]:
    """The place in the network's REGIONS of every country that is known."""
    places = {code: k for k, codes in enumerate(WITHOUT_LAYOUTS.values()) for code in codes.split()}
    names = list(WITHOUT_LAYOUTS)
    return places | {code: names.index(region) for code, region in regions_of(plate_folders()).items()}


def region_class(country: str) -> int:
    """The place of a two-letter country in the network's REGIONS; -1 where the country is not known."""
    return countries().get(country.upper(), -1)


def region_name(country: str | None) -> str:
    """The group of a two-letter country; `other` where the country is not known."""
    place = region_class(country or "")
    return "other" if place < 0 else tuple(WITHOUT_LAYOUTS)[place]
