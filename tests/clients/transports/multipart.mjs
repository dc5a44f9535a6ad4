// Multipart HTTP responses as Apollo Client takes them:
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { CombinedGraphQLErrors, CombinedProtocolErrors, ServerError } from '@apollo/client/errors'
import { bearer } from '../lib/api.mjs'
import { guard } from './opening.mjs'

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, end, lost, silence } = guard(opening)
  const client = new ApolloClient({
    link: new HttpLink({ uri: opening.url, headers: bearer(opening.token) }),
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
