"""What callers send: strict, and bounded in every direction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from services.intake.rules.cases import PURPOSES
from services.intake.rules.families import FAMILY_ROWS_MAX
from services.intake.rules.proposals import words_of
from services.intake.rules.rows import ADDRESS_MAX, NAME_MAX
from shared.events.fields import Code, RegionCode, Revision

LOOKS_MAX = 200
"""So many households are looked at in one request at most; each leaves its own audit row."""


class _Among:
    """One of these words; pydantic looks without asking Python for each."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.chain_schema([handler(source), core_schema.literal_schema(self._words)])


def _among(*words: str) -> _Among:
    return _Among(words)


def _word_of(column: str) -> _Among:
    return _Among(words_of(column))


Number = Annotated[str, Field(max_length=40)]
Relation = Annotated[Code, _word_of("status_hubungan_keluarga")]
LeavingReason = Annotated[Code, _among("died", "moved", "married-away", "entered-in-error", "other-household")]
WithdrawalReason = Annotated[Code, _among("entered-in-error", "moved-away", "died-out", "at-own-request")]
CorrectionReason = Annotated[
    Code,
    _among(
        "roster-corrected", "moved", "member-born", "member-died", "member-left", "member-joined", "new-family-card",
        "data-corrected",
    ),
]  # fmt: skip
Purpose = Annotated[Code, _among(*PURPOSES)]
Resolution = Annotated[Code, _among("same-person", "moved-here", "different-people")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewHousing(Body):
    tenure: Annotated[Code, _word_of("status_kepemilikan_rumah")] | None = None
    floor: Annotated[Code, _word_of("jenis_lantai_terluas")] | None = None
    wall: Annotated[Code, _word_of("jenis_dinding_terluas")] | None = None
    roof: Annotated[Code, _word_of("jenis_atap_terluas")] | None = None
    floor_area_m2: int | None = Field(None, ge=0, le=10_000)
    toilet: Annotated[Code, _word_of("fasilitas_bab")] | None = None
    water: Annotated[Code, _word_of("sumber_air_minum_utama")] | None = None


class NewMember(Body):
    """A person as the officer writes them down. Without a NIK a coded reason is needed."""

    name: str = Field(max_length=NAME_MAX)
    nik: Number | None = None
    no_nik_reason: Annotated[Code, _word_of("alasan_tanpa_nik")] | None = None
    birth_date: date
    sex: Literal["L", "P"]
    relation: Relation
    phone: str | None = Field(None, max_length=24)
    at_school: bool | None = None
    works: bool | None = None
    has_business: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None


class NewHousehold(Body):
    """A household as the officer writes it down. Without a family card a coded reason is needed."""

    region: RegionCode
    register_code: Code = "own"
    family_card_number: Number | None = None
    without_card_reason: Annotated[Code, _word_of("alasan_tanpa_kk")] | None = None
    address: str = Field("", max_length=ADDRESS_MAX)
    rt: str = Field("", max_length=3)
    rw: str = Field("", max_length=3)
    decile: int | None = Field(None, ge=1, le=10)
    housing: NewHousing | None = None
    members: list[NewMember] = Field(min_length=1, max_length=FAMILY_ROWS_MAX)


class Leaving(Body):
    member_id: UUID
    reason: LeavingReason


class ChangedMember(Body):
    """What is to stand instead; what is not named stays."""

    member_id: UUID
    name: str | None = Field(None, min_length=1, max_length=NAME_MAX)
    birth_date: date | None = None
    sex: Literal["L", "P"] | None = None
    relation: Relation | None = None
    phone: str | None = Field(None, max_length=24)
    at_school: bool | None = None
    works: bool | None = None
    has_business: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None


class Correction(Body):
    """A change of a household that stands in the register, with its reason and the revision it was made on."""

    revision: Revision
    reason: CorrectionReason
    region: RegionCode | None = None
    family_card_number: Number | None = None
    address: str | None = Field(None, max_length=ADDRESS_MAX)
    rt: str | None = Field(None, max_length=3)
    rw: str | None = Field(None, max_length=3)
    decile: int | None = Field(None, ge=1, le=10)
    housing: NewHousing | None = None
    joining: list[NewMember] = Field(default_factory=list, max_length=FAMILY_ROWS_MAX)
    leaving: list[Leaving] = Field(default_factory=list, max_length=FAMILY_ROWS_MAX)
    changed: list[ChangedMember] = Field(default_factory=list, max_length=FAMILY_ROWS_MAX)


class Withdrawal(Body):
    revision: Revision
    reason: WithdrawalReason


class NameSearch(Body):
    """Names are searched within a kecamatan: the region is one, or a kelurahan or desa of it."""

    name: str = Field(min_length=2, max_length=NAME_MAX)
    region: RegionCode
    birth_year: int | None = Field(None, ge=1900, le=2200)


class Look(Body):
    household_id: UUID
    purpose: Purpose


class Looks(Body):
    household_ids: list[UUID] = Field(min_length=1, max_length=LOOKS_MAX)
    purpose: Purpose


class Resolve(Body):
    nik: Number
    purpose: Purpose


class Resolving(Body):
    resolution: Resolution


class ResolvingMany(Body):
    """The same decision on many open questions: of one file, one closed list, or named ones."""

    resolution: Annotated[Code, _among("same-person")]
    import_id: UUID | None = None
    cohort: str | None = Field(None, max_length=40)
    duplicate_ids: list[UUID] = Field(default_factory=list, max_length=1_000)
