"""Signs in, lists products, orders one and watches the order, with gql:

ORDERWIRE_EMAIL=… ORDERWIRE_PASSWORD=… python orders.py [IDEMPOTENCY_KEY]
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

LOGIN = """
    mutation ($input: LoginInput!) {
      payload: login(input: $input) { session { accessToken } userErrors { code message } }
    }
"""
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


async def execute(document: str, variables: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else None
    async with Client(transport=HTTPXAsyncTransport(f"{SERVER}/graphql", headers=headers)) as session:
        return await session.execute(GraphQLRequest(document, variable_values=variables))


async def mutate(document: str, values: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    """The payload of a mutation whose field is named `payload`."""
    payload = (await execute(document, {"input": values}, token))["payload"]
    for error in payload["userErrors"]:
        raise Refused(f"{error['code']}: {error['message']}")
    return payload


async def sign_in() -> str:
    credentials = {"email": os.environ["ORDERWIRE_EMAIL"], "password": os.environ["ORDERWIRE_PASSWORD"]}
    return (await mutate(LOGIN, credentials))["session"]["accessToken"]


async def watch(order_id: str, token: str | None) -> None:
    """Prints every change of an order, each once and in order, even if the connection is lost."""
    cursor = None
    failures = 0
    transport = None
    seen = None
    while True:
        try:
            token = token or await sign_in()
            transport = WebsocketsTransport(
                f"{SERVER.replace('http', 'ws', 1)}/graphql",
                init_payload={"Authorization": f"Bearer {token}"},
                subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            )
            async with Client(transport=transport) as session:
                failures = 0
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
            # The token has expired (15 minutes after it was given, unless set otherwise) or its session was ended. A
            # program that can't keep the password asks for a new one with `refreshSession`.
            if close_code(error) == 4403:
                token = None
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
    token = await sign_in()

    products = (await execute(PRODUCTS, {}))["products"]["nodes"]
    for product in products:
        print(f"{product['name']}: {product['price']['amount']} {product['price']['currencyCode']}")

    # The key makes it safe to repeat the request after a lost response: the same key with the same input gives the
    # same order. A shop takes a key that belongs to the cart.
    key = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
    items = [{"productId": products[0]["id"], "quantity": 1}]
    placed = await mutate(PLACE_ORDER, {"items": items, "idempotencyKey": key}, token)
    order = placed["order"]
    before = ", placed before" if placed["replayed"] else ""
    print(f"order {order['number']} of {order['total']['amount']}{before}", flush=True)

    await watch(order["id"], token)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
except (Refused, TransportError) as problem:
    sys.exit(str(problem))
