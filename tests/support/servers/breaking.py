"""A network that breaks: between a client and a server, it cuts connections off."""

import asyncio
import queue
import random
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Cuts:
    """Forwards connections from `uri` to the address `to`, which can change, and cuts off a share of the requests.

    By turns before the server gets the request, and after it has answered; a seed decides which. A request is what a
    client sends after an answer: a handshake of TLS is one, too. `counts` has the numbers of requests and of cuts.
    """

    def __init__(self, to, seed=1, share=0.1):
        self.to, self.share, self.random = to, share, random.Random(seed)
        self.counts = {"requests": 0, "before": 0, "after": 0}
        self.begun = queue.SimpleQueue()
        self.thread = threading.Thread(target=asyncio.run, args=[self.serve()])

    def __enter__(self):
        self.thread.start()
        self.loop, self.end, port = self.begun.get()
        self.uri = f"https://127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join()

    async def serve(self):
        server, end = await asyncio.start_server(self.connection, "127.0.0.1", 0), asyncio.Event()
        self.begun.put((asyncio.get_running_loop(), end, server.sockets[0].getsockname()[1]))
        await end.wait()
        server.close()

    async def connection(self, reader, writer):
        ends, state = [writer], {"answered": True, "fate": None}
        try:
            there, back = await asyncio.open_connection("127.0.0.1", urlsplit(self.to).port)
            ends.append(back)
            ways = [self.forward(reader, back, state, self.request), self.forward(there, writer, state, self.answer)]
            _, other = await asyncio.wait(map(asyncio.ensure_future, ways), return_when=asyncio.FIRST_COMPLETED)
            other.pop().cancel()
        except (OSError, KeyError, asyncio.CancelledError):
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def forward(self, reader, writer, state, cut):
        with suppress(OSError):
            while (data := await reader.read(65_536)) and not cut(state):
                writer.write(data)
                await writer.drain()

    def request(self, state):
        if state["answered"]:
            state["answered"] = False
            self.counts["requests"] += 1
            after = self.counts["before"] > self.counts["after"]
            state["fate"] = ("after" if after else "before") if self.random.random() < self.share else None
        return self.cut(state, "before")

    def answer(self, state):
        state["answered"] = True
        return self.cut(state, "after")

    def cut(self, state, when):
        self.counts[when] += state["fate"] == when
        return state["fate"] == when
