"""Receives a webhook: verifies, drops what comes twice, notices holes, and appends events to a file before it answers.

SECRET=whsec_… python3 receiver.py [PORT] [FILE]
"""

import base64
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, file = (sys.argv[1:] + ["9000", "events.jsonl"][len(sys.argv) - 1 :])[:2]
key = base64.b64decode(os.environ.get("SECRET", "").removeprefix("whsec_"))
if not key:
    sys.exit("set SECRET to the secret of the webhook, whsec_…")
LIMIT = 16 * 1024 * 1024  # bytes of a body; the server sends less

with open(file, "a+b") as log:
    log.seek(0)
    stored = log.read()
    # A crash may have cut off the last line. That event was not answered, so it comes again.
    log.truncate(stored.rfind(b"\n") + 1)
taken = {json.loads(line)["id"] for line in stored.split(b"\n")[:-1]}
one_at_a_time = threading.Lock()


def verified(headers, body):
    sent = headers.get("webhook-timestamp", "")
    if not sent.isdecimal() or abs(time.time() - int(sent)) > 300:  # seconds
        return False
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    # There are two while the secret is replaced.
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(expected, given) for given in signatures)


def receive(headers, body):
    """Returns the status to answer with."""
    if not verified(headers, body):
        return 401
    event, previous = headers["webhook-id"], headers["orderwire-previous-id"]
    if headers["orderwire-test"] or event in taken:
        return 200
    if previous and taken and previous not in taken:
        print(f"hole: {previous} is missing before {event}", file=sys.stderr, flush=True)
    with open(file, "a") as log:
        log.write(json.dumps({"id": event, **json.loads(body)}) + "\n")
        log.flush()
        os.fsync(log.fileno())
    taken.add(event)
    return 200


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds

    def do_POST(self):
        length = int(self.headers["content-length"])
        if 0 <= length <= LIMIT:
            body = self.rfile.read(length)
            with one_at_a_time:
                status = receive(self.headers, body)
        else:
            status, self.close_connection = 413, True
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


with ThreadingHTTPServer(("127.0.0.1", int(port)), Handler) as server:
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    server.serve_forever()
