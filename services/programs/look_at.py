"""Brings together what is known of households: register, closed lists, visits, profiles, and what all agencies give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from services.programs.among import among
from services.programs.models import (
    Enrolment,
    ProgrammeVersion,
    SeenCohortEntry,
    SeenDuplicate,
    SeenEnrolment,
    SeenHousehold,
    SeenPayment,
    SeenProfile,
    SeenProgramme,
    SeenVerification,
)
from services.programs.moment import own_agency
from services.programs.rules.household import (
    Held,
    HeldStatus,
    Household,
    Member,
    Profile,
    Verification,
    VerificationStatus,
)
from shared.events.fields import CohortOutcome
from shared.messaging import Session

REGISTERED = "registered"
VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Looked:
    """A household with everything that any agency gives or gave it."""

    household: Household
    held: tuple[Held, ...]

    def held_elsewhere(self, agency: str) -> list[dict[str, Any]]:
        """What other agencies give, for the officer who is about to decide."""
        return [as_shown(each) for each in self.held if each.agency != agency and each.counted]


def as_shown(held: Held) -> dict[str, Any]:
    return {
        "agency": held.agency,
        "programme": held.programme,
        "status": held.status.value,
        "started_on": held.started_on.isoformat(),
        "paid_rupiah": held.paid_rupiah,
    }


async def look_at(session: Session, household_ids: Sequence[UUID]) -> dict[UUID, Looked]:
    """The households of these ids that are known here. One query per kind of knowledge, however many there are."""
    if not household_ids:
        return {}
    rows = (
        await session.execute(select(SeenHousehold).where(among(col(SeenHousehold.household_id), household_ids)))
    ).scalars()
    known = {row.household_id: row for row in rows}
    cohorts = await _cohorts(session, household_ids)
    verifications = await _verifications(session, household_ids)
    profiles = await _profiles(session, household_ids)
    blocked = await _blocked(session, household_ids)
    held = await held_by(session, household_ids)
    return {
        household_id: Looked(
            Household(
                household_id=household_id,
                region=row.region,
                members=frozenset(map(UUID, row.members)),
                withdrawn=row.withdrawn,
                cohorts=cohorts.get(household_id, {}),
                verification=verifications.get(household_id),
                profile=_profile(profiles.get(household_id, {}), verifications.get(household_id)),
                duplicate_open=household_id in blocked,
            ),
            tuple(held.get(household_id, ())),
        )
        for household_id, row in known.items()
    }


async def held_by(session: Session, household_ids: Sequence[UUID]) -> dict[UUID, list[Held]]:
    """Every enrolment of these households: our own from our tables, the others' as they announced them."""
    paid = await _paid(session, household_ids)
    found: defaultdict[UUID, list[Held]] = defaultdict(list)
    for household_id, held in [*await _own(session, household_ids, paid), *await _others(session, household_ids, paid)]:
        found[household_id].append(held)
    for each in found.values():
        each.sort(key=lambda held: (held.started_on, held.enrolment_id))
    return found


async def _own(
    session: Session, household_ids: Sequence[UUID], paid: Mapping[tuple[str, UUID], int]
) -> Iterable[tuple[UUID, Held]]:
    kind = col(ProgrammeVersion.document)["benefit"]["kind"].astext
    rows = await session.execute(
        select(
            col(Enrolment.household_id),
            col(Enrolment.enrolment_id),
            col(Enrolment.programme),
            col(Enrolment.status),
            col(Enrolment.started_on),
            kind.label("kind"),
        )
        .join(
            ProgrammeVersion,
            (col(ProgrammeVersion.programme_id) == col(Enrolment.programme_id))
            & (col(ProgrammeVersion.version) == col(Enrolment.programme_version)),
        )
        .where(among(col(Enrolment.household_id), household_ids))
    )
    agency = own_agency(session)
    return [
        (
            row.household_id,
            Held(
                row.enrolment_id, agency, row.programme, row.kind, HeldStatus(row.status), row.started_on,
                paid.get((agency, row.enrolment_id), 0),
            ),
        )
        for row in rows
    ]  # fmt: skip


async def _others(
    session: Session, household_ids: Sequence[UUID], paid: Mapping[tuple[str, UUID], int]
) -> Iterable[tuple[UUID, Held]]:
    rows = await session.execute(
        select(SeenEnrolment, col(SeenProgramme.benefit_kind))
        .outerjoin(
            SeenProgramme,
            (col(SeenProgramme.agency) == col(SeenEnrolment.agency))
            & (col(SeenProgramme.programme_id) == col(SeenEnrolment.programme_id)),
        )
        .where(among(col(SeenEnrolment.household_id), household_ids), col(SeenEnrolment.agency) != own_agency(session))
    )
    return [
        (
            seen.household_id,
            Held(
                seen.enrolment_id, seen.agency, seen.programme, kind, HeldStatus(seen.status), seen.started_on,
                paid.get((seen.agency, seen.enrolment_id), 0),
            ),
        )
        for seen, kind in rows
    ]  # fmt: skip


async def _paid(session: Session, household_ids: Sequence[UUID]) -> dict[tuple[str, UUID], int]:
    """What was paid and kept, per agency and enrolment."""
    kept = func.sum(col(SeenPayment.rupiah) - col(SeenPayment.returned_rupiah))
    rows = await session.execute(
        select(col(SeenPayment.agency), col(SeenPayment.enrolment_id), kept)
        .where(among(col(SeenPayment.household_id), household_ids), col(SeenPayment.status).in_(("paid", "returned")))
        .group_by(col(SeenPayment.agency), col(SeenPayment.enrolment_id))
    )
    return {(agency, enrolment_id): int(rupiah) for agency, enrolment_id, rupiah in rows}


async def _cohorts(session: Session, household_ids: Sequence[UUID]) -> dict[UUID, dict[str, frozenset[UUID]]]:
    rows = await session.execute(
        select(col(SeenCohortEntry.household_id), col(SeenCohortEntry.cohort), col(SeenCohortEntry.member_id)).where(
            among(col(SeenCohortEntry.household_id), household_ids),
            col(SeenCohortEntry.outcome) == CohortOutcome.MEMBER,
            col(SeenCohortEntry.member_id).is_not(None),
        )
    )
    found: defaultdict[UUID, defaultdict[str, set[UUID]]] = defaultdict(lambda: defaultdict(set))
    for household_id, cohort, member_id in rows:
        found[household_id][cohort].add(member_id)
    return {
        household_id: {cohort: frozenset(members) for cohort, members in cohorts.items()}
        for household_id, cohorts in found.items()
    }


async def _verifications(session: Session, household_ids: Sequence[UUID]) -> dict[UUID, Verification]:
    rows = (
        await session.execute(
            select(SeenVerification)
            .where(among(col(SeenVerification.household_id), household_ids))
            .order_by(col(SeenVerification.round), col(SeenVerification.sequence), col(SeenVerification.source))
        )
    ).scalars()
    return {
        row.household_id: Verification(
            status=VerificationStatus(row.status),
            category=row.category,
            score=row.score,
            decided_on=row.decided_on,
            valid_until=row.valid_until,
            profile_revision=row.profile_revision,
            confirmed=frozenset(map(UUID, row.confirmed)),
        )
        for row in rows  # the latest round comes last and stays
    }


async def _profiles(session: Session, household_ids: Sequence[UUID]) -> dict[UUID, dict[str, SeenProfile]]:
    rows = (
        await session.execute(select(SeenProfile).where(among(col(SeenProfile.household_id), household_ids)))
    ).scalars()
    found: defaultdict[UUID, dict[str, SeenProfile]] = defaultdict(dict)
    for row in rows:
        found[row.household_id][row.kind] = row
    return found


async def _blocked(session: Session, household_ids: Sequence[UUID]) -> set[UUID]:
    rows = await session.execute(
        select(col(SeenDuplicate.household_id)).where(
            among(col(SeenDuplicate.household_id), household_ids), col(SeenDuplicate.blocks).is_(True)
        )
    )
    return set(rows.scalars())


def _profile(found: Mapping[str, SeenProfile], verification: Verification | None) -> Profile:
    """As verified where somebody was there, else as registered; the decile is the register's alone.

    A profile older than the verification that stands says nothing yet: the newer one is on its way.
    """
    needed = verification.profile_revision if verification is not None else 0
    found = {kind: row for kind, row in found.items() if kind != VERIFIED or row.revision >= needed}
    registered = found[REGISTERED].profile if REGISTERED in found else {}
    verified = found[VERIFIED].profile if VERIFIED in found else {}
    housing = verified.get("housing") or registered.get("housing") or {}
    return Profile(
        verified_revision=found[VERIFIED].revision if VERIFIED in found else 0,
        decile=registered.get("decile"),
        members=tuple(_member(each) for each in verified.get("members") or registered.get("members") or ()),
        tenure=housing.get("tenure"),
        owns_land=verified.get("owns_land"),
        unfit_house=verified.get("unfit_house"),
        has_business=verified.get("has_business"),
        committed=verified.get("committed"),
        income_per_person_rupiah=verified.get("income_per_person_rupiah"),
    )


def _member(profile: Mapping[str, Any]) -> Member:
    return Member(
        member_id=UUID(profile["member_id"]),
        sex=profile.get("sex", "unknown"),
        birth_year=profile.get("birth_year"),
        relation=profile.get("relation", "other"),
        at_school=profile.get("at_school"),
        works=profile.get("works"),
        disability=profile.get("disability"),
        pregnant=profile.get("pregnant"),
    )
