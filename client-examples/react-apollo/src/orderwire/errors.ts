import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors'
import { Refused } from './session'

/** The server's stable code of an error (`extensions.code`), if it is one of the server's. */
export function codeOf(error: unknown): string | undefined {
  if (ServerError.is(error) && error.statusCode === 401) return 'UNAUTHENTICATED'
  if (!CombinedGraphQLErrors.is(error)) return undefined
  const code = error.errors[0]?.extensions?.['code']
  return typeof code === 'string' ? code : undefined
}

/** The message of an error for the user. */
export function messageOf(error: unknown): string {
  if (CombinedGraphQLErrors.is(error) || error instanceof Refused) return error.message
  return 'The server can’t be reached. Check your connection, then try again.'
}
