"""What the directory lets a principal do, as a table; the broker's word on it is in tests/connected."""

import base64
import hmac
from datetime import date
from pathlib import Path

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, ResourcePatternType, ResourceType

from shared.directory import AgencyStatus, Directory, DirectoryEntries, parse_entries
from shared.provisioning import acls, topics
from shared.provisioning.cluster import ProvisioningError, dsn_of
from shared.provisioning.databases import database_of, verifier
from shared.provisioning.entries import with_status

DAY = date(2026, 11, 23)
ENTRIES = parse_entries((Path(__file__).parents[3] / "local" / "agencies.yaml").read_text(), name="shipped")


def allowed(service: str, agency: str, entries: DirectoryEntries = ENTRIES) -> set[str]:
    directory = Directory(entries)
    deployment = directory.deployment(service, agency)
    assert deployment is not None
    return {_short(each) for each in acls.plan_of(directory, deployment, DAY)}


@pytest.mark.parametrize(
    ("service", "agency", "expected"),
    [
        (
            "programs",
            "dinkop-samarinda",
            {
                "write topic tuntas.programs.dinkop-samarinda",
                "write transactional_id tuntas.programs.dinkop-samarinda",
                "read topic tuntas.*",
                "read topic tuntas-profiles.intake.dinsos-samarinda",
                "read topic tuntas-profiles.verification.dinsos-samarinda",
                "read group tuntas.programs.dinkop-samarinda",
                "read group tuntas.programs.dinkop-samarinda.*",
            },
        ),
        (
            "intake",
            "dinsos-samarinda",
            {
                "write topic tuntas.intake.dinsos-samarinda",
                "write transactional_id tuntas.intake.dinsos-samarinda",
                "write topic tuntas-profiles.intake.dinsos-samarinda",
                "read topic tuntas.*",
                "read topic tuntas-profiles.intake.dinsos-samarinda",
                "read topic tuntas-profiles.verification.dinsos-samarinda",
                "read group tuntas.intake.dinsos-samarinda",
                "read group tuntas.intake.dinsos-samarinda.*",
            },
        ),
        (
            "programs",
            "dinsos-kaltim",
            {
                "write topic tuntas.programs.dinsos-kaltim",
                "write transactional_id tuntas.programs.dinsos-kaltim",
                "read topic tuntas.*",
                "read group tuntas.programs.dinsos-kaltim",
                "read group tuntas.programs.dinsos-kaltim.*",
            },
        ),
    ],
)
def test_a_principal_may_do_this_and_no_more(service: str, agency: str, expected: set[str]) -> None:
    assert allowed(service, agency) == expected


def test_a_suspended_agency_only_reads() -> None:
    suspended = with_status(ENTRIES, "dinkop-samarinda", AgencyStatus.SUSPENDED, DAY)
    held = allowed("programs", "dinkop-samarinda", suspended)
    assert held == {each for each in allowed("programs", "dinkop-samarinda") if each.startswith("read")}


def test_a_removed_agency_does_nothing() -> None:
    removed = with_status(ENTRIES, "dinkop-samarinda", AgencyStatus.REMOVED, DAY)
    assert allowed("programs", "dinkop-samarinda", removed) == set()


def test_only_those_who_know_households_have_a_profiles_topic() -> None:
    deployments = Directory(ENTRIES).deployments()
    profiled = [each.id for each in deployments if len(topics.plan_of("tuntas", each.id, 1)) == 2]
    assert [each.service for each in profiled] == ["intake", "verification"]


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_a_write_is_kept_by_all_replicas_but_one(replicas: int, in_sync: str) -> None:
    deployment = Directory(ENTRIES).deployments()[0].id
    plans = topics.plan_of("tuntas", deployment, replicas)
    assert {plan.settings["min.insync.replicas"] for plan in plans} == {in_sync}


def test_database_names_are_apart_and_fit() -> None:
    names = {database_of("tuntas", each.id) for each in Directory(ENTRIES).deployments()}
    assert "tuntas_programs_dinkop_samarinda" in names
    assert len(names) == len(ENTRIES.deployments)
    with pytest.raises(ProvisioningError, match="longer than PostgreSQL takes"):
        database_of("tuntas" * 8, Directory(ENTRIES).deployments()[-1].id)


def test_the_verifier_is_that_of_the_specification() -> None:
    # The exchange of RFC 7677, section 3.
    salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    exchange = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}"
    kept = verifier("pencil", base64.b64decode(salt), 4096)
    assert kept.startswith(f"SCRAM-SHA-256$4096:{salt}$")
    server_key = base64.b64decode(kept.rpartition(":")[2])
    signature = base64.b64encode(hmac.digest(server_key, exchange.encode(), "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_no_two_verifiers_of_a_password_are_alike() -> None:
    assert verifier("pencil") != verifier("pencil")


def test_a_password_of_any_characters_survives_the_address() -> None:
    address = dsn_of("postgresql://admin:secret@db:5432/postgres?sslmode=verify-full", "one", "one", "a/b@c:d")
    assert address == "postgresql://one:a%2Fb%40c%3Ad@db:5432/one?sslmode=verify-full"


def _short(acl: AclBinding) -> str:
    operation = AclOperation(acl.operation).name.lower()
    kind = ResourceType(acl.restype).name.lower()
    star = "*" if acl.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    return f"{operation} {kind} {acl.name}{star}"
