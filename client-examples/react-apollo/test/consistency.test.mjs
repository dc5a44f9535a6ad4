import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApolloLink, gql } from '@apollo/client'
import { firstValueFrom, of } from 'rxjs'
import { load } from './load.mjs'

const { createConsistencyLink } = await load('orderwire/consistency.ts')

const ROLL = gql`
  query Roll {
    hello
  }
`

/** A client whose requests `answer` answers, by their header. */
function client(answer) {
  const sent = []
  const server = new ApolloLink((operation) => {
    const header = operation.getContext().headers?.['orderwire-consistency']
    sent.push(header)
    return of(answer(header))
  })
  const link = createConsistencyLink().concat(server)
  const context = { client: {} }
  return { sent, run: () => firstValueFrom(ApolloLink.execute(link, { query: ROLL }, context)) }
}

const token = (time) => `k${'0'.repeat(32)}${String(time).padStart(12, '0')}1`
const answered = (time) => ({ data: {}, extensions: { consistency: { token: token(time) } } })

test('each request sends the newest token', async () => {
  const answers = [{ data: {} }, answered(5), answered(4), { data: {}, extensions: {} }, answered(6), { data: {} }]
  const { sent, run } = client(() => answers.shift())
  while (answers.length > 0) await run()
  assert.deepEqual(sent, [undefined, undefined, token(5), token(5), token(5), token(6)])
})

test('a token that the server does not know is dropped, and the request runs without it', async () => {
  const message = 'orderwire-consistency: this token is of another deployment; send one exactly as a mutation answered it'
  const refused = { errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] }
  let first = true
  const { sent, run } = client((header) => {
    if (!first) return header ? refused : { data: { hello: 'again' } }
    first = false
    return answered(7)
  })
  await run()
  assert.deepEqual(await run(), { data: { hello: 'again' } })
  await run()
  assert.deepEqual(sent, [undefined, token(7), '', undefined])
})
