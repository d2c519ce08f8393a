"""The board's page, the page of those served by nobody, and the page of one household."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from services.notifications.api.asking import Asking, AskingDep
from services.notifications.pages import drawing
from services.notifications.pages.frame import asset, pages
from services.notifications.places import name_of, zone_of
from services.notifications.read_inbox import unread_of
from services.notifications.reading.board import board_of
from services.notifications.reading.cohorts import months_of
from services.notifications.reading.households import household_of
from services.notifications.reading.scope import Scope
from services.notifications.reading.unserved import count_unserved, unserved
from services.notifications.rules.buckets import Bucket
from services.notifications.rules.stages import Stage
from shared.deployment import deployment_of_session
from shared.directory import Directory
from shared.events.fields import RegionCode
from shared.regions import Regions
from shared.texts import Locale
from shared.web import DeploymentDep, EdgeRoute, LocaleDep, Problem

UNSERVED_PER_PAGE = 50
OLD_AFTER = timedelta(hours=1)

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)
Region = Annotated[RegionCode | None, Query()]
Day = Annotated[str, Query(max_length=10)]


@router.get("/")
async def board_page(
    request: Request,
    asking: AskingDep,
    deployment: DeploymentDep,
    locale: LocaleDep,
    region: Region = None,
    as_of: Day = "",
) -> HTMLResponse:
    """The board of a region as of a day."""
    scope = asking.scope(region, _day(as_of))
    board, cohorts = await board_of(asking.session, scope, deployment.directory.current())
    months = [await months_of(asking.session, cohort, scope) for cohort in cohorts]
    now = deployment_of_session(asking.session).clock.now()
    return pages.render(
        request,
        "board.html",
        board=board,
        months=months,
        unread=await unread_of(asking.session, asking.caller.principal),
        agency_of=_namer(deployment.directory.current()),
        age=partial(_age, now=now, locale=locale),
        is_old=lambda moment: now - moment > OLD_AFTER,
        **_words(asking, scope, locale),
    )


@router.get("/unserved")
async def unserved_page(
    request: Request,
    asking: AskingDep,
    locale: LocaleDep,
    region: Region = None,
    as_of: Day = "",
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> HTMLResponse:
    """Verified households that nothing has reached yet, by id; who they are is intake's to say."""
    scope = asking.scope(region, _day(as_of))
    try:
        found = await unserved(asking.session, scope, UNSERVED_PER_PAGE, after)
    except ValueError:
        raise Problem("cursor-unknown", status=422, field="after") from None
    return pages.render(
        request,
        "unserved.html",
        households=found,
        count=await count_unserved(asking.session, scope),
        next=found[-1].cursor if len(found) == UNSERVED_PER_PAGE else None,
        **_words(asking, scope, locale),
    )


@router.get("/households/{household_id}")
async def household_page(
    request: Request, household_id: UUID, asking: AskingDep, deployment: DeploymentDep, locale: LocaleDep
) -> HTMLResponse:
    """What all agencies together know of a household, without who it is."""
    found = await household_of(asking.session, household_id)
    if found is None or found.region is None:
        raise Problem("household-not-heard-of", status=404, field="household_id")
    asking.caller.require_region(found.region)
    scope = Scope(found.region, asking.today(found.region))
    return pages.render(
        request,
        "household.html",
        household=found,
        agency_of=_namer(deployment.directory.current()),
        **_words(asking, scope, locale),
    )


def _namer(directory: Directory) -> Callable[[str], str]:
    return lambda code: directory.agency(code).name if directory.knows(code) else code


def _day(text: str) -> date | None:
    """The day of the form; an emptied field means today."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem("day-unreadable", status=422, field="as_of") from None


@dataclass(frozen=True, slots=True)
class Crumb:
    region: str
    name: str


def _words(asking: Asking, scope: Scope, locale: Locale) -> dict[str, Any]:
    """What every page about a region needs."""
    today = asking.today(scope.region)
    above = [each for each in Regions.load().ancestors(scope.region) if asking.caller.may_see(each)]
    return {
        "scope": scope,
        "today": today,
        "is_today": scope.as_of == today,
        "crumbs": [Crumb(each, name_of(each)) for each in above],
        "zone": str(zone_of(scope.region)),
        "name_of": name_of,
        "asset": asset,
        "drawing": drawing,
        "Bucket": Bucket,
        "Stage": Stage,
        "percent": partial(_percent, locale=locale),
        "month_name": partial(_month_name, locale=locale),
        "link": partial(_link, scope, is_today=scope.as_of == today),
    }


def _link(scope: Scope, path: str = "/", region: str | None = None, *, is_today: bool) -> str:
    """A link that stays on the day that was chosen."""
    day = "" if is_today else f"&as_of={scope.as_of}"
    return f"{path}?region={region or scope.region}{day}"


def _percent(part: int, whole: int, *, locale: Locale) -> str:
    return str(format_decimal(round(100 * part / whole, 1), "0.0", locale=locale)) if whole else "–"


def _month_name(day: date, *, locale: Locale) -> str:
    return str(format_date(day, "MMM", locale=locale))


def _age(moment: datetime, *, now: datetime, locale: Locale) -> str:
    return str(format_timedelta(moment - now, add_direction=True, locale=locale))
