"""Requests of one route that come at the same time, or closely one after the other, share a transaction.

For a route whose requests are many and alike. The endpoint reads and checks a request by itself, and hands what it
wants written to ``gather``, together with the verb that writes; the verb gets what all of them want at once. For the
one who asks nothing changes: one key, one effect, one answer, and no answer before it stands. Who is refused leaves
nothing and harms nobody; whatever else goes wrong with several is tried again, each by itself.
docs/decisions/requests-share-a-transaction.md says why.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bulk import NewRows, write_rows
from shared.messaging.causes import Cause, current_cause
from shared.messaging.failures import is_infrastructure
from shared.problem import Problem
from shared.security import Caller, audit_row
from shared.security.tables import audit_rows, idempotency
from shared.web.deployment import Deployment
from shared.web.idempotency import Answers, Claim, Kept
from shared.web.lingering import TOGETHER_MAX, Lingering, Wait

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """What one of the requests wants written, for whom, and the cause under which it is announced."""

    wanted: T
    caller: Caller
    cause: Cause


Outcome = dict[str, Any] | Problem
"""The answer to a request as JSON, or why it is refused."""
Verb = Callable[[AsyncSession, Sequence[Asked[Any]]], Awaitable[Sequence[Outcome]]]
"""Writes what several want and says what became of each, in their order; writes nothing for those it refuses."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A request whose key was read, before anything of it is done."""

    claim: Claim
    caller: Caller
    action: str
    """How the audit calls it: the name of the endpoint."""
    status: int


@dataclass(slots=True, eq=False)
class _Waiting:
    turn: Turn
    asked: Asked[Any]
    answer: "asyncio.Future[Response]"

    def settle(self, answer: Response | BaseException) -> None:
        if self.answer.done():  # whoever asked has gone
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


@dataclass
class Gathering:
    """All that is gathered in one process; made once with its application."""

    deployment: Deployment
    answers: Answers
    _companies: dict[Verb, "_Company"] = field(default_factory=dict)

    async def write(self, verb: Verb, turn: Turn, wanted: Any) -> Response:
        """The answer to one request, once it stands. Raises the problem with which it is refused."""
        company = self._companies.setdefault(verb, _Company(self.deployment, self.answers, verb))
        # A repetition waits here until the first one has its answer, and then finds it kept.
        async with self.answers.alone(turn.claim):
            asked = Asked(wanted, turn.caller, current_cause())
            waiting = _Waiting(turn, asked, asyncio.get_running_loop().create_future())
            company.join(waiting)
            answer = waiting.answer
            # A refusal would hold its own frame, and with it what was asked, until Python looks for cycles.
            del waiting, asked
            try:
                return await answer
            finally:
                del answer


@dataclass
class _Company:
    """Those who want the same verb: one transaction at a time, for all who have come meanwhile."""

    deployment: Deployment
    answers: Answers
    verb: Verb
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _lingering: Lingering = field(default_factory=Lingering)
    _wanted: int = 1
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _works: bool = False

    def join(self, one: _Waiting) -> None:
        self._waiting.append(one)
        if len(self._waiting) >= self._wanted:
            self._enough.set()
        if not self._works:
            self._works = True
            self._start(self._work_off())

    def _start(self, work: Any) -> None:
        # In a context of its own: nothing of the request that happens to come first may stick to the others.
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                await self._linger()
                together = [self._waiting.popleft() for _ in range(min(TOGETHER_MAX, len(self._waiting)))]
                # Nobody waits any more for what a request that was cancelled wanted, and it was acknowledged to nobody.
                if here := [each for each in together if not each.answer.done()]:
                    await self._work(here)
                self._lingering.ended(len(together), len(self._waiting))
        except BaseException:
            for each in self._waiting:
                each.answer.cancel()
            self._waiting.clear()
            raise
        finally:
            self._works = False

    async def _linger(self) -> None:
        clock = asyncio.get_running_loop().time
        came, here = clock(), len(self._waiting)
        others = self._lingering.for_others()
        if others is not None and await self._waited(others):
            self._lingering.joined(len(self._waiting) - here)
        await self._waited(self._lingering.for_company(came))
        self._lingering.begins(clock())

    async def _waited(self, wait: Wait) -> bool:
        """Whether there was anything to wait for; then it is over."""
        if len(self._waiting) >= wait.enough or asyncio.get_running_loop().time() >= wait.until:
            return False
        self._wanted = wait.enough
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(wait.until):
                await self._enough.wait()
        return True

    async def _work(self, together: Sequence[_Waiting], *, patient: bool = False) -> None:
        """Write for all of them. Only who is by itself waits for another process that has its key in hand."""
        try:
            elsewhere = await self._transact(together, patient=patient)
        except Exception as error:  # noqa: BLE001 - each request gets its own answer to it
            if _may_go_better(error, together, patient=patient):
                elsewhere = list(together)
            else:
                for each in together:
                    each.settle(error)
                return
        except BaseException:
            for each in together:
                each.answer.cancel()
            raise
        for each in elsewhere:
            self._start(self._work([each], patient=True))

    async def _transact(self, together: Sequence[_Waiting], *, patient: bool) -> list[_Waiting]:
        """One transaction for all of them; returns those whose key another process has in hand."""
        deployment, answers = self.deployment, self.answers
        async with deployment.sessions() as session:
            claims = [each.turn.claim for each in together]
            held, kept = await (answers.hold(session, *claims) if patient else answers.try_hold(session, claims))
            ours = {claim.identity for claim in held}
            mine = [each for each in together if each.turn.claim.identity in ours]
            fresh = [each for each in mine if each.turn.claim.identity not in kept]
            outcomes = await self.verb(session, [each.asked for each in fresh]) if fresh else []
            done = list(zip(fresh, outcomes, strict=True))
            stands = [(each, told) for each, told in done if not isinstance(told, Problem)]
            responses = [_response(each.turn, told) for each, told in stands]
            if refused := [each.turn.claim for each, told in done if isinstance(told, Problem)]:
                # What was done under the same key while this asked for it may be why it is refused now.
                kept |= await answers.look(session, refused)
            if stands:
                answered = [(each.turn.claim, response) for (each, _), response in zip(stands, responses, strict=True)]
                await write_rows(
                    session,
                    NewRows(audit_rows, [_audited(each, told) for each, told in stands]),
                    answers.rows_to_keep(answered),
                )
                await deployment.kernel.commit(session)
        if stands:
            # Beside the next company: its transaction need not wait for what leaves before this one is answered.
            self._start(self._answer(session, [each for each, _ in stands], responses))
        for each in mine:
            if each.turn.claim.identity in kept:
                each.settle(self._replay(each.turn.claim, kept[each.turn.claim.identity]))
        for each, told in done:
            if isinstance(told, Problem):
                each.settle(told)
        return [each for each in together if each.turn.claim.identity not in ours]

    async def _answer(self, session: AsyncSession, those: Sequence[_Waiting], responses: Sequence[Response]) -> None:
        """Answer for what stands, once it is on its way."""
        try:
            await self.deployment.kernel.on_its_way(session)
        finally:
            for each, response in zip(those, responses, strict=True):
                each.settle(response)

    def _replay(self, claim: Claim, kept: Kept) -> Response | Problem:
        try:
            return self.answers.replay(claim, kept)
        except Problem as reused:
            return reused


def _may_go_better(error: Exception, together: Sequence[_Waiting], *, patient: bool) -> bool:
    """Whether each is tried again by itself: one of several has failed, or one that was answered a moment ago."""
    if is_infrastructure(error):
        return False
    answered = isinstance(error, asyncpg.UniqueViolationError) and error.table_name == idempotency.name
    return len(together) > 1 or (answered and not patient)


def _response(turn: Turn, told: dict[str, Any]) -> Response:
    return Response(orjson.dumps(told, default=_as_text), turn.status, media_type="application/json")


def _as_text(value: object) -> str:
    """Ids of the database driver's own kind, which are written like all others."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an answer holds no {type(value).__name__}")


def _audited(each: _Waiting, told: dict[str, Any]) -> dict[str, Any]:
    subjects = {name: value for name, value in told.items() if isinstance(value, UUID)}
    correlation_id = str(each.asked.cause.correlation_id)
    return audit_row(each.turn.caller, each.turn.action, subjects, correlation_id=correlation_id)


class Gather:
    """Hands on what a request wants written: ``return await gather(verb, wanted)``."""

    def __init__(self, gathering: Gathering, turn: Turn) -> None:
        self._gathering = gathering
        self._turn = turn

    async def __call__(self, verb: Verb, wanted: Any) -> Response:
        return await self._gathering.write(verb, self._turn, wanted)


async def gather_of(request: Request) -> Gather:
    """For endpoints of EdgeRoute that do not write by themselves."""
    turn: Turn | None = getattr(request.state, "turn", None)
    if turn is None:
        raise RuntimeError("only writing routes of EdgeRoute whose callers are known can gather")
    return Gather(request.app.state.gathering, turn)


GatherDep = Annotated[Gather, Depends(gather_of)]


def does_gather(dependant: Dependant) -> bool:
    """Whether a route's endpoint hands its writing to ``gather``."""
    return any(dependency.call is gather_of for dependency in dependant.dependencies)
