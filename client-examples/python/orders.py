"""Lists products, orders one and watches the order, with gql and an API key (scopes READ_ORDERS and WRITE_ORDERS):

ORDERWIRE_API_KEY=owk_… python orders.py [IDEMPOTENCY_KEY]

The order is placed in the name of the admin who made the key.
"""

import asyncio
import os
import random
import sys
import uuid
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

SERVER = os.environ.get("ORDERWIRE_URL", "http://127.0.0.1:8080")
API_KEY = os.environ.get("ORDERWIRE_API_KEY") or sys.exit("set ORDERWIRE_API_KEY to the secret of an API key, owk_…")
AUTHORIZATION = {"Authorization": f"Bearer {API_KEY}"}

PRODUCTS = """
    query {
      products(first: 3, filter: { inStock: true }) { nodes { id name price { amount currencyCode } } }
    }
"""
PLACE_ORDER = """
    mutation ($input: PlaceOrderInput!) {
      payload: placeOrder(input: $input) {
        order { id number total { amount } } replayed userErrors { code message }
      }
    }
"""
ORDER_UPDATES = """
    subscription ($orderId: ID, $after: EventCursor) {
      orderUpdates(orderId: $orderId, after: $after) { cursor kind order { number status } }
    }
"""


class Refused(Exception):
    """The server refused the request, and would refuse it again."""


async def execute(document: str, variables: dict[str, Any]) -> dict[str, Any]:
    async with Client(transport=HTTPXAsyncTransport(f"{SERVER}/graphql", headers=AUTHORIZATION)) as session:
        return await session.execute(GraphQLRequest(document, variable_values=variables))


async def mutate(document: str, values: dict[str, Any]) -> dict[str, Any]:
    """The payload of a mutation whose field is named `payload`."""
    payload = (await execute(document, {"input": values}))["payload"]
    for error in payload["userErrors"]:
        raise Refused(f"{error['code']}: {error['message']}")
    return payload


async def watch(order_id: str) -> None:
    """Prints every change of an order, each once and in order, even if the connection is lost."""
    cursor = None
    failures = 0
    transport = None
    seen = None
    while True:
        connected = False
        try:
            transport = WebsocketsTransport(
                f"{SERVER.replace('http', 'ws', 1)}/graphql",
                init_payload=AUTHORIZATION,
                subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            )
            async with Client(transport=transport) as session:
                connected, failures = True, 0
                # Without a cursor the first update is a snapshot of the order.
                variables = {"orderId": order_id, "after": cursor}
                async for data in session.subscribe(GraphQLRequest(ORDER_UPDATES, variable_values=variables)):
                    update = data["orderUpdates"]
                    cursor = update["cursor"]
                    seen = transport.payloads.get("ping")
                    print(cursor, update["kind"], update["order"]["number"], update["order"]["status"], flush=True)
        except TransportQueryError as error:
            if not is_passing(error):
                raise
        except (TransportError, OSError) as error:
            # A connection is also closed like this when the rights of the key's creator change, and a new one works.
            # A key that was revoked or has expired is refused when the program connects again.
            if close_code(error) == 4403 and not connected:
                raise Refused("the API key has expired or was revoked") from error
        # A ping after the last update tells how far the subscription was, for up to there the order did not change.
        ping = transport.payloads.get("ping") if transport else None
        if ping and ping is not seen:
            cursor = next(iter(ping["cursors"].values()))
        transport = seen = None
        print("lost the connection, trying again", file=sys.stderr)
        await asyncio.sleep(random.uniform(0, min(2**failures, 30)))
        failures += 1


def is_passing(error: TransportQueryError) -> bool:
    """Whether to try again: the server can't reach its database, or this client was too slow."""
    return any(each.get("extensions", {}).get("code") == "UNAVAILABLE" for each in error.errors or [])


def close_code(error: BaseException) -> int | None:
    """The code with which the server closed the WebSocket."""
    closed = error.__cause__
    return closed.rcvd.code if isinstance(closed, ConnectionClosed) and closed.rcvd else None


async def main() -> None:
    products = (await execute(PRODUCTS, {}))["products"]["nodes"]
    for product in products:
        print(f"{product['name']}: {product['price']['amount']} {product['price']['currencyCode']}")

    # The key makes it safe to repeat the request after a lost response: the same key with the same input gives the
    # same order. A shop takes a key that belongs to the cart.
    key = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
    items = [{"productId": products[0]["id"], "quantity": 1}]
    placed = await mutate(PLACE_ORDER, {"items": items, "idempotencyKey": key})
    order = placed["order"]
    before = ", placed before" if placed["replayed"] else ""
    print(f"order {order['number']} of {order['total']['amount']}{before}", flush=True)

    await watch(order["id"])


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
except (Refused, TransportError) as problem:
    sys.exit(str(problem))
