// Drives the page in a real browser against a running `orderwire demo`:
//   ORDERWIRE_URL=http://127.0.0.1:8080 ORDERWIRE_EMAIL=... ORDERWIRE_PASSWORD=... npm run test:browser
// with the demo's administrator. CHROMIUM names another browser than /usr/bin/chromium.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { launch, watch } from '../../scripts/web/browser.mjs'

const url = required('ORDERWIRE_URL').replace(/\/$/, '')
const email = required('ORDERWIRE_EMAIL')
const password = required('ORDERWIRE_PASSWORD')
const output = fileURLToPath(new URL('../test-output/', import.meta.url))

let browser
let page
const problems = []

before(async () => {
  mkdirSync(output, { recursive: true })
  browser = await launch(chromium)
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
  page.setDefaultTimeout(60_000)
  watch(page, url, problems)
})

after(() => browser?.close())

test('the page loads under its Content-Security-Policy', async () => {
  const response = await page.goto(`${url}/graphiql`)
  assert.equal(response.status(), 200)
  const policy = response.headers()['content-security-policy'] ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.doesNotMatch(policy, /unsafe-eval/)
  await page.locator('.graphiql-query-editor .view-lines').waitFor()
  await page.getByText('Orderwire', { exact: true }).waitFor()
  assert.equal(await page.title(), 'Orderwire')

  const root = await (await fetch(`${url}/`)).text()
  assert.equal(root, await (await fetch(`${url}/graphiql`)).text())
})

test('the schema reaches the editor and the documentation', async () => {
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click()
  const docs = page.locator('.graphiql-doc-explorer')
  await docs.getByText('Subscription', { exact: true }).waitFor()
  await shot('docs')
  await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click()
})

test('an anonymous visitor sees products', async () => {
  await openTab('Products')
  await run()
  const answer = await untilResponse((text) => /"nodes":/.test(text))
  assert.match(answer, /"sku": "\w+"/)
  assert.match(answer, /"amount": "\d+\.\d{2,4}"/)
  assert.doesNotMatch(answer, /"errors"/)
  await shot('products')
})

test('live orders arrive over the WebSocket with the token of the headers editor', async () => {
  const headers = JSON.stringify({ Authorization: `Bearer ${await signIn()}` })
  await page.locator('.graphiql-editor-tools').getByText('Headers', { exact: true }).click()
  await page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines').click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText(headers)
  await page.locator('.graphiql-editor-tool').getByText('Bearer').waitFor()

  await openTab('LiveOrders')
  await page.locator('.graphiql-editor-tool').getByText('Bearer').waitFor()
  const socket = page.waitForEvent('websocket')
  await run()
  assert.equal((await socket).url(), `${url.replace(/^http/, 'ws')}/graphql`)

  const first = await untilResponse((text) => cursorIn(text) !== undefined)
  await shot('live-orders-1')
  const second = await untilResponse((text) => {
    const cursor = cursorIn(text)
    return cursor !== undefined && cursor !== cursorIn(first)
  })
  await shot('live-orders-2')
  for (const update of [first, second]) assert.match(update, /"number": "/)

  await run()
  await page.getByRole('button', { name: /^Execute query/ }).waitFor()
})

test('headers carry over to the next tab', async () => {
  await openTab('Me')
  await page.locator('.graphiql-editor-tool').getByText('Bearer').waitFor()
  await run()
  const answer = await untilResponse((text) => /"role":/.test(text))
  assert.match(answer, /"role": "ADMIN"/)
})

test('completion and formatting work, each with code that is loaded on demand', async () => {
  await openTab('Products')
  await page.locator('.graphiql-query-editor .view-lines').click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText('query Products{products{nodes{ }}}')
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Control+Space')
  await page.locator('.suggest-widget').getByText('sku', { exact: true }).first().waitFor()
  await shot('completion')
  await page.keyboard.insertText('sku')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Prettify query/ }).click()
  await page.locator('.graphiql-query-editor .view-line').nth(6).waitFor()
})

test('dark follows the system, editors included', async () => {
  await page.emulateMedia({ colorScheme: 'dark' })
  for (const part of ['.graphiql-container', '.graphiql-query-editor .monaco-editor']) {
    await page.waitForFunction(isDark, part)
  }
  await openTab('SignIn')
  await shot('dark')
})

test('nothing went wrong on the way', () => {
  assert.deepEqual(problems, [])
})

function required(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

async function signIn() {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: `mutation ($input: LoginInput!) {
        login(input: $input) { session { accessToken } userErrors { code message } }
      }`,
      variables: { input: { email, password } },
    }),
  })
  const { data, errors } = await response.json()
  assert.equal(errors, undefined)
  assert.deepEqual(data.login.userErrors, [])
  return data.login.session.accessToken
}

async function openTab(name) {
  await settled()
  await page.locator('.graphiql-tab-button').getByText(name, { exact: true }).click()
  await settled()
}

// GraphiQL stores an edit, and the content of a tab, 100 ms later. A timer of the page that is started after GraphiQL's and
// ends later fires after it, however slow the machine is.
function settled() {
  return page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)))
}

async function run() {
  await page.locator('.graphiql-execute-button').click()
}

function cursorIn(text) {
  return /"cursor": "([^"]+)"/.exec(text)?.[1]
}

// Monaco draws its text with non-breaking spaces, one element a line.
async function untilResponse(matches) {
  const deadline = performance.now() + 60_000
  let text = ''
  while (performance.now() < deadline) {
    const lines = await page.locator('.graphiql-response .view-line').allTextContents()
    text = lines.join('\n').replaceAll('\u00a0', ' ')
    if (matches(text)) return text
    await page.waitForTimeout(100)
  }
  assert.fail(`The expected response did not come. The last one:\n${text}`)
}

function isDark(selector) {
  const { backgroundColor, color } = getComputedStyle(document.querySelector(selector))
  const red = (value) => Number(/\d+/.exec(value)?.[0])
  return red(backgroundColor) < 100 || red(color) > 150
}

async function shot(name) {
  await page.screenshot({ path: `${output}${name}.png` })
}
