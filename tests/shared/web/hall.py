"""A town hall with one small service of its own, for tests of the edge: real deployment, issuer and database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
from fastapi import APIRouter, FastAPI, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Column, MetaData, String, Table, Uuid, func, insert, select, text

from local.issuer import Issuer, make_issuer_app
from local.people import PeopleFile, people_of_state
from shared.deployment import Deployment
from shared.events.intake import HouseholdRegistered
from shared.messaging import EventRouter, Session, TimerRouter, announce, in_course_of
from shared.messaging.tables import kernel_metadata
from shared.security import Caller, Role, audit
from shared.security.tables import REFUSE_CHANGES
from shared.security.tables import metadata as security_metadata
from shared.service import Service
from shared.settings import DeploymentSettings
from shared.web import (
    Asked,
    EdgeRoute,
    GatherDep,
    Link,
    Outcome,
    Pages,
    Problem,
    SessionDep,
    allows,
    make_web_app,
    only_looks,
    public,
)
from tests.fixtures import Database

ISSUER_URL = "http://127.0.0.1:4999"
HALL_URL = "http://127.0.0.1:4001"
PEOPLE = "dinsos-samarinda"
KEY_1 = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

metadata = MetaData()
notes = Table(
    "note",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("region", String),
    Column("words", String, unique=True),
)
router = APIRouter(route_class=EdgeRoute)
pages = Pages(Path(__file__).with_name("templates"), nav=[Link("/desk", "service.intake")])


class NewNote(BaseModel):
    region: str = Field(pattern=r"^\d{2}(\.\d{2})*(\.\d{4})?$")
    words: str = Field(min_length=1, max_length=40)
    number: str | None = None
    count: int = Field(1, ge=0, le=9)

    @field_validator("number")
    @classmethod
    def _looks_like_a_number(cls, value: str | None) -> str | None:
        if value is not None and not value.isdigit():
            raise PydanticCustomError("wrong-form", "anything, with {value}", {"value": value})
        return value


class Noted(BaseModel):
    id: UUID
    region: str
    words: str


Officer = Annotated[Caller, allows(Role.PROGRAMME_OFFICER)]
Anyone = Annotated[Caller, allows(*Role, any_agency=True)]


@router.post("/notes", status_code=201)
async def write_note(body: NewNote, caller: Officer, session: SessionDep) -> Noted:
    caller.require_region(body.region)
    note = Noted(id=uuid4(), region=body.region, words=body.words)
    await session.execute(insert(notes), note.model_dump())
    announce(session, registered(note.id, note.region))
    if body.words == "refuse":
        raise Problem("not-found", status=404)
    if body.words == "break":
        raise ZeroDivisionError(f"with {body.words} and 6472054507790001 in the message")
    return note


@router.post("/cards", status_code=201)
async def write_card(body: NewNote, caller: Officer, gather: GatherDep) -> Response:
    caller.require_region(body.region)
    return await gather(write_cards, body)


async def write_cards(session: Session, asked: Sequence[Asked[NewNote]]) -> list[Outcome]:
    """What the hall writes of several cards at once; how many they were stands in each."""
    if any(each.wanted.words.startswith("slow") for each in asked):
        await session.execute(text("select pg_advisory_xact_lock(1, 2)"))
    taken = set((await session.execute(select(notes.c.words))).scalars())
    outcomes: list[Outcome] = []
    for each in asked:
        words = each.wanted.words
        if words == "break":
            raise ZeroDivisionError(f"with {words} and 6472054507790001 in the message")
        if words in taken:
            outcomes.append(Problem("not-found", status=404))
            continue
        taken.add(words)
        note = Noted(id=uuid4(), region=each.wanted.region, words=words)
        await session.execute(insert(notes), note.model_dump())
        with in_course_of(each.cause):
            announce(session, registered(note.id, note.region))
        outcomes.append({"id": note.id, "words": words, "together": len(asked)})
    return outcomes


@router.get("/notes")
async def read_notes(caller: Anyone, session: SessionDep) -> list[str]:
    rows = await session.execute(
        select(notes.c.words).where(caller.region_filter(notes.c.region)).order_by(notes.c.words)
    )
    return list(rows.scalars())


@router.get("/notes/{note_id}")
async def read_note(note_id: UUID, caller: Officer, limit: Annotated[int, Field(ge=1)] = 1) -> dict[str, Any]:
    return {"id": note_id, "limit": limit, "who": caller.principal}


@router.put("/notes/{note_id}", dependencies=[allows(Role.PROGRAMME_OFFICER)])
async def say_no(note_id: UUID, session: SessionDep) -> Response:
    await session.execute(insert(notes), {"id": note_id, "region": "64", "words": str(note_id)})
    return Response("no", 409)


@router.post("/files", max_body_size=4_194_304, dependencies=[allows(Role.PROGRAMME_OFFICER)])
async def upload(file: UploadFile) -> dict[str, int]:
    return {"bytes": len(await file.read())}


@router.post("/streams", dependencies=[allows(Role.PROGRAMME_OFFICER)])
async def stream() -> StreamingResponse:
    return StreamingResponse(iter(["a"]))


@router.get("/desk")
async def desk(request: Request, _: Officer) -> HTMLResponse:
    return pages.render(request, "desk.html", amount=300_000)


@router.post("/desk")
async def write_at_desk(words: Annotated[str, Form(max_length=40)], _: Officer, session: SessionDep) -> Response:
    await session.execute(insert(notes), {"id": uuid4(), "region": "64.72", "words": words})
    return RedirectResponse("/desk", 303)


@router.post("/looks", dependencies=[only_looks()])
async def look(caller: Officer, session: SessionDep) -> list[str]:
    await audit(session, caller, "look_at_words", purpose="a-visit")
    return list((await session.execute(select(notes.c.words))).scalars())


@router.get("/open", dependencies=[public()])
async def everyone() -> str:
    return "welcome"


def registered(household_id: UUID, region: str) -> HouseholdRegistered:
    return HouseholdRegistered.from_example().model_copy(update={"household_id": household_id, "region": region})


SERVICE = Service(
    name="intake",
    settings=DeploymentSettings,
    metadata=metadata,
    events=EventRouter(service="intake"),
    timers=TimerRouter(service="intake"),
    routes=[router],
)


@dataclass
class Hall:
    """The hall, open: its application, its database, and who may be sent there."""

    app: FastAPI
    deployment: Deployment
    issuer: Issuer
    client: httpx2.AsyncClient
    browser: httpx2.AsyncClient
    database: Database
    keys: list[str] = field(default_factory=list)

    def as_(self, subject: str, **claims: Any) -> dict[str, str]:
        """Headers of a person of the cast."""
        return {"Authorization": f"Bearer {self.issuer.issue_token(subject, **claims)}"}

    def officer(self, **headers: str) -> dict[str, str]:
        return {**self.as_(f"{PEOPLE}.petugas-program"), "Idempotency-Key": str(uuid4()), **headers}

    async def count(self, table: str) -> int:
        async with self.database.engine.connect() as connection:
            return int((await connection.execute(select(func.count()).select_from(text(table)))).scalar_one())

    async def rows(self, query: str) -> list[Any]:
        async with self.database.engine.connect() as connection:
            return list((await connection.execute(text(query))).all())


def settings_of(database: Database, **changes: Any) -> DeploymentSettings:
    values = {
        "mode": "laptop",
        "agency": PEOPLE,
        "region": "64.72",
        "directory_file": Path("local/agencies.yaml"),
        "database_url": SecretStr(database.dsn),
        "kafka_bootstrap": "127.0.0.1:1",
        "kafka_username": "nobody",
        "kafka_password": SecretStr("none"),
        "oidc_issuer": ISSUER_URL,
        "oidc_jwks_url": f"{ISSUER_URL}/jwks",
        "public_url": HALL_URL,
        "vault_keys": SecretStr(f"1:{KEY_1}"),
        "blind_index_key": SecretStr(KEY_1),
        **changes,
    }
    return DeploymentSettings.model_validate(values)


async def furnish(database: Database) -> None:
    """The kernel's tables and the hall's own, in an empty database."""
    async with database.engine.begin() as connection:
        await connection.execute(text("create schema kernel"))
        for each in (kernel_metadata, security_metadata, metadata):
            await connection.run_sync(each.create_all)
        for statement in REFUSE_CHANGES:
            await connection.execute(text(statement))


@asynccontextmanager
async def open_hall(database: Database, state: Path, **changes: Any) -> AsyncIterator[Hall]:
    """A hall on a furnished database. Several may stand on one, as several processes of a deployment do."""
    issuer = Issuer(ISSUER_URL, PeopleFile(people_of_state(state)), state, mode="laptop")
    issuer_transport = httpx2.ASGITransport(app=make_issuer_app(issuer))
    issuer_client = httpx2.AsyncClient(transport=issuer_transport)
    deployment = Deployment(SERVICE, settings_of(database, **changes))
    app = make_web_app("hall", [router], deployment, http=issuer_client)
    # Unexpected errors are answered by the app and raised again by its outermost layer: here as with uvicorn.
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    # What a person's browser does: keeps cookies, follows redirects, also to the issuer and back.
    browser = httpx2.AsyncClient(
        mounts={HALL_URL: transport, ISSUER_URL: issuer_transport},
        base_url=HALL_URL,
        headers={"Accept": "text/html,*/*;q=0.8"},
        follow_redirects=True,
    )
    client = httpx2.AsyncClient(transport=transport, base_url=HALL_URL, timeout=30)
    async with issuer_client, browser, client:
        try:
            yield Hall(app, deployment, issuer, client, browser, database)
        finally:
            await deployment.engine.dispose()
