"""The columns of the files that are imported: what each means, its codes, and what happens without it.

Names and codes follow what P3KE and DTKS extracts carry; coded answers use the lists of the form REGSOSEK22-K.
Both files are UTF-8 without a byte order mark, separated by commas, quoted where needed, with one header line.
A row is a person. ``id_keluarga`` ties the rows of a family together and they stand next to each other; the columns
of unit FAMILY repeat on every row of the family. ``python -m local.register.columns`` prints this page as Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """Whom a column describes."""

    ROW = "row"
    PERSON = "person"
    FAMILY = "family"


class Need(StrEnum):
    """What an importer does with an empty cell."""

    REQUIRED = "required"
    """An empty cell is a reason to refuse the row."""
    CONDITIONAL = "conditional"
    """Empty only where the neighbouring reason column says why."""
    OPTIONAL = "optional"
    """Empty means unknown or not applicable."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the header line, its meaning, its format and the code list it draws from."""

    name: str
    meaning: str
    unit: Unit
    need: Need
    form: str
    codes: str | None = None


CODES: Final[dict[str, dict[str, str]]] = {
    "sex": {"L": "male", "P": "female"},
    "yes_no": {"1": "yes", "2": "no"},
    "relation": {
        "1": "head",
        "2": "spouse",
        "3": "child",
        "4": "child-in-law",
        "5": "grandchild",
        "6": "parent",
        "7": "servant",
        "8": "other",
    },
    "marital": {"1": "single", "2": "married", "3": "divorced", "4": "widowed"},
    "school": {"1": "never-or-not-yet", "2": "attending", "3": "left"},
    "job": {
        "1": "self-employed",
        "2": "self-employed-with-unpaid-help",
        "3": "self-employed-with-paid-help",
        "4": "employee",
        "5": "civil-servant-army-police-state-firm",
        "6": "casual-farm",
        "7": "casual-other",
        "8": "unpaid-family-work",
    },
    "tenure": {"1": "own", "2": "rent", "3": "rent-free", "4": "official", "5": "other"},
    "land_proof": {
        "1": "certificate-own-name",
        "2": "certificate-other-name-with-agreement",
        "3": "certificate-other-name-without-agreement",
        "4": "other-certificate",
        "5": "girik-or-letter-c",
        "6": "none",
    },
    "floor": {
        "1": "marble-granite",
        "2": "ceramic",
        "3": "parquet-vinyl-carpet",
        "4": "tile-terrazzo",
        "5": "wood",
        "6": "cement-brick",
        "7": "bamboo",
        "8": "earth",
        "9": "other",
    },
    "wall": {
        "1": "masonry",
        "2": "plastered-bamboo-wire",
        "3": "wood-board-gypsum-grc",
        "4": "woven-bamboo",
        "5": "logs",
        "6": "bamboo",
        "7": "other",
    },
    "roof": {
        "1": "concrete",
        "2": "tile",
        "3": "zinc",
        "4": "asbestos",
        "5": "wood-shingle",
        "6": "bamboo",
        "7": "thatch",
        "8": "other",
    },
    "water": {
        "1": "branded",
        "2": "refill",
        "3": "piped",
        "4": "bore-pump",
        "5": "protected-well",
        "6": "unprotected-well",
        "7": "protected-spring",
        "8": "unprotected-spring",
        "9": "surface",
        "10": "rain",
        "11": "other",
    },
    "waste_distance": {"1": "under-10-m", "2": "10-m-or-more", "3": "unknown"},
    "light": {"1": "pln-metered", "2": "pln-unmetered", "3": "non-pln", "4": "none"},
    "power": {"1": "450-w", "2": "900-w", "3": "1300-w", "4": "2200-w", "5": "over-2200-w"},
    "fuel": {
        "1": "electric",
        "2": "lpg-5-5-kg",
        "3": "lpg-12-kg",
        "4": "lpg-3-kg",
        "5": "city-gas",
        "6": "biogas",
        "7": "kerosene",
        "8": "briquette",
        "9": "charcoal",
        "10": "firewood",
        "11": "other",
        "12": "none",
    },
    "toilet": {"1": "own", "2": "shared", "3": "communal", "4": "public", "5": "not-used", "6": "none"},
    "closet": {"1": "gooseneck", "2": "plengsengan-covered", "3": "plengsengan-uncovered", "4": "pit"},
    "disposal": {
        "1": "septic",
        "2": "ipal",
        "3": "water-body",
        "4": "hole",
        "5": "open-land",
        "6": "other",
    },
    "no_nik_reason": {
        "1": "not-recorded-yet",
        "2": "newborn",
        "3": "homeless",
        "4": "papers-lost",
    },
    "no_kk_reason": {
        "1": "homeless",
        "2": "in-care-of-an-institution",
        "3": "migrant-without-transfer-letter",
        "4": "unregistered-marriage",
    },
    "dukcapil": {"1": "match", "2": "no-match"},
}
"""Code lists: name → code in the file → word: Regsosek22-K, but for the two reason lists and ``dukcapil`` (ours)."""

_NUMBER: Final = "16 digits"
_CODE: Final = "code"
_DATE: Final = "YYYY-MM-DD"

_ROW_NUMBER: Final = Column("no_urut", "Running number of the row, from 1; unique in the file.", Unit.ROW,
                            Need.REQUIRED, "integer")  # fmt: skip
_FAMILY_ID: Final = Column("id_keluarga", "Family in the sending register; the same in both files; no personal data.",
                           Unit.FAMILY, Need.REQUIRED, "SMD-000001")  # fmt: skip
_NIK: Final = Column("nik", "Person number of the population register.", Unit.PERSON, Need.REQUIRED, _NUMBER)
_NO_NIK: Final = Column("alasan_tanpa_nik", "Why the person has no number; empty where there is one.", Unit.PERSON,
                        Need.OPTIONAL, _CODE, "no_nik_reason")  # fmt: skip
_NAME: Final = Column("nama", "Full name as on the card; one word is a full name.", Unit.PERSON, Need.REQUIRED, "text")
_KK: Final = Column("nomor_kartu_keluarga", "Family-card number, on every row of the family.", Unit.FAMILY,
                    Need.REQUIRED, _NUMBER)  # fmt: skip
_BORN: Final = Column("tanggal_lahir", "Recorded birth date; it wins over the digits of the person number.",
                      Unit.PERSON, Need.REQUIRED, _DATE)  # fmt: skip
_SEX: Final = Column("jenis_kelamin", "Sex.", Unit.PERSON, Need.REQUIRED, _CODE, "sex")
_RELATION: Final = Column("status_hubungan_keluarga", "Relation to the head of the family.", Unit.PERSON,
                          Need.REQUIRED, _CODE, "relation")  # fmt: skip
_ADDRESS: Final = Column("alamat", "Street and number of the real domicile.", Unit.FAMILY, Need.OPTIONAL, "text")
_RT: Final = Column("rt", "Neighbourhood unit (rukun tetangga).", Unit.FAMILY, Need.OPTIONAL, "3 digits")
_RW: Final = Column("rw", "Neighbourhood association (rukun warga).", Unit.FAMILY, Need.OPTIONAL, "3 digits")
_REGION: Final = Column("kode_wilayah", "Kelurahan, Kemendagri code.", Unit.FAMILY, Need.REQUIRED, "64.72.05.1002")
_DECILE: Final = Column("desil", "National welfare decile, 1 is poorest.", Unit.FAMILY, Need.OPTIONAL, "1 to 10")


def _person(name: str, meaning: str, codes: str) -> Column:
    return Column(name, meaning, Unit.PERSON, Need.OPTIONAL, _CODE, codes)


def _family(name: str, meaning: str, codes: str) -> Column:
    return Column(name, meaning, Unit.FAMILY, Need.OPTIONAL, _CODE, codes)


REGISTER: Final[tuple[Column, ...]] = (
    _ROW_NUMBER,
    _FAMILY_ID,
    replace(_NIK, need=Need.CONDITIONAL),
    _NO_NIK,
    _NAME,
    replace(_KK, need=Need.CONDITIONAL),
    Column("alasan_tanpa_kk", "Why the household has no family card; empty where there is one.", Unit.FAMILY,
           Need.OPTIONAL, _CODE, "no_kk_reason"),
    _BORN,
    _SEX,
    _RELATION,
    _person("status_kawin", "Marital status.", "marital"),
    _ADDRESS,
    _RT,
    _RW,
    _REGION,
    _DECILE,
    _person("partisipasi_sekolah", "Schooling; empty below five years.", "school"),
    _person("status_pekerjaan", "Kind of job; empty for who does not work.", "job"),
    _person("kepemilikan_usaha", "Owns a business.", "yes_no"),
    _person("penyandang_disabilitas", "Lives with a disability.", "yes_no"),
    _person("ibu_hamil", "Is pregnant; empty for whom the question is not asked.", "yes_no"),
    Column("no_hp", "Mobile phone, with a leading zero; shared and recycled numbers are normal.", Unit.PERSON,
           Need.OPTIONAL, "08…"),
    _family("status_kepemilikan_rumah", "Tenure of the dwelling (301a).", "tenure"),
    _family("bukti_kepemilikan_tanah", "Proof of the land (301b); empty unless the dwelling is owned.", "land_proof"),
    Column("luas_lantai_m2", "Floor area in whole square metres (302).", Unit.FAMILY, Need.OPTIONAL, "integer"),
    _family("jenis_lantai_terluas", "Main floor (303).", "floor"),
    _family("jenis_dinding_terluas", "Main wall (304).", "wall"),
    _family("jenis_atap_terluas", "Main roof (305).", "roof"),
    _family("sumber_air_minum_utama", "Drinking water (306a).", "water"),
    _family("jarak_limbah", "From well to waste (306b); empty for other water.", "waste_distance"),
    _family("sumber_penerangan_utama", "Light (307a).", "light"),
    _family("daya_terpasang", "Power of the connection (307b); empty without a meter.", "power"),
    _family("bahan_bakar_utama_memasak", "Cooking fuel (308).", "fuel"),
    _family("fasilitas_bab", "Toilet (309a).", "toilet"),
    _family("jenis_kloset", "Closet (309b); empty without a toilet.", "closet"),
    _family("pembuangan_akhir_tinja", "Where it ends (310).", "disposal"),
    _family("penerima_pkh", "Receives the national conditional cash transfer (PKH).", "yes_no"),
    _family("penerima_sembako", "Receives the national food aid.", "yes_no"),
    _family("penerima_pbi_jk", "Health premium is paid by the state.", "yes_no"),
)  # fmt: skip
"""``register.csv``: the wider register, one row per person."""

COHORT: Final[tuple[Column, ...]] = (
    _ROW_NUMBER,
    _FAMILY_ID,
    _NIK,
    _NAME,
    _KK,
    _BORN,
    _SEX,
    _RELATION,
    _ADDRESS,
    _RT,
    _RW,
    _REGION,
    _DECILE,
    Column("padan_dukcapil", "Whether the civil registry knows the person.", Unit.PERSON, Need.REQUIRED, _CODE,
           "dukcapil"),
)  # fmt: skip
"""``cohort.csv``: the closed list (P3KE) as received. Every row is an entry, also a damaged one."""


def header(columns: Sequence[Column]) -> list[str]:
    """The header line of a file."""
    return [column.name for column in columns]


def as_markdown() -> str:
    """Both files and all code lists as Markdown tables."""
    lines: list[str] = []
    for title, columns in (("register.csv", REGISTER), ("cohort.csv", COHORT)):
        lines += [f"## {title}", "", "| # | column | unit | need | form | codes | meaning |", "|---" * 7 + "|"]
        lines += [
            f"| {number} | `{column.name}` | {column.unit} | {column.need} | {column.form} "
            f"| {column.codes or ''} | {column.meaning} |"
            for number, column in enumerate(columns, start=1)
        ]
        lines.append("")
    lines += ["## Code lists", "", "| list | codes |", "|---|---|"]
    lines += [f"| {name} | {', '.join(map(' '.join, codes.items()))} |" for name, codes in CODES.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
