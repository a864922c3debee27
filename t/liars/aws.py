#!/usr/bin/env python3
"""aws SANDBOX FOLDER: a server between the programs and the sandbox at the URL SANDBOX, which lies when it is told to.

FOLDER/port gets its port. The file FOLDER/lie says how to lie, for each request anew: OPERATION LIE [SKIP]; so many
answers to that operation are right first. GetManifest and GetResult are GetObject of a list of parts and of a result.
Each lie told is a line of FOLDER/told, and a request that went where a redirect led is one of FOLDER/led.
Lies about bytes are named in `wire`, those about what is said in `said`, and `types-N` gives the Nth value of an answer
a type that it must not have.
"""
import gzip
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sandbox, folder = sys.argv[1].rpartition("/")[2].partition(":")[::2], sys.argv[2]
lock = threading.Lock()
seen = {}  # operation: answers it has had since the lie was told of
kept = {}  # operation: {request: body} of right answers
looped = {}  # operation: the page that is behind itself


def note(name, text):
    with open(os.path.join(folder, name), "a") as f:
        f.write(text + "\n")


def operation(method, path, headers):
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if path.startswith("/FeatureGroup/"):
        if "/ListRecords" in path:
            return "ListRecords"
        return {"GET": "GetRecord", "PUT": "PutRecord", "DELETE": "DeleteRecord"}[method]
    if path in ("/BatchGetRecord", "/BatchWriteRecord"):
        return path[1:]
    if "list-type=2" in path:
        return "ListObjectsV2"
    if "delete=" in path:
        return "DeleteObjects"
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    if method == "GET" and "manifest" in path:
        return "GetManifest"
    if method == "GET" and re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}\.csv$", path):
        return "GetResult"
    return {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}.get(method, "Other")


def asked_lie(op):
    """The lie to tell now, or None."""
    try:
        with open(os.path.join(folder, "lie")) as f:
            words = f.read().split()
    except OSError:
        return None
    if not words or words[0] != op:
        return None
    with lock:
        n = seen[tuple(words)] = seen.get(tuple(words), 0) + 1
    return words[1] if n > (int(words[2]) if len(words) > 2 else 0) else None


# ---- lies about what is said: from a good body to another, or None where the lie does not apply ---------------------


def leaves(v, path=()):
    yield path
    for k in v if isinstance(v, dict) else range(len(v)) if isinstance(v, list) else ():
        yield from leaves(v[k], path + (k,))


def mistyped(v, n):
    """The Nth value is of another type; with N beyond the last of them None."""
    found = [p for p in leaves(v) if p]
    wrong = [0, "no such thing", [], {}, True, [{}]]
    if n >= len(found) * 3:
        return None
    *way, last = found[n // 3]
    for k in way:
        v = v[k]
    others = [w for w in wrong if type(w) is not type(v[last])]
    v[last] = others[(n // 3 + n % 3 * 2) % len(others)]
    return True


def each_list(v):
    if isinstance(v, list):
        yield v
    for k in v.values() if isinstance(v, dict) else v if isinstance(v, list) else ():
        yield from each_list(k)


def change(body, how):
    v = json.loads(body or b"{}")
    return json.dumps(v).encode() if how(v) else None


def lists(v, how):
    found = [x for x in each_list(v) if x]
    for x in found[:1]:
        how(x)
    return found


def lines(body, how):
    v = body.splitlines(True)
    return b"".join(how(v))


def again(body):
    """A page behind which there is always another one, the same."""
    if body.startswith(b"{"):
        return change(body, lambda v: v.update(NextToken="again") or True)
    body = re.sub(rb"<IsTruncated>.*?</IsTruncated>|<NextContinuationToken>.*?</NextContinuationToken>", b"", body)
    return body.replace(b"</ListBucketResult>", b"<IsTruncated>true</IsTruncated><NextContinuationToken>again"
                        b"</NextContinuationToken></ListBucketResult>")


def failed(entry):
    """An error of a record that nobody sent."""
    return lambda body: json.dumps({"Errors": [entry], "UnprocessedEntries": []}).encode()


def untold(body):
    """A page that does not say whether it is the last."""
    return re.sub(rb"<IsTruncated>.*?</IsTruncated>", b"<IsTruncated/>", body)


def rows(step):
    def how(v):
        v["QueryRuntimeStatistics"]["Rows"]["OutputRows"] += step
        return True
    return lambda body: change(body, how)



def in_zip(how):
    """The same for what is inside of a gzipped part."""
    def inside(body):
        if body[:2] != b"\x1f\x8b":
            return how(body)
        body = how(gzip.decompress(body))
        return body and gzip.compress(body)
    return inside


said = {
    "html": lambda body: b"<html><body>Please sign in</body></html>",
    "empty": lambda body: b"",
    "null": lambda body: b"null",
    "array": lambda body: b"[]",
    "number": lambda body: b"0",
    "twice": lambda body: change(body, lambda v: lists(v, lambda x: x.append(x[0]))),
    "fewer": lambda body: change(body, lambda v: lists(v, lambda x: x.pop())),
    "last-line-twice": in_zip(lambda body: lines(body, lambda v: v + v[-1:])),
    "last-line-lost": in_zip(lambda body: lines(body, lambda v: v[:-1])),
    "first-line-twice": in_zip(lambda body: lines(body, lambda v: v[:1] + v)),
    "first-line-lost": in_zip(lambda body: lines(body, lambda v: v[1:])),
    "elsewhere": lambda body: body.replace(b"s3://", b"s3://other-"),
    "loop": again,
    "untold": untold,
    "error-of-none": failed(0),
    "error-of-another": failed({"ErrorCode": "ValidationError", "ErrorMessage": "x", "Entry": {
        "FeatureGroupName": "x", "Record": [{"FeatureName": "id", "ValueAsString": "nobody"}]}}),
    "rows+1": rows(1),
    "rows-1": rows(-1),
}

# ---- lies about bytes: write the answer to the socket ----------------------------------------------------------------


def head(n, status="200 OK", more=""):
    return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, n, more)).encode()


def drip(s, body):
    whole = head(len(body)) + body
    step = max(1, len(whole) // 40)
    for i in range(0, len(whole), step):
        s.sendall(whole[i:i + step])
        time.sleep(0.004)


def chunks(s, body, end):
    s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    half = len(body) // 2
    for part in (body[:half], body[half:]) if end else (body[:half],):
        if part:
            s.sendall(b"%x\r\n%s\r\n" % (len(part), part))
    if end:
        s.sendall(b"0\r\n\r\n")


def flood(s, body):
    s.sendall(head(1 << 32))
    piece = b'{"a":"' + b"x" * 1048570
    for _ in range(300):
        s.sendall(piece)


def unasked_gzip(s, body):
    body = gzip.compress(body)
    s.sendall(head(len(body), more="Content-Encoding: gzip\r\n") + body)


def redirect(status):
    return lambda s, body: s.sendall(
        head(0, status, "Location: http://127.0.0.1:%d/led\r\n" % server.server_address[1]))


wire = {
    "long": lambda s, body: s.sendall(head(len(body) + 10) + body),
    "short": lambda s, body: s.sendall(head(max(0, len(body) - 10)) + body),
    "cut-head": lambda s, body: s.sendall(head(len(body))[:-6]),
    "cut-body": lambda s, body: s.sendall(head(len(body) or 1) + body[:len(body) // 2]),
    "no-length": lambda s, body: s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body),
    "drip": drip,
    "chunks": lambda s, body: chunks(s, body, True),
    "cut-chunks": lambda s, body: chunks(s, body, False),
    "huge-header": lambda s, body: s.sendall(head(len(body), more="X: " + "x" * (1 << 20) + "\r\n") + body),
    "many-headers": lambda s, body: s.sendall(head(len(body), more="X-A: b\r\n" * 100000) + body),
    "huge-body": flood,
    "gzip": unasked_gzip,
    "redirect-301": redirect("301 Moved Permanently"),
    "redirect-302": redirect("302 Found"),
    "redirect-307": redirect("307 Temporary Redirect"),
    "redirect-308": redirect("308 Permanent Redirect"),
}

# ---- the server ------------------------------------------------------------------------------------------------------


def other(op, key):
    """The answer to another request of the kind."""
    for asked, body in kept.get(op, {}).items():
        if asked != key:
            return body
    return None


class Liar(socketserver.StreamRequestHandler):
    def read(self):
        line = self.rfile.readline()
        if not line:
            return None
        headers = http.client.parse_headers(self.rfile)
        body = self.rfile.read(int(headers.get("content-length", 0)))
        method, path, _ = line.decode().split(" ", 2)
        return method, path, headers, body

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(sandbox[0], int(sandbox[1]))
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        got = answer.read()
        connection.close()
        return answer, got

    def tell(self, op, lie, key, body):
        """False where the lie does not apply."""
        with lock:
            if lie == "other":
                body = other(op, key)
            elif lie.startswith("types-"):
                body = change(body, lambda v: mistyped(v, int(lie[6:]))) if body.startswith(b"{") else None
            elif lie in said:
                right = body
                body = said[lie](right)
                body = None if body == right else body
        if body is None:
            return False
        note("told", op + " " + lie)
        try:
            wire.get(lie, lambda s, b: s.sendall(head(len(b)) + b))(self.connection, body)
        except OSError:
            pass  # who is lied to may go
        return True

    def handle(self):
        while True:
            asked = self.read()
            if not asked:
                return
            method, path, headers, body = asked
            if path.startswith("/led"):
                note("led", path)
            op = operation(method, path, headers)
            lie, key = asked_lie(op), method + path + body.decode("latin-1")
            if lie == "loop" and "again" in key:
                self.tell(op, lie, key, looped[op])
                continue
            answer, got = self.forward(*asked)
            looped[op] = got
            if answer.status < 300 and lie and self.tell(op, lie, key, got):
                if lie in wire:
                    return
                continue
            if answer.status < 300:
                with lock:
                    kept.setdefault(op, {})[key] = got
            text = "HTTP/1.1 %d %s\r\n" % (answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    text += "%s: %s\r\n" % (name, value)
            length = answer.getheader("content-length") if method == "HEAD" else len(got)
            self.wfile.write(text.encode() + b"Content-Length: %d\r\n\r\n" % int(length or 0) + got)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


server = Server(("127.0.0.1", 0), Liar)
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
