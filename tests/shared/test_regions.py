"""Region codes: complete for Kalimantan Timur, dated, and never confused with those of BPS."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.regions import RegionDataError, RegionKind, Regions
from shared.regions.region import kind_of

REGIONS = Regions.load()
HEADER = "code,name,kind,valid_from,valid_to,postcode"
TODAY, BEFORE = date(2026, 11, 23), date(2021, 1, 1)
CODES = ["64", *REGIONS.children("64"), *(village.code for village in REGIONS.villages("64"))]


def test_kalimantan_timur_is_complete() -> None:
    kecamatan = [code for kota in REGIONS.children("64") for code in REGIONS.children(kota)]
    kinds = Counter(region.kind for region in REGIONS.villages("64"))
    assert len(REGIONS.children("64")) == 10
    assert len(kecamatan) == 105
    assert kinds == {RegionKind.KELURAHAN: 197, RegionKind.DESA: 841}


@pytest.mark.parametrize(
    ("kecamatan", "kelurahan"),
    [("01", 5), ("02", 6), ("03", 8), ("04", 5), ("05", 8), ("06", 7), ("07", 5), ("08", 5), ("09", 5), ("10", 5)],
)
def test_samarinda_has_its_59_kelurahan(kecamatan: str, kelurahan: int) -> None:
    assert len(REGIONS.children(f"64.72.{kecamatan}")) == kelurahan


@pytest.mark.parametrize(
    ("code", "name", "kind", "level", "parent"),
    [
        ("64", "Kalimantan Timur", RegionKind.PROVINSI, 1, None),
        ("64.02", "Kabupaten Kutai Kartanegara", RegionKind.KABUPATEN, 2, "64"),
        ("64.72", "Kota Samarinda", RegionKind.KOTA, 2, "64"),
        ("64.72.05", "Samarinda Utara", RegionKind.KECAMATAN, 3, "64.72"),
        ("64.72.01.1001", "Rawa Makmur", RegionKind.KELURAHAN, 4, "64.72.01"),
        ("64.08.09.2001", "Sepaso", RegionKind.DESA, 4, "64.08.09"),
    ],
)
def test_a_code_says_name_kind_and_place(
    code: str, name: str, kind: RegionKind, level: int, parent: str | None
) -> None:
    region = REGIONS.get(code)
    assert region is not None
    assert (region.name, region.kind, region.level, region.parent) == (name, kind, level, parent)


def test_postcode_and_path_are_there_to_read() -> None:
    region = REGIONS.get("64.72.01.1001")
    assert region is not None
    assert region.postcode == "75243"
    assert REGIONS.path("64.72.01.1001") == "Rawa Makmur, Palaran, Kota Samarinda, Kalimantan Timur"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("91.03.01.3001", RegionKind.DESA_ADAT),
        ("91.03.01", RegionKind.DISTRIK),
        ("15.71.01.1012", RegionKind.KELURAHAN),
    ],
)
def test_the_code_decides_the_kind(code: str, kind: RegionKind) -> None:
    assert kind_of(code, "") is kind


def test_a_last_part_of_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"64\.72\.01\.4001"):
        kind_of("64.72.01.4001", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("64.08.12.2002", "64.08.12.1002"),
        ("64.02.08.2002", "64.02.19.2003"),
        ("64.02.13.1001", "64.02.20.1007"),
        ("64.02.08", "64.02.08"),
        ("64.72.05.1002", "64.72.05.1002"),
    ],
)
def test_an_old_code_leads_to_the_one_of_today(old: str, new: str) -> None:
    assert REGIONS.successor(old, TODAY) == new


def test_a_code_holds_only_in_its_time() -> None:
    assert REGIONS.get("64.08.12.2002", on=TODAY) is None
    assert REGIONS.get("64.08.12.1002", on=BEFORE) is None
    assert REGIONS.successor("64.08.12.2002", BEFORE) == "64.08.12.2002"
    old, new = REGIONS.get("64.08.12.2002"), REGIONS.get("64.08.12.1002")
    assert old is not None
    assert new is not None
    assert (old.kind, new.kind) == (RegionKind.DESA, RegionKind.KELURAHAN)
    assert old.valid_to == new.valid_from
    assert REGIONS.known("64.08.12.2002")
    assert "64.08.12.2002" in REGIONS.children("64.08.12", on=BEFORE)
    assert "64.08.12.2002" not in REGIONS.children("64.08.12")


def test_every_former_code_has_exactly_one_successor_that_holds() -> None:
    former = set(REGIONS.children("64.02.08", on=BEFORE)) | set(REGIONS.children("64.02.13", on=BEFORE))
    ended = {code for code in former if REGIONS.get(code, on=TODAY) is None}
    assert len(ended) == 20
    successors = {REGIONS.successor(code, TODAY) for code in ended}
    assert successors == set(REGIONS.children("64.02.19")) | set(REGIONS.children("64.02.20"))


def test_an_unknown_code_is_nothing() -> None:
    assert not REGIONS.known("64.72.99")
    assert REGIONS.get("64.72.99") is None
    assert REGIONS.successor("64.72.99", TODAY) is None
    assert REGIONS.name("64.72.99") == "64.72.99"


@pytest.mark.parametrize(
    ("kemendagri", "bps"),
    [("64.02", "6403"), ("64.07", "6402"), ("64.08", "6404"), ("64.72.05", "6472060"), ("64.08.09", "6404041")],
)
def test_bps_codes_are_a_system_of_their_own(kemendagri: str, bps: str) -> None:
    assert REGIONS.bps_of(kemendagri) == bps
    assert REGIONS.of_bps(bps) == kemendagri
    assert REGIONS.of_bps(kemendagri) is None


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("64.72.05.1002", "Asia/Makassar"),
        ("15.71.01", "Asia/Jakarta"),
        ("61", "Asia/Pontianak"),
        ("63.71", "Asia/Makassar"),
        ("91", "Asia/Jayapura"),
    ],
)
def test_each_province_has_its_zone(code: str, zone: str) -> None:
    assert REGIONS.timezone_of(code, TODAY).key == zone


def test_a_zone_that_was_never_set_is_an_error() -> None:
    with pytest.raises(RegionDataError, match="99"):
        REGIONS.timezone_of("99.01")
    with pytest.raises(RegionDataError, match="64"):
        REGIONS.timezone_of("64", date(1980, 1, 1))


@given(code=st.sampled_from(CODES))
def test_ancestors_and_children_agree(code: str) -> None:
    for ancestor in REGIONS.ancestors(code):
        assert REGIONS.within(code, ancestor)
        assert REGIONS.known(ancestor)
    if parent := ".".join(code.split(".")[:-1]):
        assert code in REGIONS.children(parent)
    assert not REGIONS.within(code, f"{code}.1001")


def test_within_goes_by_whole_parts() -> None:
    assert REGIONS.within("64.72.05.1002", "64.72")
    assert not REGIONS.within("64.72", "64.7")
    assert not REGIONS.within("64.71", "64.72")


def test_any_other_province_loads_by_the_same_loader(tmp_path: Path) -> None:
    (tmp_path / "kemendagri").mkdir()
    rows = ["63,Kalimantan Selatan,provinsi,,,", "63.71,Kota Banjarmasin,kota,,,"]
    (tmp_path / "kemendagri" / "63.csv").write_text("\n".join([HEADER, *rows]))
    assert Regions.load(tmp_path).children("63") == ["63.71"]


@pytest.mark.parametrize("row", ["63,Kalimantan Selatan,kerajaan,,,", "63,Kalimantan Selatan,provinsi,kemarin,,"])
def test_a_wrong_row_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "kemendagri").mkdir()
    (tmp_path / "kemendagri" / "63.csv").write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(RegionDataError, match=r"63\.csv, 63"):
        Regions.load(tmp_path)
