"""Somebody's own messages, as sentences in their language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_, update

from services.notifications.models import MESSAGES
from services.notifications.places import name_of, zone_of
from shared.directory import Directory
from shared.messaging import Session
from shared.texts import Locale, catalogue, formats, has_text, text


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as its reader sees it. ``unread`` until the reader has marked it."""

    message_id: UUID
    code: str
    what_happened: str
    what_to_do: str
    region: str
    link: str
    due_on: date | None
    told_at: datetime
    unread: bool

    @property
    def cursor(self) -> str:
        return f"{self.told_at.isoformat()}~{self.message_id}"


@dataclass(frozen=True, slots=True)
class Words:
    """What sentences are made with: the reader's language, and the names of agencies."""

    locale: Locale
    directory: Directory

    def sentence(self, code: str, values: Mapping[str, Any]) -> str:
        """A text of the catalogue with its values as people write them."""
        said = {name: self.value(name, value, values) for name, value in values.items()}
        return catalogue().text(code, self.locale, said)

    def value(self, name: str, value: Any, values: Mapping[str, Any]) -> str:
        """One value in words; its name says of which kind it is."""
        if value is None:
            return "–"
        if name == "region":
            return name_of(value)
        if name == "agency":
            return self.directory.agency(value).name if self.directory.knows(value) else str(value)
        if name == "service":
            return text(f"service.{value}", self.locale) if has_text(f"service.{value}") else str(value)
        if name.endswith("rupiah"):
            return formats.rupiah(value, self.locale)
        if name.endswith(("_on", "_from", "_to")):
            return formats.day(date.fromisoformat(value), self.locale)
        if name.endswith("_at"):
            zone = str(zone_of(values["region"]))
            return formats.moment(datetime.fromisoformat(value), self.locale, zone)
        return formats.number(value, self.locale) if isinstance(value, int) else str(value)


async def inbox_of(
    session: Session, principal: str, words: Words, *, unread: bool, limit: int, after: str | None = None
) -> list[MessageView]:
    """A page of somebody's messages, the newest first. Raises ValueError for a cursor that is none of ours."""
    page = select(MESSAGES).where(MESSAGES.c.recipient == principal)
    if unread:
        page = page.where(MESSAGES.c.read_at.is_(None))
    if after is not None:
        moment, _, message = after.partition("~")
        start = (datetime.fromisoformat(moment), UUID(message))
        page = page.where(tuple_(MESSAGES.c.told_at, MESSAGES.c.id) < start)
    newest_first = page.order_by(MESSAGES.c.told_at.desc(), MESSAGES.c.id.desc()).limit(limit)
    return [_view(row, words) for row in await session.execute(newest_first)]


async def unread_of(session: Session, principal: str) -> int:
    """How many messages somebody has not read."""
    mine = select(func.count()).where(MESSAGES.c.recipient == principal, MESSAGES.c.read_at.is_(None))
    return int((await session.execute(mine)).scalar_one())


async def mark_read(session: Session, principal: str, now: datetime, message_id: UUID | None = None) -> int:
    """Mark one message, or all of them, as read; how many were unread."""
    mine = update(MESSAGES).where(MESSAGES.c.recipient == principal, MESSAGES.c.read_at.is_(None))
    if message_id is not None:
        mine = mine.where(MESSAGES.c.id == message_id)
    done = await session.execute(mine.values(read_at=now).returning(MESSAGES.c.id))
    return len(done.all())


async def is_of(session: Session, principal: str, message_id: UUID) -> bool:
    """Whether a message is in somebody's inbox."""
    mine = select(MESSAGES.c.id).where(MESSAGES.c.recipient == principal, MESSAGES.c.id == message_id)
    return (await session.execute(mine)).one_or_none() is not None


def _view(row: Row[Any], words: Words) -> MessageView:
    return MessageView(
        message_id=row.id,
        code=row.code,
        what_happened=words.sentence(row.code, row.values),
        what_to_do=words.sentence(f"{row.code}.do", row.values),
        region=row.region,
        link=row.link,
        due_on=row.due_on,
        told_at=row.told_at,
        unread=row.read_at is None,
    )
