"""What an application of a deployment brings with it."""

from __future__ import annotations

import asyncio

from shared.web.app import issuer_client

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def test_the_issuer_is_asked_over_a_connection_of_each_request() -> None:
    opened: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, issuer_client() as client:
        for _request in range(3):
            assert (await client.get(f"http://127.0.0.1:{port}/keys")).json() == {}
    assert len(opened) == 3
