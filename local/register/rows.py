"""Families as rows of the two files: healthy cells first, then what the faults change."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from local.register.closed_list import ClosedList
from local.register.columns import COHORT, REGISTER, header
from local.register.damage import Cells
from local.register.families import Family
from local.register.people import Person
from local.register.planting import Ledger
from shared.events.fields import MemberOutcome


def register_rows(families: Iterable[Family], ledger: Ledger) -> Iterator[list[str]]:
    """Rows of ``register.csv``, in the order of its columns."""
    names = header(REGISTER)
    number = 0
    for family in families:
        shared = _family_cells(family)
        for place, person in enumerate(family.members):
            number += 1
            cells = shared | _person_cells(person) | {"no_urut": str(number)} | _fault(ledger, family, place)
            yield [cells[name] for name in names]


def cohort_rows(closed: ClosedList, ledger: Ledger) -> Iterator[list[str]]:
    """Rows of ``cohort.csv``. A damaged entry carries the damage of its register row."""
    names = header(COHORT)
    number = 0
    for family in closed.families:
        shared = _family_cells(family)
        for place, person in enumerate(family.members):
            number += 1
            unknown = closed.outcome[family.number, place] is MemberOutcome.UNMATCHED
            own = {"no_urut": str(number), "padan_dukcapil": "2" if unknown else "1"}
            cells = shared | _person_cells(person) | own | _fault(ledger, family, place)
            yield [cells[name] for name in names]


def write(path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write one file, row by row, in the dialect that ``columns`` describes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def _fault(ledger: Ledger, family: Family, place: int) -> Cells:
    planted = ledger.by_spot.get((family.number, place))
    return planted.cells if planted else {}


def _person_cells(person: Person) -> Cells:
    asked_pregnancy = person.sex == "P" and 15 <= person.age <= 49
    return {
        "nik": person.nik,
        "alasan_tanpa_nik": "",
        "nama": person.name,
        "tanggal_lahir": person.born.isoformat(),
        "jenis_kelamin": person.sex,
        "status_hubungan_keluarga": person.relation,
        "status_kawin": person.marital,
        "partisipasi_sekolah": person.school,
        "status_pekerjaan": person.job,
        "kepemilikan_usaha": _yes_no(person.business),
        "penyandang_disabilitas": _yes_no(person.disability),
        "ibu_hamil": _yes_no(person.pregnant) if asked_pregnancy else "",
        "no_hp": person.phone,
    }


def _family_cells(family: Family) -> Cells:
    house = family.dwelling
    return {
        "id_keluarga": family.id,
        "nomor_kartu_keluarga": family.card,
        "alasan_tanpa_kk": "",
        "alamat": family.address,
        "rt": family.rt,
        "rw": family.rw,
        "kode_wilayah": family.region,
        "desil": str(family.decile),
        "status_kepemilikan_rumah": house.tenure,
        "bukti_kepemilikan_tanah": house.land_proof,
        "luas_lantai_m2": str(house.floor_area_m2),
        "jenis_lantai_terluas": house.floor,
        "jenis_dinding_terluas": house.wall,
        "jenis_atap_terluas": house.roof,
        "sumber_air_minum_utama": house.water,
        "jarak_limbah": house.waste_distance,
        "sumber_penerangan_utama": house.light,
        "daya_terpasang": house.power,
        "bahan_bakar_utama_memasak": house.fuel,
        "fasilitas_bab": house.toilet,
        "jenis_kloset": house.closet,
        "pembuangan_akhir_tinja": house.disposal,
        "penerima_pkh": _yes_no(family.pkh),
        "penerima_sembako": _yes_no(family.sembako),
        "penerima_pbi_jk": _yes_no(family.pbi),
    }


def _yes_no(answer: bool) -> str:
    return "1" if answer else "2"
