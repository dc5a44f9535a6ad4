// Multipart HTTP responses as Apollo Client takes them:
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { CombinedGraphQLErrors, CombinedProtocolErrors, ServerError } from '@apollo/client/errors'
import { filter } from 'rxjs'
import { bearer } from '../lib/api.mjs'
import { guard } from './opening.mjs'

const WITH_CURSORS = 'multipart/mixed;subscriptionSpec=1.0;cursors=true, application/json'

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, told, end, lost, silence } = guard(opening)
  const http = new HttpLink({
    uri: opening.url,
    headers: bearer(opening.token),
    // Without this a heartbeat is empty, and Apollo Client ignores it.
    fetch: opening.told && ((url, init) => fetch(url, { ...init, headers: { ...init?.headers, accept: WITH_CURSORS } })),
  })
  // With it, Apollo Client takes a heartbeat for a result.
  const heartbeats = new ApolloLink((operation, forward) =>
    forward(operation).pipe(
      filter(({ data, errors, extensions }) => {
        const isHeartbeat = data === undefined && !errors && typeof extensions?.cursor === 'string'
        if (isHeartbeat) told(extensions.cursor)
        return !isHeartbeat
      }),
    ),
  )
  const client = new ApolloClient({
    link: heartbeats.concat(http),
    cache: new InMemoryCache(),
  })
  const updates = client.subscribe({
    query: gql(opening.query),
    variables: opening.variables,
    fetchPolicy: 'no-cache',
  })
  const subscription = updates.subscribe({
    next({ data, error }) {
      if (!error) next({ data })
      else if (CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error)) next({ errors: error.errors })
      else lost(ServerError.is(error) ? { status: error.statusCode, message: error.message } : error)
    },
    error: lost,
    complete: () => end({ how: 'completed' }),
  })
  return () => {
    silence()
    subscription.unsubscribe()
  }
}
