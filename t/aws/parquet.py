#!/usr/bin/env python3
"""parquet.py FILE...: the rows of Parquet files as NDJSON.

A reader of its own, after the format's description and not after the sandbox's writer: flat columns, PLAIN values,
pages of version 1, gzip or nothing. Whatever else a file has ends it with an error.
"""
import datetime
import gzip
import json
import struct
import sys


class Thrift:
    """Compact protocol: a structure as {field number: value}."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def number(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            return self.number()
        if kind == 8:
            n = self.varint()
            self.at += n
            return self.data[self.at - n:self.at]
        if kind == 9:
            head = self.byte()
            n = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15) for _ in range(n)]
        if kind == 12:
            return self.struct()
        raise ValueError("thrift type %d" % kind)

    def struct(self):
        fields, last = {}, 0
        while True:
            head = self.byte()
            if head == 0:
                return fields
            last = last + (head >> 4) if head >> 4 else self.number()
            fields[last] = self.value(head & 15)


def levels(data, count):
    """Runs of one-bit numbers: packed eight to a byte, or one repeated."""
    runs, found = Thrift(data, 0), []
    while len(found) < count:
        head = runs.varint()
        if head & 1:
            for _ in range(head >> 1):
                byte = runs.byte()
                found += [byte >> i & 1 for i in range(8)]
        else:
            found += [runs.byte()] * (head >> 1)
    return found[:count]


def timestamp(raw):
    nanos, day = struct.unpack("<qi", raw)
    return str(datetime.datetime(1970, 1, 1) + datetime.timedelta(days=day - 2440588, microseconds=nanos // 1000))


def plain(kind, converted, data, count):
    if kind == 0:
        return [bool(data[i // 8] >> i % 8 & 1) for i in range(count)]
    if kind in (1, 2, 5):
        code = {1: "i", 2: "q", 5: "d"}[kind]
        values = list(struct.unpack_from("<%d%s" % (count, code), data))
        if converted == 6:
            values = [str(datetime.date(1970, 1, 1) + datetime.timedelta(days=v)) for v in values]
        return values
    if kind == 3:
        return [timestamp(data[12 * i:12 * i + 12]) for i in range(count)]
    values, at = [], 0
    for _ in range(count):
        n = struct.unpack_from("<I", data, at)[0]
        values.append(data[at + 4:at + 4 + n].decode())
        at += 4 + n
    return values


def chunk(data, meta, schema):
    values, at = [], meta[9]
    while len(values) < meta[5]:
        reader = Thrift(data, at)
        head = reader.struct()
        page = data[reader.at:reader.at + head[3]]
        at = reader.at + head[3]
        page = gzip.decompress(page) if meta[4] == 2 else page
        assert head[1] == 0 and head[5][2] == 0 and meta[4] in (0, 2) and len(page) == head[2], "an unknown page"
        n = struct.unpack_from("<I", page)[0]
        there = levels(page[4:4 + n], head[5][1])
        present = iter(plain(meta[1], schema.get(6), page[4 + n:], sum(there)))
        values += [next(present) if bit else None for bit in there]
    assert at == meta[9] + meta[7], "a chunk of another size"
    return values


def rows(data):
    assert data[:4] == data[-4:] == b"PAR1", "no Parquet"
    footer = Thrift(data, len(data) - 8 - struct.unpack_from("<I", data, len(data) - 8)[0]).struct()
    schema = footer[2][1:]
    assert len(schema) == footer[2][0][5], "not flat"
    count = 0
    for group in footer[4]:
        columns = [chunk(data, c[3], s) for c, s in zip(group[1], schema)]
        for row in zip(*columns):
            count += 1
            yield dict(zip((s[4].decode() for s in schema), row))
    assert count == footer[3], "another number of rows"


for name in sys.argv[1:]:
    with open(name, "rb") as f:
        for row in rows(f.read()):
            print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
