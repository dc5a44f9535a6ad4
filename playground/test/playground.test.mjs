// Drives the page in a real browser against a running `orderwire demo`:
//   ORDERWIRE_URL=http://127.0.0.1:8080 ORDERWIRE_EMAIL=... ORDERWIRE_PASSWORD=... npm run test:browser
// with the demo's administrator. CHROMIUM names another browser than /usr/bin/chromium.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { launch, watch } from '../../scripts/web/browser.mjs'
import { signIn } from '../../tests/clients/lib/api.mjs'

const url = required('ORDERWIRE_URL').replace(/\/$/, '')
const account = { email: required('ORDERWIRE_EMAIL'), password: required('ORDERWIRE_PASSWORD') }
const output = fileURLToPath(new URL('../test-output/', import.meta.url))

// The page's editors, in their order.
const [QUERY, VARIABLES_OR_HEADERS, RESPONSE] = [0, 1, 2]

let browser
let page
const problems = []

before(async () => {
  mkdirSync(output, { recursive: true })
  browser = await launch(chromium)
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  page.setDefaultTimeout(60_000)
  watch(page, url, problems)
})

after(() => browser?.close())

test('the page loads under its Content-Security-Policy', async () => {
  const response = await page.goto(`${url}/playground`)
  assert.equal(response.status(), 200)
  const policy = response.headers()['content-security-policy'] ?? ''
  assert.match(policy, /default-src 'none'; script-src 'self';/)
  assert.doesNotMatch(policy, /unsafe-eval/)
  await editor(QUERY).waitFor()
  await page.locator(`input[value="${url}/graphql"]`).waitFor()
})

test('the schema reaches the documentation', async () => {
  await page.getByText('Docs', { exact: true }).click()
  await page.getByText('orderUpdates(...)').waitFor()
  await shot('docs')
  await page.getByText('Docs', { exact: true }).click()
})

test('an anonymous visitor sees products', async () => {
  await write(QUERY, '{ products(first: 2) { nodes { sku price { amount } } } }')
  await run()
  const answer = await untilResponse(/"nodes":/)
  assert.match(answer, /"sku": "\w+"/)
  assert.doesNotMatch(answer, /"errors"/)
  await shot('products')
})

test('live orders arrive over the WebSocket with the token of the headers editor', async () => {
  const { accessToken } = await signIn(`${url}/graphql`, account)
  await page.getByText('HTTP Headers', { exact: true }).click()
  await write(VARIABLES_OR_HEADERS, JSON.stringify({ Authorization: `Bearer ${accessToken}` }))
  await write(QUERY, 'subscription { orderUpdates { cursor order { number } } }')
  const socket = page.waitForEvent('websocket')
  await run()
  assert.equal((await socket).url(), `${url.replace(/^http/, 'ws')}/graphql`)
  // The demo keeps them coming.
  const first = cursorIn(await untilResponse(/"cursor"/))
  await untilResponse(new RegExp(`"cursor": "(?!${first})`))
  await shot('live-orders')
  await run()
})

test('a link can set the text of a query, and neither endpoint, tabs, headers nor token', async () => {
  const foreign = 'http://elsewhere.example/graphql'
  const tabs = JSON.stringify([{ endpoint: foreign, query: '{ evil }', headers: { 'x-evil': '1' } }])
  const query = '{ me { name } }'
  const link = { endpoint: foreign, subscriptionEndpoint: foreign, headers: '{"x-evil":"1"}', tabs, 'platform-token': 'evil' }
  for (const parameters of [link, { ...link, query }]) {
    await page.goto(`${url}/playground?${new URLSearchParams(parameters)}`)
    await page.locator(`input[value="${url}/graphql"]`).waitFor()
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }))
    assert.doesNotMatch(kept, /elsewhere|evil|platform-token/)
    assert.doesNotMatch(page.url(), /elsewhere|evil/)
  }
  assert.equal(await textOf(QUERY), query)
})

test('nothing went wrong on the way', () => {
  assert.deepEqual(problems, [])
})

function required(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

function cursorIn(text) {
  return /"cursor": "([^"]+)"/.exec(text)?.[1]
}

function editor(index) {
  return page.locator('.CodeMirror').nth(index)
}

/** The text of an editor, also what is scrolled out of sight. */
function textOf(index) {
  return page.evaluate((index) => document.querySelectorAll('.CodeMirror')[index]?.CodeMirror.getValue() ?? '', index)
}

async function write(index, text) {
  await editor(index).click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText(text)
}

/** Runs the query, or stops what runs. */
async function run() {
  await editor(QUERY).click()
  await page.keyboard.press('ControlOrMeta+Enter')
}

/** The newest response that is shown, once it is as it should be. */
async function untilResponse(pattern) {
  const response = await page.waitForFunction(
    ([index, source]) => {
      const texts = [...document.querySelectorAll('.CodeMirror')].slice(index).map((each) => each.CodeMirror.getValue())
      return new RegExp(source).test(texts.at(-1) ?? '') && texts.at(-1)
    },
    [RESPONSE, pattern.source],
  )
  return response.jsonValue()
}

async function shot(name) {
  await page.screenshot({ path: `${output}${name}.png` })
}
