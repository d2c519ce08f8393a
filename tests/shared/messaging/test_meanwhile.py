"""Work beside a statement: both end, in whichever order, and an error of either is what the caller sees."""

from __future__ import annotations

import asyncio

import pytest

from shared.messaging.meanwhile import meanwhile


async def after(event: asyncio.Event, what: str) -> str:
    await event.wait()
    return what


async def refused() -> str:
    raise LookupError


async def test_theirs_begins_first_and_both_are_returned() -> None:
    begun = asyncio.Event()

    async def theirs() -> str:
        begun.set()
        return "theirs"

    async def ours() -> str:
        assert begun.is_set()
        return "ours"

    assert await meanwhile(theirs(), ours()) == ("theirs", "ours")


async def test_an_error_of_theirs_is_raised_once_ours_is_done() -> None:
    done = asyncio.Event()

    async def ours() -> None:
        await asyncio.sleep(0)
        done.set()

    with pytest.raises(LookupError):
        await meanwhile(refused(), ours())
    assert done.is_set()


async def test_where_ours_fails_theirs_has_ended() -> None:
    never, ended = asyncio.Event(), asyncio.Event()

    async def theirs() -> None:
        try:
            await never.wait()
        finally:
            ended.set()

    with pytest.raises(LookupError):
        await meanwhile(theirs(), refused())
    assert ended.is_set()


async def test_where_both_fail_theirs_is_what_the_caller_sees() -> None:
    async def fails_after_them() -> None:
        await asyncio.sleep(0)
        raise ValueError

    with pytest.raises(LookupError):
        await meanwhile(refused(), fails_after_them())


async def test_who_cancels_it_twice_still_waits_for_theirs() -> None:
    never, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ends_slowly() -> None:
        try:
            await never.wait()
        finally:
            await may_end.wait()
            ended.set()

    running = asyncio.create_task(meanwhile(ends_slowly(), after(never, "ours")))
    for _turn in range(5):
        await asyncio.sleep(0)
        running.cancel()
    assert not running.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()


@pytest.mark.parametrize("ours_waits", [True, False])
async def test_who_cancels_it_cancels_both(ours_waits: bool) -> None:
    never, ended = asyncio.Event(), asyncio.Event()
    waits_for = never if ours_waits else asyncio.Event()
    if not ours_waits:
        waits_for.set()

    async def theirs() -> None:
        try:
            await never.wait()
        finally:
            ended.set()

    running = asyncio.create_task(meanwhile(theirs(), after(waits_for, "ours")))
    for _turn in range(5):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
