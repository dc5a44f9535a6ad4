"""Verifies deliveries of webhooks with the library `standardwebhooks`.

Reads a list `[{"secret", "headers", "body"}]` in JSON, with the body in base64. Prints the list of what the library
returns, with null for a delivery that it refuses.
"""

import base64
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def verify(delivery):
    try:
        return Webhook(delivery["secret"]).verify(base64.b64decode(delivery["body"]), delivery["headers"])
    except WebhookVerificationError:
        return None


json.dump([verify(delivery) for delivery in json.load(sys.stdin)], sys.stdout)
