// Reads that see what this client has written, on whichever node they arrive: each request sends back the newest token
// that a mutation has answered.
import { ApolloLink } from '@apollo/client'
import { mergeMap, of } from 'rxjs'

const HEADER = 'orderwire-consistency'
/** Digits at the end of a token: the time of its mutation, and a flag. */
const TIME = 13

export function createConsistencyLink() {
  let newest: string | undefined

  // Answers of mutations that ran at the same time may arrive in another order.
  function keep(token: unknown) {
    if (typeof token === 'string' && (!newest || token.slice(-TIME) >= newest.slice(-TIME))) newest = token
  }

  return new ApolloLink((operation, forward) => {
    const sent = newest
    if (sent) operation.setContext(({ headers }) => ({ headers: { ...headers, [HEADER]: sent } }))
    return forward(operation).pipe(
      mergeMap((result) => {
        const { consistency } = (result.extensions ?? {}) as { consistency?: { token?: unknown } }
        keep(consistency?.token)
        if (!sent || !result.errors?.some(({ message }) => message.startsWith(`${HEADER}:`))) return of(result)
        // The server has another database than before, so the token means nothing to it.
        if (newest === sent) newest = undefined
        operation.setContext(({ headers }) => ({ headers: { ...headers, [HEADER]: '' } }))
        return forward(operation)
      }),
    )
  })
}
