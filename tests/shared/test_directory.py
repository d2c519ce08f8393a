"""The agency directory: what it refuses to load, whose word counts where, who may read which profiles."""

from datetime import date
from pathlib import Path

import pytest

from shared.directory import (
    AgencyStatus,
    DeploymentId,
    Directory,
    DirectoryError,
    DirectoryFile,
    UnknownAgencyError,
    parse_entries,
    read_directory,
)

TEXT = """
agencies:
  dinsos-kota: {name: Dinas Sosial Kota, region: "64.72", statuses: [{status: active, since: 2022-01-01}]}
  dinkop-kota:
    name: Dinas Koperasi Kota
    region: "64.72"
    statuses:
      - {status: active, since: 2022-01-01}
      - {status: suspended, since: 2023-01-01}
      - {status: removed, since: 2023-06-01}
  dinsos-provinsi: {name: Dinas Sosial Provinsi, region: "64", statuses: [{status: active, since: 2022-01-01}]}
deployments:
  - {service: intake, agency: dinsos-kota}
  - {service: verification, agency: dinsos-kota}
  - {service: intake, agency: dinsos-provinsi}
  - {service: verification, agency: dinsos-provinsi}
  - {service: programs, agency: dinkop-kota}
  - {service: programs, agency: dinsos-provinsi, runs: elsewhere}
authority:
  - {region: "64", intake: dinsos-provinsi, verification: dinsos-provinsi, since: 2020-01-01}
  - {region: "64.72", intake: dinsos-kota, verification: dinsos-kota, since: 2022-01-01, until: 2024-01-01}
legal_bases:
  uu: {title: Penanganan Fakir Miskin, reference: Undang-Undang 13/2011}
profile_grants:
  - {reader: programs.dinkop-kota, of: [intake.dinsos-kota], legal_basis: uu, since: 2022-01-01, until: 2023-01-01}
"""
KOTA, LAIN = "64.72.05.1001", "64.71.01.1001"
YEAR_2021, YEAR_2022, YEAR_2024 = date(2021, 7, 1), date(2022, 7, 1), date(2024, 7, 1)
READER, SOURCE = DeploymentId("programs", "dinkop-kota"), DeploymentId("intake", "dinsos-kota")


@pytest.fixture
def directory() -> Directory:
    return Directory(parse_entries(TEXT, name="test"), root="city")


@pytest.mark.parametrize(
    ("service", "agency", "region", "on", "counts"),
    [
        ("intake", "dinsos-kota", KOTA, YEAR_2022, True),
        ("verification", "dinsos-kota", KOTA, YEAR_2022, True),
        ("intake", "dinsos-kota", LAIN, YEAR_2022, False),
        ("intake", "dinsos-kota", KOTA, YEAR_2021, False),
        ("intake", "dinsos-kota", KOTA, YEAR_2024, False),
        ("intake", "dinsos-provinsi", KOTA, YEAR_2022, False),
        ("intake", "dinsos-provinsi", KOTA, YEAR_2024, True),
        ("intake", "dinsos-provinsi", LAIN, YEAR_2022, True),
        ("intake", "dinkop-kota", KOTA, YEAR_2022, False),
        ("intake", "dinsos-kota", None, YEAR_2022, True),
        ("intake", "dinkop-kota", None, YEAR_2022, False),
        ("programs", "dinkop-kota", KOTA, YEAR_2022, True),
        ("programs", "dinkop-kota", "64.72", YEAR_2022, True),
        ("programs", "dinkop-kota", "64", YEAR_2022, False),
        ("programs", "dinkop-kota", "64.7", YEAR_2022, False),
        ("programs", "dinkop-kota", LAIN, YEAR_2022, False),
        ("programs", "dinkop-kota", None, YEAR_2022, True),
        ("programs", "dinkop-kota", KOTA, date(2023, 3, 1), True),
        ("programs", "dinkop-kota", KOTA, date(2023, 6, 1), True),
        ("programs", "dinkop-kota", KOTA, date(2023, 6, 2), False),
        ("programs", "dinsos-provinsi", KOTA, YEAR_2022, True),
        ("programs", "dinsos-provinsi", "63.71.01.1001", YEAR_2022, False),
        ("programs", "nobody", KOTA, YEAR_2022, False),
    ],
)
def test_whose_word_counts_where_and_when(
    directory: Directory, service: str, agency: str, region: str | None, on: date, counts: bool
) -> None:
    assert directory.may_announce(service, agency, region, on) is counts


def test_profiles_are_read_by_grant_and_while_it_holds(directory: Directory) -> None:
    assert directory.may_read_profiles(READER, SOURCE, YEAR_2022)
    assert not directory.may_read_profiles(READER, SOURCE, date(2023, 1, 1))
    assert not directory.may_read_profiles(READER, DeploymentId("verification", "dinsos-kota"), YEAR_2022)
    assert directory.may_read_profiles(SOURCE, SOURCE, YEAR_2022)
    assert directory.profiles_granted_to(READER, YEAR_2022) == [SOURCE]
    assert directory.profiles_granted_to(READER, YEAR_2024) == []


def test_a_removed_agency_stays_known(directory: Directory) -> None:
    assert directory.agency("dinkop-kota").status is AgencyStatus.REMOVED
    with pytest.raises(UnknownAgencyError, match="no agency 'nobody'"):
        directory.agency("nobody")


def test_topics_are_those_of_the_clusters_root(directory: Directory) -> None:
    topic = directory.topic_of("programs", "dinkop-kota")
    assert topic == "city.programs.dinkop-kota"
    assert directory.announcer_of(topic) == ("programs", "dinkop-kota", "facts")
    assert directory.announcer_of("tuntas.programs.dinkop-kota") is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('region: "64.72", statuses', "region: 64.72, statuses", "put codes in quotes"),
        ("service: programs, agency: dinkop-kota", "service: kitchen, agency: dinkop-kota", "deployments.4.service"),
        ("{service: programs, agency: dinkop-kota}", "{service: programs, agency: nobody}", "no agency nobody"),
        ("service: intake, agency: dinsos-provinsi", "service: intake, agency: dinsos-kota", "stands twice"),
        ('region: "64", intake', 'region: "63", intake', "outside dinsos-provinsi's region 64"),
        ('region: "64", intake', 'region: "64.72", intake', "held by two at once"),
        ("intake: dinsos-kota", "intake: dinkop-kota", "no deployment intake.dinkop-kota"),
        ("until: 2024-01-01", "until: 2021-01-01", "is not after since"),
        ("legal_basis: uu", "legal_basis: none-such", "no legal basis none-such"),
        ("of: [intake.dinsos-kota]", "of: [programs.dinkop-kota]", "only intake and verification announce profiles"),
        ("of: [intake.dinsos-kota]", "of: [intake.nobody]", "no deployment intake.nobody"),
        ("since: 2023-06-01", "since: 2022-06-01", "in the order of their dates"),
        ("  dinsos-provinsi: {name", "  dinsos-kota: {name", "'dinsos-kota' stands twice"),
        ("legal_bases:", "legal_basis:", "legal_basis: Extra inputs are not permitted"),
        ("agencies:", "agencies: [", "not YAML"),
        ("  dinsos-kota: {name", "  Dinsos Kota: {name", "agencies.Dinsos Kota"),
    ],
)
def test_a_mistake_is_named_when_the_file_is_read(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    with pytest.raises(DirectoryError) as refused:
        parse_entries(TEXT.replace(old, new, 1), name="agencies.yaml")
    assert complaint in str(refused.value)
    assert "agencies.yaml" in str(refused.value)


def test_a_running_process_learns_of_a_new_agency(tmp_path: Path) -> None:
    path = tmp_path / "agencies.yaml"
    path.write_text(TEXT)
    watched = DirectoryFile(path)
    before = watched.current()
    assert watched.current() is before

    _replace(path, TEXT.replace("dinkop-kota", "disnaker-kota"))

    assert watched.current().knows("disnaker-kota")
    assert watched.mistake is None


def test_a_later_mistake_leaves_the_last_good_reading(tmp_path: Path) -> None:
    path = tmp_path / "agencies.yaml"
    path.write_text(TEXT)
    watched = DirectoryFile(path)

    _replace(path, "agencies: {}")
    assert watched.current().knows("dinsos-kota")
    assert watched.mistake is not None
    path.unlink()
    assert watched.current().knows("dinsos-kota")

    _replace(path, TEXT)
    assert watched.current().knows("dinsos-kota")
    assert watched.mistake is None


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="No such file"):
        DirectoryFile(tmp_path / "agencies.yaml")


def test_the_demos_directory_loads() -> None:
    directory = read_directory(Path(__file__).parents[2] / "local" / "agencies.yaml")
    assert directory.authority_over("intake", KOTA, YEAR_2022) == "dinsos-samarinda"
    assert [str(d.id) for d in directory.deployments() if d.runs == "elsewhere"] == ["programs.dinsos-kaltim"]


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
