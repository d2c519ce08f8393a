"""Changes of the directory: what joining, suspending and removing write, and that nothing half-written is ever seen."""

import threading
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from shared.directory import (
    AgencyStatus,
    Deployment,
    DeploymentId,
    DirectoryEntries,
    DirectoryError,
    DirectoryFile,
    parse_entries,
    read_directory,
)
from shared.provisioning.cluster import ProvisioningError
from shared.provisioning.entries import (
    change_directory,
    text_of,
    with_agency,
    with_deployment,
    with_grants,
    with_status,
)

SHIPPED = Path(__file__).parents[3] / "local" / "agencies.yaml"
DAY, LATER = date(2026, 11, 23), date(2026, 12, 1)
DISNAKER = {"name": "Dinas Tenaga Kerja Kota Samarinda", "region": "64.72"}


@pytest.fixture
def entries() -> DirectoryEntries:
    return parse_entries(SHIPPED.read_text(), name="shipped")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "agencies.yaml"
    path.write_text(SHIPPED.read_text())
    return path


def joined(entries: DirectoryEntries) -> DirectoryEntries:
    entries = with_agency(entries, "disnaker-samarinda", **DISNAKER, since=DAY)
    return with_deployment(entries, Deployment(service="programs", agency="disnaker-samarinda"))


def test_a_joining_done_twice_is_done_once(entries: DirectoryEntries) -> None:
    once = joined(entries)
    assert joined(once) == once
    assert once.agencies["disnaker-samarinda"].status_on(DAY) is AgencyStatus.ACTIVE


def test_a_code_is_never_given_to_another(entries: DirectoryEntries) -> None:
    with pytest.raises(ProvisioningError, match="never given to another"):
        with_agency(entries, "dinkop-samarinda", name="Dinas Lain", region="64.72", since=DAY)


def test_statuses_stay_in_the_history(entries: DirectoryEntries) -> None:
    suspended = with_status(entries, "dinkop-samarinda", AgencyStatus.SUSPENDED, DAY)
    agency = with_status(suspended, "dinkop-samarinda", AgencyStatus.ACTIVE, LATER).agencies["dinkop-samarinda"]
    assert [each.status for each in agency.statuses] == ["active", "suspended", "active"]
    assert agency.status_on(DAY) is AgencyStatus.ACTIVE
    assert agency.status_on(date(2026, 11, 24)) is AgencyStatus.SUSPENDED
    assert with_status(suspended, "dinkop-samarinda", AgencyStatus.SUSPENDED, LATER) == suspended


def test_a_change_dated_before_the_last_one_counts_from_the_last_one(entries: DirectoryEntries) -> None:
    changed = with_status(entries, "dinkop-samarinda", AgencyStatus.SUSPENDED, date(2020, 1, 1))
    assert parse_entries(text_of(changed), name="changed") == changed


def test_nobody_unknown_changes_status(entries: DirectoryEntries) -> None:
    with pytest.raises(ProvisioningError, match="no agency nobody"):
        with_status(entries, "nobody", AgencyStatus.REMOVED, DAY)


def test_grants_name_the_authorities_over_the_readers_region(entries: DirectoryEntries) -> None:
    reader = DeploymentId("programs", "disnaker-samarinda")
    granted = with_grants(joined(entries), [reader], "uu-13-2011", DAY)
    assert granted.profile_grants[-1].of == ("intake.dinsos-samarinda", "verification.dinsos-samarinda")
    assert with_grants(granted, [reader], "uu-13-2011", LATER) == granted


def test_a_province_is_granted_the_profiles_of_its_cities(entries: DirectoryEntries) -> None:
    reader = DeploymentId("programs", "dinsos-kaltim")
    granted = with_grants(entries, [reader], "inpres-4-2022", DAY).profile_grants[-1]
    assert granted.of == ("intake.dinsos-samarinda", "verification.dinsos-samarinda")


def test_an_agency_elsewhere_is_granted_nothing_of_a_city_it_is_not_in(entries: DirectoryEntries) -> None:
    moved = with_agency(entries, "dinsos-bontang", name="Dinas Sosial Kota Bontang", region="64.74", since=DAY)
    moved = with_deployment(moved, Deployment(service="programs", agency="dinsos-bontang"))
    granted = with_grants(moved, [DeploymentId("programs", "dinsos-bontang")], "uu-13-2011", DAY)
    assert granted == moved


def test_a_grant_needs_a_legal_basis_that_is_known(entries: DirectoryEntries) -> None:
    with pytest.raises(ProvisioningError, match="no legal basis goodwill"):
        with_grants(entries, [DeploymentId("programs", "dinkop-samarinda")], "goodwill", DAY)


def test_a_deployment_does_not_move_by_itself(entries: DirectoryEntries) -> None:
    with pytest.raises(ProvisioningError, match="runs here"):
        with_deployment(entries, Deployment(service="programs", agency="dinkop-samarinda", runs="elsewhere"))


def test_the_text_reads_back_as_the_same_entries(entries: DirectoryEntries) -> None:
    assert parse_entries(text_of(entries), name="again") == entries


def test_a_change_keeps_the_head_and_is_written_once(path: Path) -> None:
    assert change_directory(path, joined)
    assert path.read_text().startswith("# The agency directory of the demo.")
    assert read_directory(path).deployment("programs", "disnaker-samarinda") is not None
    before = path.stat().st_mtime_ns
    assert not change_directory(path, joined)
    assert path.stat().st_mtime_ns == before


def test_a_change_that_does_not_hold_together_is_not_written(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(DirectoryError, match="no agency nobody"):
        change_directory(path, partial(with_deployment, deployment=Deployment(service="programs", agency="nobody")))
    assert path.read_text() == before


def test_writers_at_once_lose_nothing_and_readers_never_see_half(path: Path) -> None:
    watched = DirectoryFile(path)
    codes = [f"dinas-{number}" for number in range(12)]

    def enter(code: str) -> None:
        change_directory(
            path, lambda entries: with_agency(entries, code, name=f"Dinas {code}", region="64.72", since=DAY)
        )
        watched.current()

    threads = [threading.Thread(target=enter, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(watched.current().knows(code) for code in codes)
    assert watched.mistake is None
