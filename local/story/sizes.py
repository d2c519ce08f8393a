"""Programme files at the size of the city: as they ship for the whole of Samarinda, in proportion for a smaller one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from local.register.figures import CITY
from local.story.truth import Truth

_SHIPPED: Final = Path(__file__).parents[2] / "services" / "programs" / "programmes"
SUCCESSORS_MIN: Final = 10
"""The line of UEP holds at least so many grants more than there are places: one for each kecamatan."""


def programme_file(name: str, truth: Truth) -> dict[str, Any]:
    """The body with which an officer publishes a programme: by its name at full size, else as a document."""
    if is_whole(truth):
        return {"file": name}
    document = yaml.safe_load((_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
    _SHRINK[name](document, truth)
    return {"document": yaml.safe_dump(document, allow_unicode=True, sort_keys=False)}


def is_whole(truth: Truth) -> bool:
    return bool(truth.figures["families"] == CITY.families)


def uep_places(truth: Truth) -> dict[str, int]:
    """Kecamatan → places of UEP in this city."""
    document = yaml.safe_load((_SHIPPED / f"{UEP_FILE}.yaml").read_text(encoding="utf-8"))
    return {quota["region"]: _part(quota["places"], truth) for quota in document["quotas"]}


def _part(count: int, truth: Truth) -> int:
    return max(1, round(count * int(truth.figures["families"]) / CITY.families))


def _cash(document: dict[str, Any], truth: Truth) -> None:
    persons = truth.figures["persons_in_cash_line"]
    document["quotas"][0]["places"] = persons
    document["fund_lines"][0]["ceiling_rupiah"] = persons * document["benefit"]["rupiah"]


def _business(document: dict[str, Any], truth: Truth) -> None:
    for quota in document["quotas"]:
        quota["places"] = _part(quota["places"], truth)
    grants = sum(quota["places"] for quota in document["quotas"]) + SUCCESSORS_MIN
    document["fund_lines"][0]["ceiling_rupiah"] = grants * document["benefit"]["rupiah"]


def _houses(document: dict[str, Any], truth: Truth) -> None:
    houses = truth.figures["houses_in_line"]
    document["fund_lines"][0]["ceiling_rupiah"] = houses * document["benefit"]["rupiah"]


BLT_FILE: Final = "blt-samarinda-2022"
UEP_FILE: Final = "uep-samarinda-2023"
RTLH_FILE: Final = "bedah-rumah-samarinda-2023"
_SHRINK: Final = {BLT_FILE: _cash, UEP_FILE: _business, RTLH_FILE: _houses}
