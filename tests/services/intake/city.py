"""People and families of intake's tests: numbers that keep every rule and belong to nobody (serials from 9001)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import httpx2

from services.intake.app import SERVICE
from tests.fixtures.deployments import DeploymentFactory, TestDeployment

KELURAHAN = "64.72.05.1002"
OTHER_KELURAHAN = "64.72.03.1001"


def nik(serial: int, born: str = "1980-05-17", sex: str = "L", kecamatan: str = "647205") -> str:
    """A person number of that birth date and sex."""
    year, month, day = born.split("-")
    return f"{kecamatan}{int(day) + (40 if sex == 'P' else 0):02d}{month}{year[2:]}{9000 + serial}"


def kk(serial: int, recorded: str = "140312") -> str:
    return f"647205{recorded}{9000 + serial}"


def member(serial: int, name: str = "Ketua Rukun", **changes: Any) -> dict[str, Any]:
    """A member as an officer writes them down."""
    born, sex = changes.get("birth_date", "1980-05-17"), changes.get("sex", "L")
    return {
        "name": name, "nik": nik(serial, born, sex), "birth_date": born, "sex": sex, "relation": "head", **changes,
    }  # fmt: skip


def household(serial: int, *members: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A household as an officer writes it down."""
    return {
        "region": KELURAHAN,
        "family_card_number": kk(serial),
        "address": "Jl. Melati No. 1",
        "rt": "003",
        "rw": "001",
        "decile": 1,
        "housing": {"tenure": "own", "floor": "wood", "floor_area_m2": 30},
        "members": list(members) or [member(serial)],
        **changes,
    }


async def intake(deployment_of: DeploymentFactory, **settings: Any) -> TestDeployment:
    return await deployment_of(SERVICE, **settings)


REGISTER_HEADER = [
    "no_urut",
    "id_keluarga",
    "nik",
    "alasan_tanpa_nik",
    "nama",
    "nomor_kartu_keluarga",
    "alasan_tanpa_kk",
    "tanggal_lahir",
    "jenis_kelamin",
    "status_hubungan_keluarga",
    "kode_wilayah",
    "desil",
    "no_hp",
    "status_pekerjaan",
]
COHORT_HEADER = [
    "no_urut",
    "id_keluarga",
    "nik",
    "nama",
    "nomor_kartu_keluarga",
    "tanggal_lahir",
    "jenis_kelamin",
    "status_hubungan_keluarga",
    "kode_wilayah",
    "padan_dukcapil",
]


def row(family: int, serial: int, **changes: str) -> dict[str, str]:
    """A row of a register or a closed list; the n-th person of the city in the n-th family."""
    born, sex = changes.get("tanggal_lahir", "1980-05-17"), changes.get("jenis_kelamin", "L")
    return {
        "id_keluarga": f"F-{family:04d}",
        "nik": nik(serial, born if born[5:7] <= "12" else "1980-05-17", sex),
        "nama": f"Warga {_word(serial)}",
        "nomor_kartu_keluarga": kk(family),
        "tanggal_lahir": born,
        "jenis_kelamin": sex,
        "status_hubungan_keluarga": "1",
        "kode_wilayah": KELURAHAN,
        "desil": "1",
        "padan_dukcapil": "1",
        **changes,
    }


def _word(number: int) -> str:
    letters = "abdegiknorstu"
    return "".join(letters[int(digit)] for digit in str(number)).title()


def csv_of(rows: Sequence[dict[str, str]], header: Sequence[str] = REGISTER_HEADER) -> bytes:
    """Rows as a file, numbered from 1."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for number, cells in enumerate(rows, start=1):
        writer.writerow({"no_urut": str(number), **cells})
    return text.getvalue().encode()


async def send(client: httpx2.AsyncClient, content: bytes, kind: str = "register", **fields: str) -> httpx2.Response:
    """Upload a file."""
    data = {"kind": kind, "register_code": "dtks" if kind == "register" else "p3ke", **fields}
    return await client.post("/api/v1/imports", data=data, files={"file": ("berkas.csv", content, "text/csv")})


async def work_through(
    deployment: TestDeployment, client: httpx2.AsyncClient, content: bytes, kind: str = "register", **fields: str
) -> dict[str, Any]:
    """Upload a file, work through it to its end, and give its last state."""
    answer = await send(client, content, kind, **fields)
    assert answer.status_code in (200, 202), answer.text
    await deployment.run_due()
    shown = await client.get(f"/api/v1/imports/{answer.json()['import_id']}")
    found: dict[str, Any] = shown.json()
    return found
