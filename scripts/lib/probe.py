"""Finds ports for local servers and waits for servers to be ready, with nothing but Python's standard library.

    probe.py free-ports COUNT          print loopback ports nobody listens on
    probe.py hold PORT PROGRAM [ARG]…  become PROGRAM, which keeps PORT reserved from other tests while it runs
    probe.py redis PORT SECONDS        wait until Redis answers PING
    probe.py mongo PORT SECONDS        make mongod a replica set of one, wait until it is primary
    probe.py http URL SECONDS          wait until URL answers 200
    probe.py mongo-drop PORT DATABASE  delete a database

Exits with 1 when the deadline passes first.
"""

import os
import random
import socket
import struct
import sys
import time
import urllib.error
import urllib.request


def free_ports(count):
    """They lie below the ports that the kernel gives to outgoing connections. Tests reserve a port by binding the UDP port
    of the same number; see freePort in tests/clients/lib/process.mjs."""
    ports = set()
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as listener, socket.socket(type=socket.SOCK_DGRAM) as reservation:
            try:
                reservation.bind(("127.0.0.1", port))
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.add(port)
    return ports


def hold(port, program, arguments):
    """Replaces this process by a program that inherits the reservation of the port."""
    reservation = socket.socket(type=socket.SOCK_DGRAM)
    reservation.bind(("127.0.0.1", port))
    reservation.set_inheritable(True)
    os.execvp(program, [program, *arguments])


def redis_answers(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")


def http_ok(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=2) as response:
        return response.status == 200


def encode(document):
    """A dict of strings, integers, dicts and lists as BSON."""
    body = b""
    for key, value in document.items():
        name = key.encode() + b"\0"
        if isinstance(value, str):
            text = value.encode() + b"\0"
            body += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(value, int):
            body += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, list):
            body += b"\x04" + name + encode({str(i): item for i, item in enumerate(value)})
        else:
            body += b"\x03" + name + encode(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


FIXED_SIZES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8}


def decode(data):
    """The numbers, booleans and strings at the top level of a BSON document."""
    fields, at = {}, 4
    while data[at]:
        kind = data[at]
        end = data.index(b"\0", at)
        key, at = data[at + 1 : end].decode(), end + 1
        if kind in FIXED_SIZES:
            size = FIXED_SIZES[kind]
        else:  # string, document, array, binary: the length comes first
            size = struct.unpack_from("<i", data, at)[0] + {0x02: 4, 0x05: 5}.get(kind, 0)
        value = data[at : at + size]
        if kind == 0x01:
            fields[key] = struct.unpack("<d", value)[0]
        elif kind == 0x02:
            fields[key] = value[4:-1].decode()
        elif kind == 0x08:
            fields[key] = value == b"\x01"
        elif kind == 0x10:
            fields[key] = struct.unpack("<i", value)[0]
        at += size
    return fields


def mongo_command(port, command, database="admin"):
    """One command, one reply, as OP_MSG."""
    payload = struct.pack("<i", 0) + b"\0" + encode({**command, "$db": database})
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(struct.pack("<iiii", len(payload) + 16, 1, 0, 2013) + payload)
        with connection.makefile("rb") as stream:
            length = struct.unpack("<i", stream.read(4))[0]
            reply = stream.read(length - 4)
    return decode(reply[12 + 4 + 1 :])


def mongo_is_primary(port):
    hello = mongo_command(port, {"hello": 1})
    if hello.get("isWritablePrimary"):
        return True
    if "setName" not in hello:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        mongo_command(port, {"replSetInitiate": {"_id": "rs0", "members": members}})
    return False


def wait_until(condition, argument, seconds):
    deadline = time.monotonic() + seconds
    problem = "not ready"
    while time.monotonic() < deadline:
        try:
            if condition(argument):
                return
        except (OSError, struct.error) as error:
            problem = error
        time.sleep(0.05)
    sys.exit(f"{argument}: no answer within {seconds:g} s: {problem}")


def main():
    match sys.argv[1:]:
        case ["free-ports", count]:
            print(*free_ports(int(count)))
        case ["hold", port, program, *arguments]:
            hold(int(port), program, arguments)
        case ["redis", port, seconds]:
            wait_until(redis_answers, int(port), float(seconds))
        case ["mongo", port, seconds]:
            wait_until(mongo_is_primary, int(port), float(seconds))
        case ["http", url, seconds]:
            wait_until(http_ok, url, float(seconds))
        case ["mongo-drop", port, database]:
            reply = mongo_command(int(port), {"dropDatabase": 1}, database)
            if reply.get("ok") != 1:
                sys.exit(f"{database} was not deleted: {reply.get('errmsg')}")
        case _:
            sys.exit(__doc__)


main()
