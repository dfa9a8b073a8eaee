# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forwards TCP connections to a server: relay.py DESCRIPTOR HOST:PORT [BYTES_A_SECOND]

DESCRIPTOR is a listening socket. While this process is stopped (SIGSTOP), no data passes, and data that
was sent arrives later, as over a link that is cut for a moment."""

import asyncio
import contextlib
import socket
import sys

CHUNK = 65536


async def carry(reader, writer, rate):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
            if rate:
                await asyncio.sleep(len(data) / rate)
    writer.close()


async def pass_on(reader, writer, host, port, rate):
    try:
        there = await asyncio.open_connection(host, port)
    except OSError:  # the server doesn't listen, so the client's connection ends too
        writer.close()
        return
    await asyncio.gather(carry(reader, there[1], rate), carry(there[0], writer, rate))


async def serve(listener, host, port, rate):
    server = await asyncio.start_server(lambda *client: pass_on(*client, host, port, rate), sock=listener)
    await server.serve_forever()


def main(descriptor, address, rate="0"):
    host, port = address.rsplit(":", 1)
    asyncio.run(serve(socket.socket(fileno=int(descriptor)), host, int(port), float(rate)))


if __name__ == "__main__":
    main(*sys.argv[1:])
