// Apollo Client on Orderwire: queries and mutations over HTTP, subscriptions over the WebSocket, all with the token of
// the session. An operation that is refused as UNAUTHENTICATED runs once more with a fresh token.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { ErrorLink } from '@apollo/client/link/error'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { relayStylePagination } from '@apollo/client/utilities'
import { OperationTypeNode } from 'graphql'
import { finalize, from, mergeMap } from 'rxjs'
import { createConsistencyLink } from './consistency'
import { codeOf } from './errors'
import { createLiveSocket } from './liveSocket'
import type { Session } from './session'

export function createApolloClient(session: Session) {
  const socket = createLiveSocket(session)

  const authorize = new SetContextLink(async ({ headers }) => {
    const token = await session.token()
    return { token, headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) } }
  })

  const retryUnauthenticated = new ErrorLink(({ error, operation, forward }) => {
    const { token, retried } = operation.getContext() as { token?: string; retried?: boolean }
    if (codeOf(error) !== 'UNAUTHENTICATED' || !token || retried) return
    operation.setContext({ retried: true })
    return from(session.tokenInsteadOf(token)).pipe(mergeMap(() => forward(operation)))
  })

  // For useResumableSubscription, which passes `onPosition`.
  const positions = new ApolloLink((operation, forward) => {
    const { onPosition } = operation.getContext() as { onPosition?: (cursor: string) => void }
    const { variables } = operation
    if (onPosition) socket.watchPosition(variables, onPosition)
    return forward(operation).pipe(finalize(() => socket.unwatchPosition(variables)))
  })

  const toServer = new HttpLink({ uri: session.endpoint })
  const http = ApolloLink.from([createConsistencyLink(), retryUnauthenticated, authorize, toServer])
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      positions.concat(new GraphQLWsLink(socket.client)),
      http,
    ),
    cache: new InMemoryCache({
      typePolicies: {
        Query: {
          fields: {
            products: relayStylePagination(['filter', 'orderBy']),
            orders: relayStylePagination(['filter', 'orderBy']),
          },
        },
        // Parts of what they are in, without an identity of their own.
        Money: { keyFields: false },
        OrderItem: { keyFields: false },
        OrderEvent: { keyFields: false },
      },
    }),
  })
  return { client, socket }
}
