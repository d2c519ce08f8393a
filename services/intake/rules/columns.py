"""The columns of the files that can be imported, and the words behind their codes.

Register files have the shape of DTKS and P3KE extracts, coded as the form REGSOSEK22-K; a closed list has fewer columns
and says whether the civil registry knows the person. A row is a person; the rows of a family stand together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FileKind(StrEnum):
    REGISTER = "register"
    COHORT = "cohort"


# What a row cannot do without; the other columns may be absent from a file, and their cells may be empty.
_PERSON: Final = (
    "no_urut",
    "id_keluarga",
    "nik",
    "nama",
    "nomor_kartu_keluarga",
    "tanggal_lahir",
    "jenis_kelamin",
    "status_hubungan_keluarga",
    "kode_wilayah",
)
REQUIRED: Final[dict[FileKind, tuple[str, ...]]] = {
    FileKind.REGISTER: _PERSON,
    FileKind.COHORT: (*_PERSON, "padan_dukcapil"),
}
_ADDRESS: Final = ("alamat", "rt", "rw", "desil")
OPTIONAL: Final[dict[FileKind, tuple[str, ...]]] = {
    FileKind.REGISTER: (
        *_ADDRESS,
        "alasan_tanpa_nik",
        "alasan_tanpa_kk",
        "status_kawin",
        "partisipasi_sekolah",
        "status_pekerjaan",
        "kepemilikan_usaha",
        "penyandang_disabilitas",
        "ibu_hamil",
        "no_hp",
        "status_kepemilikan_rumah",
        "bukti_kepemilikan_tanah",
        "luas_lantai_m2",
        "jenis_lantai_terluas",
        "jenis_dinding_terluas",
        "jenis_atap_terluas",
        "sumber_air_minum_utama",
        "jarak_limbah",
        "sumber_penerangan_utama",
        "daya_terpasang",
        "bahan_bakar_utama_memasak",
        "fasilitas_bab",
        "jenis_kloset",
        "pembuangan_akhir_tinja",
        "penerima_pkh",
        "penerima_sembako",
        "penerima_pbi_jk",
    ),
    FileKind.COHORT: _ADDRESS,
}
REASON_COLUMN: Final = "alasan"
"""Added to the reject file: codes and their sentences. Ignored when a mended reject file comes back."""


def _listed(words: str) -> dict[str, str]:
    return {str(number): word for number, word in enumerate(words.split(), start=1)}


WORDS: Final[dict[str, dict[str, str]]] = {
    "jenis_kelamin": {"L": "male", "P": "female"},
    "status_hubungan_keluarga": _listed("head spouse child child-in-law grandchild parent servant other"),
    "alasan_tanpa_nik": _listed("not-recorded-yet newborn homeless papers-lost"),
    "alasan_tanpa_kk": _listed(
        "homeless in-care-of-an-institution migrant-without-transfer-letter unregistered-marriage"
    ),
    "status_kepemilikan_rumah": _listed("own rent rent-free official other"),
    "jenis_lantai_terluas": _listed(
        "marble-granite ceramic parquet-vinyl-carpet tile-terrazzo wood cement-brick bamboo earth other"
    ),
    "jenis_dinding_terluas": _listed(
        "masonry plastered-bamboo-wire wood-board-gypsum-grc woven-bamboo logs bamboo other"
    ),
    "jenis_atap_terluas": _listed("concrete tile zinc asbestos wood-shingle bamboo thatch other"),
    "sumber_air_minum_utama": _listed(
        "branded refill piped bore-pump protected-well unprotected-well protected-spring unprotected-spring surface "
        "rain other"
    ),
    "fasilitas_bab": _listed("own shared communal public not-used none"),
}
"""Column → code in the file → word of our events. Lists of REGSOSEK22-K; the two reason lists are ours."""


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """Which required columns a header lacks, which it has that nobody knows, and which stand twice."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unknown or self.repeated)


def check_header(kind: FileKind, header: Sequence[str]) -> HeaderCheck:
    """Whether a header is one of this kind. A column nobody knows is refused: it may be a known one, misspelt."""
    known = {*REQUIRED[kind], *OPTIONAL[kind], REASON_COLUMN}
    return HeaderCheck(
        missing=tuple(name for name in REQUIRED[kind] if name not in header),
        unknown=tuple(dict.fromkeys(name for name in header if name not in known)),
        repeated=tuple(dict.fromkeys(name for name in header if header.count(name) > 1)),
    )
