"""The programme that the drills pay: as the city's cash aid, for whoever was verified, and with room for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_SHIPPED = Path(__file__).parents[2] / "services" / "programs" / "programmes" / "blt-samarinda-2022.yaml"
PROGRAMME = "BLT-2022"
PERIOD = "2022"
FUND_LINE = "APBD-2022/64.72/BLT"
PLACES = 1_000_000


def document() -> dict[str, Any]:
    """The body with which an officer publishes it."""
    programme = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))
    del programme["cohort"]
    programme["eligibility"] = [each for each in programme["eligibility"] if each["kind"] == "confirmed-members"]
    programme["quotas"][0]["places"] = PLACES
    programme["fund_lines"][0]["ceiling_rupiah"] = PLACES * programme["benefit"]["rupiah"]
    return {"document": yaml.safe_dump(programme, allow_unicode=True, sort_keys=False)}
