"""The `tuntas` command. Services are found by name at run time; shared imports none of them."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import cyclopts
from cyclopts import Parameter
from pydantic import ValidationError

from shared.deployment import Deployment
from shared.events.commands import app as events_app
from shared.logging import configure_logging
from shared.messaging import migrate as migrations
from shared.messaging import parking, redrive, statements, timers
from shared.messaging.failures import StartRefused
from shared.messaging.kernel import Role
from shared.messaging.rebuild import rebuild
from shared.messaging.reconcile import Report, differing_totals, reconcile
from shared.security import rotate_household_keys
from shared.security.audit_seal import broken_blocks
from shared.security.roles_page import page_of_roles
from shared.serve import find_service, make_app, read_settings, serve

SERVICE_NAMES = ("intake", "verification", "programs", "notifications")
ServiceName = Literal["intake", "verification", "programs", "notifications"]
Agency = Annotated[str, Parameter(help="Code of the agency whose deployment it is.")]
EnvFile = Annotated[
    Path | None, Parameter(help="The deployment's settings; else TUNTAS_DEPLOYMENTS, else environment.")
]

app = cyclopts.App(name="tuntas", help="Event-driven case management for local governments that fight poverty.")
parked_app = cyclopts.App(name="parked", help="Records that could not be handled, and what waits behind them.")
app.command(parked_app)
app.command(events_app)


@app.command(name="serve")
def serve_command(service: ServiceName, *, agency: Agency, role: Role = "all", env_file: EnvFile = None) -> None:
    """Run a deployment: HTTP, hearing, timers and relay in one process, or one role of them."""
    declared = find_service(service)
    serve(declared, read_settings(declared, _env_file(service, agency, env_file)), role)


@app.command
def migrate(service: ServiceName, *, agency: Agency, env_file: EnvFile = None, check: bool = False) -> None:
    """Bring a deployment's database to this release; with --check only say how it differs."""
    settings = read_settings(find_service(service), _env_file(service, agency, env_file))
    dsn = settings.database_url.get_secret_value()
    if not check:
        asyncio.run(migrations.migrate(service, dsn, settings.database_ca_file))
        return
    differences = asyncio.run(migrations.unmigrated(service, dsn, settings.database_ca_file))
    print("\n".join(differences) or "The database is of this release.")
    sys.exit(bool(differences))


@app.command(name="reconcile")
def reconcile_command(
    *deployments: Annotated[str, Parameter(help="SERVICE.AGENCY, as often as wanted; none: all of the folder.")],
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Hold what was announced and heard against the topics. Ends with 1 where anything is found."""
    reports = asyncio.run(_reconcile(deployments or _known_deployments()))
    differing = differing_totals(reports)
    found = any(report.findings for report in reports) or bool(differing)
    if as_json:
        print(
            json.dumps({"deployments": [each.as_dict() for each in reports], "differing": [d.where for d in differing]})
        )
    else:
        for report in reports:
            wrong = "; ".join(f"{each.count} {each.kind}: {each.where}" for each in report.findings)
            print(f"{report.service}.{report.agency}: {report.records} records, {wrong or 'all well'}")
        for each in differing:
            print(f"Deployments disagree on {each.where}")
    sys.exit(found)


@app.command
def replay(service: ServiceName, *, agency: Agency, env_file: EnvFile = None, as_json: bool = False) -> None:
    """Empty the read tables and fill them again from offset 0. Reactions do not run; workers wait meanwhile."""

    async def run() -> None:
        async with _open(service, agency, env_file) as deployment:
            done = await rebuild(deployment)
        if as_json:
            print(json.dumps({"records": done.records, "before": done.before, "after": done.after}))
        else:
            print(f"{done.records} records read; read tables {'are unchanged' if done.unchanged else 'have changed'}.")

    asyncio.run(run())


@app.command(name="react-from")
def react_from(
    service: ServiceName, where: Literal["beginning", "now"], *, agency: Agency, env_file: EnvFile = None
) -> None:
    """State, once, from where on a deployment reacts; below it only its read tables are filled."""
    settings = read_settings(find_service(service), _env_file(service, agency, env_file))
    stated = asyncio.run(statements.react_from_where(settings, where))
    print(f"{service}.{agency} reacts from {where}." if stated else "It was stated before; nothing is changed.")


@app.command
def resume(service: ServiceName, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Let a worker whose group's offsets Kafka has forgotten read from the beginning; what was heard is passed over."""

    async def run() -> None:
        async with _open(service, agency, env_file) as deployment, deployment.sessions() as session:
            await statements.withdraw(session, statements.OFFSETS_SEEN)
            await session.commit()

    asyncio.run(run())


@parked_app.command(name="list")
def list_parked(service: ServiceName, *, agency: Agency, env_file: EnvFile = None) -> None:
    """What waits, the heads of blocked households first."""

    async def run() -> None:
        async with _open(service, agency, env_file) as deployment, deployment.sessions() as session:
            rows = await parking.list_parked(session)
            waiting = await parking.count_waiting(session)
            given_up = await timers.list_given_up(session)
        for row in rows:
            print(f"{row.id}  {row.reason:<18} {row.topic}/{row.partition}@{row.offset}  {row.type or '-'}")
        for timer in given_up:
            print(f"timer {timer.kind} {timer.key}: given up after {timer.attempts} attempts, {timer.failure}")
        print(f"{waiting} waiting" + (f", {len(rows)} shown" if waiting > len(rows) else ""))

    asyncio.run(run())


@parked_app.command
def show(service: ServiceName, record: UUID, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Where a record came from and why it cannot be handled. Its content is not shown."""

    async def run() -> None:
        async with _open(service, agency, env_file) as deployment:
            row = await _find(deployment, record)
        for name in (
            "id",
            "state",
            "topic",
            "partition",
            "offset",
            "key",
            "type",
            "event_id",
            "reason",
            "detail",
            "parked_at",
        ):
            print(f"{name:<10} {getattr(row, name)}")

    asyncio.run(run())


@parked_app.command(name="redrive")
def redrive_command(
    service: ServiceName,
    record: UUID,
    *,
    agency: Agency,
    by: Annotated[str, Parameter(help="Who answers for it.")],
    accept_gap: Annotated[bool, Parameter(help="Handle it although numbers before it never came.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Handle a record again, and in order what waits behind it."""

    async def run() -> redrive.Redriven:
        async with _open(service, agency, env_file) as deployment:
            head = await _find(deployment, record)
            return await redrive.redrive(deployment.kernel.hearing, head, by=by, accept_gap=accept_gap)

    _tell(asyncio.run(run()))


@parked_app.command(name="dismiss")
def dismiss_command(
    service: ServiceName, record: UUID, *, agency: Agency, by: str, reason: str, env_file: EnvFile = None
) -> None:
    """Give a record up for good; what waited behind it goes on."""

    async def run() -> redrive.Redriven:
        async with _open(service, agency, env_file) as deployment:
            head = await _find(deployment, record)
            return await redrive.dismiss(deployment.kernel.hearing, head, by=by, reason=reason)

    _tell(asyncio.run(run()))


@app.command(name="rotate-keys")
def rotate_keys(service: ServiceName, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Wrap every household's key under the newest deployment key; afterwards older ones may be taken away."""

    async def run() -> int:
        rotated = 0
        async with _open(service, agency, env_file) as deployment:
            while True:
                async with deployment.sessions.begin() as session:
                    done = await rotate_household_keys(session, deployment.vault)
                if not done:
                    return rotated
                rotated += done

    print(f"{asyncio.run(run())} household keys are now under the newest deployment key.")


@app.command(name="check-audit")
def check_audit(service: ServiceName, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Hold the audit against its seals. Ends with 1 where a block is not what was sealed."""

    async def run() -> list[int]:
        async with _open(service, agency, env_file) as deployment, deployment.sessions() as session:
            return await broken_blocks(session)

    broken = asyncio.run(run())
    print(f"Not what was sealed: blocks {broken}" if broken else "Every block is what was sealed.")
    sys.exit(bool(broken))


@app.command(name="roles-page")
def roles_page(to: Path = Path("docs/roles.md")) -> None:
    """Write the page that says who may use which route, from the routes of all services."""
    to.write_text(page_of_roles({name: find_service(name).routes for name in SERVICE_NAMES}), encoding="utf-8")


@parked_app.command
def retry(service: ServiceName, kind: str, key: str, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Let a timer that was given up fall due again."""

    async def run() -> bool:
        async with _open(service, agency, env_file) as deployment, deployment.sessions() as session:
            found = await timers.retry_given_up(session, kind, key)
            await session.commit()
            return found

    if not asyncio.run(run()):
        raise SystemExit(f"No timer {kind} {key} was given up here.")
    print("It falls due at once.")


@app.command
def openapi(service: ServiceName, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Print the OpenAPI description of a service."""
    declared = find_service(service)
    made = make_app(declared, read_settings(declared, _env_file(service, agency, env_file)), "api")
    print(json.dumps(made.openapi(), indent=2))


def _tell(done: redrive.Redriven) -> None:
    print(f"{done.handled} handled, {done.left} left" + (f"; stopped by {done.stopped_by}" if done.stopped_by else ""))
    sys.exit(bool(done.left))


async def _find(deployment: Deployment, record: UUID) -> parking.Parked:
    async with deployment.sessions() as session:
        row = await parking.find_parked(session, record)
    if row is None:
        raise SystemExit(f"{record} is not parked here.")
    return row


async def _reconcile(names: Any) -> list[Report]:
    reports = []
    for name in names:
        service, _, agency = name.partition(".")
        async with _open(service, agency, None) as deployment:
            reports.append(await reconcile(deployment))
    return reports


class _open:  # noqa: N801 - reads as a verb where it is used
    """A deployment without its loops, for one command."""

    def __init__(self, service: str, agency: str, env_file: Path | None) -> None:
        declared = find_service(service)
        self._deployment = Deployment(declared, read_settings(declared, _env_file(service, agency, env_file)))

    async def __aenter__(self) -> Deployment:
        return self._deployment

    async def __aexit__(self, *_: object) -> None:
        await self._deployment.close()


def _env_file(service: str, agency: str, given: Path | None) -> Path | None:
    folder = os.environ.get("TUNTAS_DEPLOYMENTS")
    if given is None and folder:
        given = Path(folder) / f"{service}.{agency}.env"
    if given is not None and not given.is_file():
        raise SystemExit(f"There is no {given}: is {service} of {agency} provisioned? See `tuntas agency add`.")
    return given


def _known_deployments() -> list[str]:
    folder = os.environ.get("TUNTAS_DEPLOYMENTS")
    if not folder:
        raise SystemExit(
            "Name deployments as SERVICE.AGENCY, or set TUNTAS_DEPLOYMENTS to the folder of their settings."
        )
    return sorted(each.stem for each in Path(folder).glob("*.env"))


def _add_further_commands(asked: str | None) -> None:
    """Commands of services and of the operator, imported only when asked for: `serve` stays small."""
    own = {name for each in app.resolved_commands() for name in (each if isinstance(each, tuple) else (each,))}
    if asked in own and not str(asked).startswith("-"):
        return
    for module in (*(f"services.{name}.commands" for name in SERVICE_NAMES), "shared.provisioning.commands"):
        # An image holds one service only, and the operator's packages are an extra of their own.
        if importlib.util.find_spec(module) is None or _lacks_its_packages(module):
            continue
        found = importlib.import_module(module)
        if isinstance(getattr(found, "app", None), cyclopts.App):
            app.command(found.app)


def _lacks_its_packages(module: str) -> bool:
    return module.startswith("shared.provisioning") and importlib.util.find_spec("confluent_kafka") is None


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: every mistake ends with one clear sentence and a code other than 0."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    configure_logging("warning", stream=sys.stderr)
    try:
        _add_further_commands(asked[0] if asked else None)
        app(asked)
    except ValidationError as wrong:
        for each in wrong.errors(include_input=False, include_url=False):
            place = "_".join(str(part) for part in each["loc"])
            print(f"TUNTAS_{place.upper()}: {each['msg']}" if place else each["msg"], file=sys.stderr)
        sys.exit(2)
    except (StartRefused, redrive.NotTheFirst) as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)
