#!/usr/bin/env python3
"""postgres FOLDER SOCKET [FROM N HOW]: between programs and the server at SOCKET, and cuts them off at one message.

Listens at FOLDER/.s.PGSQL.5432. Messages of the protocol are counted over all connections, those of FROM (client or
server) by themselves; of rows behind each other only the first three and each 16th. At message N:

    before   it is not passed on, and both sides of its connection are closed
    half     half of it is passed on, then the same
    after    all of it is
    down     before, and nobody can connect any more
    delay    it waits for half a second

With SERVER_VERSION in the environment, 14.5 say, the server calls itself that: what programs decide by the version is
then decided so, on whatever server there is.

SIGTERM ends it. FOLDER/count then has the messages of the client and of the server, FOLDER/cut what was cut: FROM, the
type of the message, the program, `rows` where the transaction has written some, and the end of the last statement.
"""
import asyncio
import os
import signal
import struct
import sys

folder, there = sys.argv[1:3]
cut_from, cut_at, cut_how = (sys.argv[3], int(sys.argv[4]), sys.argv[5]) if len(sys.argv) > 3 else ("", 0, "")
count = {"client": 0, "server": 0}
down = False
version = os.environ.get("SERVER_VERSION", "").encode()


class Cut(Exception):
    pass


class Direction:
    """Messages from one side to the other."""

    def __init__(self, session, name, source, to):
        self.session, self.name, self.source, self.to = session, name, source, to
        self.typed = name == "server"
        self.rows = 0

    async def message(self):
        head = await self.source.readexactly(5 if self.typed else 4)
        length = struct.unpack("!I", head[-4:])[0]
        kind = head[:1] if self.typed else b"-"
        whole = head + await self.source.readexactly(length - 4)
        if not self.typed:
            code = struct.unpack("!I", whole[4:8])[0]
            self.typed = code == 196608  # not a request to cancel
            words = whole[8:].decode("utf-8", "replace").split("\0")
            self.session.program = dict(zip(words[::2], words[1::2])).get("application_name", "")
        return kind, whole

    def counts(self, kind):
        """Is it one of those that are counted?"""
        self.rows = self.rows + 1 if kind in b"dD" else 0
        return self.rows <= 3 or self.rows % 16 == 0

    async def pass_on(self):
        global down
        kind, whole = await self.message()
        if version and whole.startswith(b"S") and whole[5:].startswith(b"server_version\0"):
            text = b"server_version\0" + version + b"\0"
            whole = kind + struct.pack("!I", len(text) + 4) + text
        if kind in b"QP":
            if self.session.statement.endswith("COMMIT"):
                self.session.wrote = False
            self.session.statement = whole[5:].replace(b"\0", b" ").decode("utf-8", "replace").strip()
        self.session.wrote |= kind == b"d" and self.name == "client"
        hit = False
        if self.counts(kind):
            count[self.name] += 1
            hit = self.name == cut_from and count[self.name] == cut_at
        if hit:
            self.session.tell(self.name, kind.decode())
            if cut_how == "delay":
                await asyncio.sleep(0.5)
            else:
                down = cut_how == "down"
                self.to.write({"half": whole[:len(whole) // 2], "after": whole}.get(cut_how, b""))
                await self.to.drain()
                raise Cut
        self.to.write(whole)
        await self.to.drain()

    async def run(self):
        while True:
            await self.pass_on()


class Session:
    def tell(self, name, kind):
        last = " ".join(self.statement[-200:].split())
        with open(os.path.join(folder, "cut"), "w") as f:
            f.write(" ".join([name, kind, self.program] + ["rows"] * self.wrote + [last]) + "\n")

    async def start(self, reader, writer):
        self.statement = self.program = ""
        self.wrote = False
        try:
            if down:
                return
            back_reader, back_writer = await asyncio.open_unix_connection(there)
        finally:
            if down:
                writer.close()
        ways = [Direction(self, "client", reader, back_writer), Direction(self, "server", back_reader, writer)]
        tasks = [asyncio.ensure_future(way.run()) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            # the last words of the other side still get there, unless it was cut off
            if not any(isinstance(task.exception(), Cut) for task in done):
                await asyncio.wait(tasks, timeout=0.05)
        finally:
            for task in tasks:
                task.cancel()
            for each in (writer, back_writer):
                each.close()


async def main():
    place = os.path.join(folder, ".s.PGSQL.5432")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.set_exception_handler(lambda *_: None)  # connections end as they like
    await asyncio.start_unix_server(lambda r, w: Session().start(r, w), place, limit=1 << 24)
    with open(os.path.join(folder, "ready"), "w") as f:
        f.write("ready\n")
    await ended.wait()
    with open(os.path.join(folder, "count"), "w") as f:
        f.write("%d %d\n" % (count["client"], count["server"]))
    os.unlink(place)
    os._exit(0)


asyncio.run(main())
