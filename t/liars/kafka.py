#!/usr/bin/env python3
"""kafka BROKER FOLDER: a Kafka on loopback that tells the truth of the one at BROKER (liars/kafka.c, of one broker), and
lies once when FOLDER/lie says so: API LIE.

API is the number of a request: 0 produce, 1 fetch, 2 list offsets, 3 metadata, 18 versions, 22 producer. LIE, of its
answer:

    close     there is none, the connection ends        cut       half of it, then the same
    long      it says to be longer than it is           short     shorter
    huge      2 GB, negative  -1 bytes                   empty     it has no body
    noise     its body is ones                          other     it is that of another request, before
    drip      it comes slowly, in small pieces          late      another request's number is in it
    http      it is of a web server                     flip      a bit of a record in it is another one

FOLDER/port has the port once it is there, FOLDER/told a line for each lie. Ends with SIGTERM.
"""
import asyncio
import os
import signal
import struct
import sys

broker, folder = sys.argv[1:3]
host, real = broker.rsplit(":", 1)
port = 0


class Lied(Exception):
    pass


def lie_for(api):
    try:
        with open(os.path.join(folder, "lie")) as f:
            which, how = f.read().split()
    except FileNotFoundError:
        return None
    return how if int(which) == api else None


def told(api, how):
    os.unlink(os.path.join(folder, "lie"))
    with open(os.path.join(folder, "told"), "a") as f:
        f.write("%d %s\n" % (api, how))


async def frame(reader):
    length = struct.unpack("!i", await reader.readexactly(4))[0]
    return await reader.readexactly(length)


class Session:
    def __init__(self):
        self.asked = {}  # number of a request: its API
        self.before = b""  # the body of the last answer

    async def requests(self, reader, there):
        while True:
            whole = await frame(reader)
            api, _, number = struct.unpack("!hhi", whole[:8])
            self.asked[number] = api
            there.write(struct.pack("!i", len(whole)) + whole)
            await there.drain()

    async def answers(self, reader, back):
        while True:
            whole = await frame(reader)
            number = struct.unpack("!i", whole[:4])[0]
            api = self.asked.pop(number, -1)
            # who asks where the broker is comes back here
            at = host.encode() + struct.pack("!i", int(real))
            whole = whole.replace(at, host.encode() + struct.pack("!i", port))
            how = lie_for(api)
            if how == "other" and not self.before or how == "flip" and len(whole) < 200:
                how = None  # there is nothing yet to lie with
            if how:
                told(api, how)
                await self.lie(how, number, whole, back)
            else:
                back.write(struct.pack("!i", len(whole)) + whole)
                await back.drain()
            self.before = whole[4:]

    async def lie(self, how, number, whole, back):
        length, body = len(whole), whole[4:]
        head = struct.pack("!i", number)
        if how == "drip":
            text = struct.pack("!i", length) + whole
            step = max(1, len(text) // 40)
            for i in range(0, len(text), step):
                back.write(text[i:i + step])
                await back.drain()
                await asyncio.sleep(0.005)
            return
        if how == "flip":  # one of the last record's, which the checksum of its batch covers
            body = body[:-30] + bytes([body[-30] ^ 4]) + body[-29:]
            back.write(struct.pack("!i", length) + head + body)
            await back.drain()
            return
        text = {
            "close": b"",
            "cut": (struct.pack("!i", length) + whole)[:(length + 4) // 2],
            "long": struct.pack("!i", length + 1000) + whole,
            "short": struct.pack("!i", max(4, length // 2)) + whole,
            "huge": struct.pack("!i", 0x7fffffff) + whole,
            "negative": struct.pack("!i", -1) + whole,
            "empty": struct.pack("!i", 4) + head,
            "noise": struct.pack("!i", length) + head + b"\xff" * len(body),
            "other": struct.pack("!i", len(self.before) + 4) + head + self.before,
            "late": struct.pack("!i", length) + struct.pack("!i", number + 7) + body,
            "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        }[how]
        back.write(text)
        await back.drain()
        await asyncio.sleep(0.05)  # it is read before the connection ends
        raise Lied

    async def start(self, reader, writer):
        there_reader, there = await asyncio.open_connection(host, int(real))
        tasks = [asyncio.ensure_future(self.requests(reader, there)),
                 asyncio.ensure_future(self.answers(there_reader, writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            for each in (writer, there):
                each.close()


async def main():
    global port
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.set_exception_handler(lambda *_: None)  # connections end as they like
    server = await asyncio.start_server(lambda r, w: Session().start(r, w), host, 0)
    port = server.sockets[0].getsockname()[1]
    with open(os.path.join(folder, "port.new"), "w") as f:
        f.write("%d\n" % port)
    os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    await ended.wait()
    os._exit(0)


asyncio.run(main())
