"""Receives a webhook: verifies, drops what comes twice, notices holes, and appends each event to a file before it answers.

Run it with: SECRET=whsec_… python3 receiver.py [PORT] [FILE]
"""

import base64, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, file = (sys.argv[1:] + ["9000", "events.jsonl"][len(sys.argv) - 1 :])[:2]
key = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
ids = [json.loads(line)["data"]["id"] for line in open(file)] if os.path.exists(file) else []
taken, last = set(ids), ids[-1] if ids else None


def verified(headers, body):
    if abs(time.time() - int(headers.get("webhook-timestamp", 0))) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split(" "))


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global last
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, event = 200, self.headers.get("webhook-id")
        if not verified(self.headers, body):
            status = 401
        elif not self.headers.get("orderwire-test") and event not in taken:
            previous = self.headers.get("orderwire-previous-id")
            if previous and last and previous != last:
                print(f"hole: {previous} should come between {last} and {event}", file=sys.stderr)
            with open(file, "a") as log:
                log.write(json.dumps(json.loads(body)) + "\n")
                log.flush()
                os.fsync(log.fileno())
            taken.add(event)
            last = event
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


print(f"listening on http://127.0.0.1:{port}", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver).serve_forever()
