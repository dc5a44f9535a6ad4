// Access tokens that live for seconds: a visitor who stays needs new ones again and again. They are renewed 2 s before they
// expire, so that a machine that pauses for a second is not taken for a client that is late.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../../tests/clients/lib/wait.mjs'
import { Demo } from './demo.mjs'
import { People } from './people.mjs'

let demo
let people

before(async () => {
  demo = await Demo.start(['--quiet-orders'], { ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME: '8s' })
  people = await People.start()
})

after(async () => {
  await people?.close()
  await demo?.stop()
})

test('one socket outlives its tokens, and a token is renewed once for all callers', async () => {
  let sockets = 0
  let renewals = 0
  const page = await people.open(demo.link('Board'), {
    prepare: async (page) => {
      page.on('websocket', () => sockets++)
      page.on('request', (request) => {
        if (request.postData()?.includes('mutation RefreshSession')) renewals++
      })
    },
  })
  await page.getByLabel('Live updates: Live').waitFor()
  await until('three renewals', () => renewals >= 3)
  const { id } = await demo.product('renewal', 10)
  const customer = await demo.customer()
  const { number } = await demo.order(customer.token, id)
  await page.locator(`.card[data-order="${number}"]`).waitFor()
  assert.equal(sockets, 1)

  // A reload finds the session again with its refresh token.
  await page.reload()
  await page.locator(`.card[data-order="${number}"]`).waitFor()
  assert.deepEqual(people.problems, [])
})

test('a socket whose token ran out comes back with a fresh one, and nothing is missed', async () => {
  const { id } = await demo.product('late-renewal', 10)
  let letThrough
  const held = new Promise((resolve) => (letThrough = resolve))
  const page = await people.open(demo.link('Board'))
  await page.getByLabel('Live updates: Live').waitFor()
  await page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes('mutation RefreshSession')) await held
    await route.continue()
  })
  await page.getByLabel(/^Live updates: (Reconnecting|Connecting)…$/).waitFor()
  const { number } = await demo.order((await demo.customer()).token, id)
  letThrough()
  await page.locator(`.activity li[data-order="${number}"]`).waitFor()
  assert.equal(await page.locator(`.activity li[data-order="${number}"]`).count(), 1)
  await page.context().close()
  assert.deepEqual(people.problems, [])
})

test('a token that the server refuses is replaced, and what was asked for is asked for again', async () => {
  const customer = await demo.customer()
  await demo.product('refused', 10)
  const page = await people.open(customer.link, { isExpected: (problem) => problem.includes('401') })
  await page.getByText(customer.name).waitFor()
  let spoiled = 0
  await page.route('**/graphql', async (route) => {
    const request = route.request()
    if (spoiled > 0 || !request.postData()?.includes('"search":"refused"')) return route.continue()
    spoiled += 1
    await route.continue({ headers: { ...request.headers(), authorization: 'Bearer not.a.token' } })
  })
  await page.getByLabel('Search products').fill('refused')
  await page.locator('.products[data-stale=false] .product', { hasText: 'refused' }).waitFor()
  assert.equal(spoiled, 1)
  await page.context().close()
  assert.deepEqual(people.problems, [])
})
