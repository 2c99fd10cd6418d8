"""Which group of countries a plate is of: what the reader outputs as the plate's region."""

from __future__ import annotations

# In the order of REGIONS in models.reader.network, which is not imported here: it takes PyTorch.
COUNTRIES = {
    "china": "CN HK MO",
    "europe": "EU AD AL AM AT AZ BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GE GI GR HR HU IE IM IS IT JE LI LT "
    "LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SK SM TR UA XK",
    "north-america": "US CA",
    "latin-america": "AR BO BR BZ CL CO CR CU DO EC GT GY HN HT JM MX NI PA PE PR PY SR SV TT UY VE",
    "asia": "AE AF AU BD BH BN BT FJ ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MV MY NP NZ OM PG "
    "PH PK PS QA SA SG SY TH TJ TL TM TW UZ VN YE",
    "africa": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU "
    "MW MZ NA NE NG RW SC SD SL SN SO SS ST SZ TD TG TN TZ UG ZA ZM ZW",
}
_OF = {code: place for place, codes in enumerate(COUNTRIES.values()) for code in codes.split()}


def region_class(country: str) -> int:
    """The place of a two-letter country in the network's REGIONS; -1 where the country is not known."""
    return _OF.get(country.upper(), -1)


def region_name(country: str | None) -> str:
    """The group of a two-letter country; `other` where the country is not known."""
    place = region_class(country or "")
    return "other" if place < 0 else tuple(COUNTRIES)[place]
