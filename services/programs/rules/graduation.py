"""When a household may leave a programme because it succeeded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta

from services.programs.rules.decision import Decision, Reason
from services.programs.rules.programme import Graduation, Programme


def may_be_proposed(
    programme: Programme,
    *,
    enrolled_on: date,
    services: Mapping[str, int],
    evidenced: Collection[str],
    reason: str,
    today: date,
) -> Decision:
    """Whether graduation may be proposed: long enough enrolled, coached, and every criterion evidenced."""
    rules = programme.graduation
    if rules is None:
        return Decision.of(Reason("programme-has-no-graduation"))
    return Decision.of(
        Reason("graduation-reason-unknown", {"reason": reason}) if reason not in rules.reasons else None,
        _too_early(rules, enrolled_on, today),
        _too_few_services(rules, services),
        (Reason("criterion-not-evidenced", {"criterion": each}) for each in rules.criteria if each not in evidenced),
    )


def objections_until(programme: Programme, proposed_on: date) -> date:
    """The last day on which the family or a third party may object."""
    if programme.graduation is None:
        raise ValueError(f"{programme.code} has no graduation")
    return proposed_on + timedelta(days=programme.graduation.objection_days)


def may_be_decided(*, objections_until: date, objections_open: int, today: date) -> Decision:
    """Whether a second person may decide now: the window has closed and every objection has its answer."""
    return Decision.of(
        Reason("objection-window-open", {"until": objections_until.isoformat()}) if today <= objections_until else None,
        Reason("objection-unanswered", {"objections": objections_open}) if objections_open else None,
    )


def _too_early(rules: Graduation, enrolled_on: date, today: date) -> Reason | None:
    first = enrolled_on + timedelta(days=rules.days_min)
    return Reason("graduation-too-early", {"from": first.isoformat()}) if today < first else None


def _too_few_services(rules: Graduation, services: Mapping[str, int]) -> Iterator[Reason]:
    for service, needed in rules.services_min.items():
        if services.get(service, 0) < needed:
            yield Reason("too-few-services", {"service": service, "needed": needed})
