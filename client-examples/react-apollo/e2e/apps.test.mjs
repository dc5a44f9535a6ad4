// Both apps in a real browser, served by `orderwire demo`. ORDERWIRE names another binary than target/debug/orderwire,
// CHROMIUM another browser than /usr/bin/chromium.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { call } from '../../../tests/clients/lib/api.mjs'
import { Proxy } from '../../../tests/clients/lib/proxy.mjs'
import { until } from '../../../tests/clients/lib/wait.mjs'
import { Demo } from './demo.mjs'
import { assertAccessible, People, picture } from './people.mjs'

/** @type {Demo} */
let demo
/** @type {People} */
let people
/** Pages of the demo's customer in the shop, and of its staff at the board. */
let shop
let board

before(async () => {
  demo = await Demo.start()
  people = await People.start()
  board = await people.open(demo.link('Board'))
  shop = await people.open(demo.link('Shop'))
})

after(async () => {
  await people?.close()
  await demo?.stop()
})

afterEach(() => {
  assert.deepEqual(people.problems.splice(0), [], 'nothing went wrong on the way')
})

test('the links of the demo sign in, and their password does not stay in the address', async () => {
  await shop.getByText('Carl Customer').waitFor()
  await board.getByText('Stella Staff').waitFor()
  assert.equal(shop.url(), `${demo.url}/shop#/`)
  assert.equal(board.url(), `${demo.url}/board#/`)
  for (const page of [shop, board]) await page.getByLabel('Live updates: Live').waitFor()
})

test('both pages come with a strict Content-Security-Policy', async () => {
  for (const path of ['/shop', '/board']) {
    const policy = (await fetch(demo.url + path)).headers.get('content-security-policy')
    assert.match(policy, /default-src 'none'; script-src 'self';/)
  }
})

test('the catalogue goes on as one scrolls, and each product is in it once', async () => {
  const skus = () => shop.locator('.product-sku').allTextContents()
  await until('the first page', async () => (await skus()).length > 20)
  await until('more pages', async () => {
    await shop.mouse.wheel(0, 4_000)
    return (await skus()).filter(Boolean).length > 90
  })
  const found = (await skus()).filter(Boolean)
  assert.equal(new Set(found).size, found.length)
  await shop.evaluate(() => scrollTo(0, 0))
})

test('an order that is searched for and placed is on the board within a second', async () => {
  const search = shop.getByLabel('Search products')
  await search.pressSequentially('heart holder', { delay: 20 })
  await shop.getByRole('heading', { name: 'Results for “heart holder”' }).waitFor()
  await until('only what was searched for is shown', async () => {
    const names = await shop.locator('.products[data-stale=false] .product-name').allTextContents()
    return names.length > 0 && names.every((name) => /heart/i.test(name) && /holder/i.test(name))
  })
  await shop.getByRole('button', { name: /^Add to cart/ }).first().click()
  const { number, after } = await placeOrder(shop)
  await column('Pending').locator(card(number)).waitFor({ timeout: 1_000 })
  assert.ok(performance.now() - after < 1_000)
  await picture(shop, 'shop-placed')
})

test('what staff click is seen by the customer', async () => {
  const number = await column('Pending').locator('.card').first().getAttribute('data-order')
  await shop.getByRole('link', { name: 'My orders' }).click()
  const order = shop.locator(`.order[data-order="${number}"]`)
  await order.locator('.status', { hasText: 'Pending' }).waitFor()

  await board.getByRole('button', { name: `Confirm order ${number}` }).click()
  // At once, before the server has answered.
  await column('Confirmed').locator(card(number)).waitFor({ timeout: 1_000 })
  await order.locator('.status', { hasText: 'Confirmed' }).waitFor()
  await shop.getByText(`Order ${number} is now confirmed.`).waitFor()
  const timeline = await order.locator('.timeline li > span:first-child').allTextContents()
  assert.deepEqual(timeline, ['Placed', 'Confirmed'])
  await shop.getByRole('link', { name: 'Orderwire Shop' }).click()
})

test('a status that is clicked shows at once, and goes back when it is refused', async () => {
  const customer = await demo.customer()
  const { id } = await demo.product('optimism', 10)
  const { number } = await demo.order(customer.token, id)
  await column('Pending').locator(card(number)).waitFor()
  let letThrough
  const answered = new Promise((resolve) => (letThrough = resolve))
  await board.route('**/graphql', async (route) => {
    if (!route.request().postData()?.includes('UpdateOrderStatus')) return route.continue()
    await answered
    const userErrors = [{ code: 'INVALID_INPUT', message: 'The warehouse is closed.', field: ['status'] }]
    await route.fulfill({ json: { data: { updateOrderStatus: { order: null, userErrors } } } })
  })
  await board.getByRole('button', { name: `Confirm order ${number}` }).click()
  await column('Confirmed').locator(card(number)).waitFor()
  letThrough()
  await column('Pending').locator(card(number)).getByText('The warehouse is closed.').waitFor()
  await board.unroute('**/graphql')
})

test('stock changes before the customer’s eyes', async () => {
  const customer = await demo.customer()
  const { id } = await demo.product('disappearing-ink', 12)
  await find(shop, 'disappearing-ink')
  const product = shop.locator('.product', { hasText: 'disappearing-ink' })
  await product.getByText('Only 12 left').waitFor()
  await demo.order(customer.token, id, 9)
  await product.getByText('Only 3 left').waitFor({ timeout: 2_000 })
  await demo.order(customer.token, id, 3)
  await product.getByRole('button', { name: 'Sold out disappearing-ink' }).waitFor({ timeout: 2_000 })
})

test('a double click places one order', async () => {
  const customer = await demo.customer()
  await demo.product('twice-clicked', 100)
  const page = await people.open(customer.link)
  await find(page, 'twice-clicked')
  await page.getByRole('button', { name: 'Add to cart twice-clicked' }).click()
  await page.getByRole('button', { name: 'Place order' }).dblclick()
  await page.getByRole('heading', { name: 'Thank you!' }).waitFor()
  assert.equal(await ordersOf(customer), 1)
  await page.context().close()
})

test('trying again after a lost answer does not place a second order', async () => {
  const customer = await demo.customer()
  await demo.product('lost-answer', 100)
  const isExpected = (problem) => problem.includes('ERR_CONNECTION_RESET')
  const page = await people.open(customer.link, { isExpected })
  await find(page, 'lost-answer')
  await page.getByRole('button', { name: 'Add to cart lost-answer' }).click()
  let lost = 0
  await page.route('**/graphql', async (route) => {
    if (lost > 0 || !route.request().postData()?.includes('PlaceOrder')) return route.continue()
    lost += 1
    await route.fetch()
    await route.abort('connectionreset')
  })
  await page.getByRole('button', { name: 'Place order' }).click()
  await page.getByText('placing it again is safe').waitFor()
  assert.equal(await ordersOf(customer), 1)

  // The key survives the page.
  await page.reload()
  await page.getByRole('button', { name: 'Place order' }).click()
  await page.getByRole('heading', { name: 'Thank you!' }).waitFor()
  assert.deepEqual([lost, await ordersOf(customer)], [1, 1])
  await page.context().close()
})

test('of two buyers of the last unit, one gets it and the other sees a message', async () => {
  await demo.product('last-one', 1)
  const pages = []
  for (const customer of [await demo.customer(), await demo.customer()]) {
    const page = await people.open(customer.link)
    await find(page, 'last-one')
    await page.getByRole('button', { name: 'Add to cart last-one' }).click()
    pages.push(page)
  }
  await Promise.all(pages.map((page) => page.getByRole('button', { name: 'Place order' }).click()))
  const outcomes = await Promise.all(
    pages.map(async (page) => {
      const thanks = page.getByRole('heading', { name: 'Thank you!' })
      const short = page.locator('.cart-line [role=alert]')
      await thanks.or(short).waitFor()
      return (await thanks.isVisible()) ? 'placed' : 'short'
    }),
  )
  assert.deepEqual(outcomes.toSorted(), ['placed', 'short'])
  const loser = pages[outcomes.indexOf('short')]
  await loser.getByText('Somebody was quicker: last-one has just sold out.').waitFor()
  await picture(loser, 'shop-too-late')
  await assertAccessible(loser)
  await loser.getByRole('button', { name: 'Take it out of the cart' }).click()
  await loser.getByText('Nothing in it yet').waitFor()
  for (const page of pages) await page.context().close()
})

test('a buyer who asks for more than there is takes the rest with one click', async () => {
  const customer = await demo.customer()
  const { id } = await demo.product('few-left', 5)
  const page = await people.open(customer.link)
  await find(page, 'few-left')
  for (let n = 0; n < 3; n++) await page.getByRole('button', { name: 'Add to cart few-left' }).click()
  await demo.order((await demo.customer()).token, id, 3)
  await page.getByRole('button', { name: 'Place order' }).click()
  await page.getByText('of the 3 you asked for, 2 are left').waitFor()
  await page.getByRole('button', { name: 'Take the 2 that are left' }).click()
  await placeOrder(page)
  await page.context().close()
})

test('after a cut, what happened meanwhile comes in order and once', async () => {
  const proxy = new Proxy(demo.port)
  try {
    const url = `http://127.0.0.1:${await proxy.listen()}`
    const link = demo.link('Board').replace(demo.url, url)
    // Until the page is connected again: it may tell of its last attempt when the proxy refuses none any more.
    let isCut = false
    const page = await people.open(link, { isExpected: (problem) => isCut && /WebSocket|ERR_/.test(problem) })
    await page.getByLabel('Live updates: Live').waitFor()
    const customer = await demo.customer()
    const { id: productId } = await demo.product('cut', 10)
    const order = await demo.order(customer.token, productId)
    await page.locator('.cards').locator(card(order.number)).waitFor()

    isCut = true
    proxy.refuses = () => true
    proxy.cutAll()
    await page.getByLabel('Live updates: Reconnecting…').waitFor()
    for (const status of ['CONFIRMED', 'SHIPPED', 'DELIVERED']) await demo.move(order.id, status)
    await picture(page, 'board-cut')
    proxy.refuses = () => false

    await page.getByRole('region', { name: 'Delivered' }).locator(card(order.number)).waitFor({ timeout: 30_000 })
    isCut = false
    // A further change, after which nothing older may come.
    await demo.move(order.id, 'RETURNED')
    await page.getByRole('region', { name: 'Returned' }).locator(card(order.number)).waitFor()
    const told = await page.locator(`.activity li[data-order="${order.number}"] .activity-text`).allTextContents()
    assert.deepEqual(
      told.map((text) => text.replace(order.number, '').trim()).reverse(),
      [
        `placed by ${customer.name}`,
        'Pending → Confirmed',
        'Confirmed → Shipped',
        'Shipped → Delivered',
        'Delivered → Returned',
      ],
    )
    await page.context().close()
  } finally {
    proxy.close()
  }
})

test('an order that is placed between the first read and the subscription appears', async () => {
  const customer = await demo.customer()
  const { id: productId } = await demo.product('in-between', 10)
  let asked = 0
  let letThrough
  const placed = new Promise((resolve) => (letThrough = resolve))
  const prepare = (page) =>
    page.routeWebSocket('**/graphql', (socket) => {
      const server = socket.connectToServer()
      socket.onMessage(async (message) => {
        if (message.includes('orderUpdates')) {
          asked += 1
          await placed
        }
        server.send(message)
      })
    })
  const boardPage = await people.open(demo.link('Board'), { prepare })
  const shopPage = await people.open(customer.link, { prepare })
  await until('both have read and ask for updates', () => asked === 2)
  const { number } = await demo.order(customer.token, productId)
  letThrough()
  await boardPage.getByRole('region', { name: 'Pending' }).locator(card(number)).waitFor()
  await shopPage.getByRole('link', { name: 'My orders' }).click()
  await shopPage.locator('.order').and(shopPage.locator(card(number))).waitFor()
  for (const page of [boardPage, shopPage]) await page.context().close()
})

test('updates that were read already change nothing', async () => {
  const customer = await demo.customer()
  const { id: productId } = await demo.product('already-read', 10)
  const { eventCursor } = await call(demo.api, '{ eventCursor }', {}, customer)
  const order = await demo.order(customer.token, productId)
  await demo.move(order.id, 'CONFIRMED')
  const page = await people.open(customer.link, {
    prepare: (page) =>
      page.route('**/graphql', async (route) => {
        if (!route.request().postData()?.includes('query MyOrders')) return route.continue()
        const response = await route.fetch()
        const { data } = await response.json()
        await route.fulfill({ response, json: { data: { ...data, eventCursor } } })
      }),
  })
  await page.getByRole('link', { name: 'My orders' }).click()
  await page.getByText(`Order ${order.number}`).waitFor()
  await demo.move(order.id, 'SHIPPED')
  await page.getByText(`Order ${order.number} is now shipped.`).waitFor()
  assert.deepEqual(await page.locator('.toast').allTextContents(), [`Order ${order.number} is now shipped.`])
  assert.deepEqual(await page.locator('.order .status').allTextContents(), ['Shipped'])
  await page.getByText('1 order', { exact: true }).waitFor()
  await page.context().close()
})

test('a change of an order that is on a page further on leaves the list as it is', async () => {
  const customer = await demo.customer()
  const { id: productId } = await demo.product('many-orders', 100)
  const orders = []
  for (let n = 0; n < 12; n++) orders.push(await demo.order(customer.token, productId))
  const page = await people.open(customer.link)
  await page.getByRole('link', { name: 'My orders' }).click()
  await page.getByText('12 orders', { exact: true }).waitFor()
  const shown = () => page.locator('.order').evaluateAll((orders) => orders.map(({ dataset }) => dataset.order))
  const before = await shown()
  await demo.move(orders[0].id, 'CONFIRMED')
  await page.getByText(`Order ${orders[0].number} is now confirmed.`).waitFor()
  assert.deepEqual(await shown(), before)
  await page.getByText('12 orders', { exact: true }).waitFor()
  await page.context().close()
})

test('moving an order that somebody else has moved shows its current status', async () => {
  let deaf = false
  const page = await people.open(demo.link('Board'), {
    prepare: (page) =>
      page.routeWebSocket('**/graphql', (socket) => {
        const server = socket.connectToServer()
        server.onMessage((message) => {
          if (!deaf) socket.send(message)
        })
      }),
  })
  const customer = await demo.customer()
  const { id: productId } = await demo.product('conflict', 10)
  const order = await demo.order(customer.token, productId)
  const confirm = page.getByRole('button', { name: `Confirm order ${order.number}` })
  await confirm.waitFor()
  deaf = true
  await demo.move(order.id, 'CANCELLED')
  await confirm.click()
  const moved = page.getByRole('region', { name: 'Cancelled' }).locator(card(order.number))
  await moved.getByText('Somebody else moved this order meanwhile: now it is cancelled.').waitFor()
  await picture(page, 'board-conflict')
  await moved.getByRole('button', { name: 'Got it' }).click()
  await moved.getByRole('alert').waitFor({ state: 'detached' })
  await page.context().close()
})

test('both apps are accessible, in light and in dark, and fit a phone', async () => {
  await shop.goto(`${demo.url}/shop#/`)
  await shop.locator('.product').first().waitFor()
  await shop.getByRole('button', { name: /^Add to cart/ }).first().click()
  await assertAccessible(shop)
  await picture(shop, 'shop')
  for (const page of ['cart', 'orders']) {
    await shop.goto(`${demo.url}/shop#/${page}`)
    await shop.locator(page === 'cart' ? '.cart-line' : '.order').first().waitFor()
    await assertAccessible(shop)
    await picture(shop, `shop-${page}`)
  }
  await shop.goto(`${demo.url}/shop#/?q=no+such+thing`)
  await shop.getByRole('heading', { name: 'Nothing found' }).waitFor()
  await assertAccessible(shop)
  await picture(shop, 'shop-nothing')

  await assertAccessible(board)
  await picture(board, 'board')
  for (const page of [shop, board]) {
    const width = () => page.evaluate(() => document.documentElement.scrollWidth)
    await page.setViewportSize({ width: 360, height: 780 })
    assert.equal(await width(), 360, `nothing sticks out of a phone’s screen at ${page.url()}`)
  }
})

test('signing out is the end of it, and signing in can be done by hand', async () => {
  const { email, password } = demo.credentials('staff')
  await board.setViewportSize({ width: 1024, height: 768 })
  await board.getByRole('button', { name: 'Sign out' }).click()
  await board.getByRole('heading', { name: 'Sign in to the staff board' }).waitFor()
  await board.reload()
  await assertAccessible(board)
  await picture(board, 'board-sign-in')
  await board.getByLabel('E-mail').fill(email)
  await board.getByLabel('Password').fill('not this one')
  await board.getByRole('button', { name: 'Sign in' }).click()
  await board.getByRole('alert').waitFor()
  await board.getByLabel('Password').fill(password)
  await board.getByRole('button', { name: 'Sign in' }).click()
  await board.locator('.card').first().waitFor()
})

test('a new customer registers on the way to their first order', async () => {
  const page = await people.open(`${demo.url}/shop`)
  await page.getByRole('button', { name: /^Add to cart/ }).first().click()
  await page.getByRole('link', { name: 'Sign in to order' }).click()
  await page.getByRole('button', { name: 'Create an account' }).click()
  await page.getByLabel('Name').fill('Nora New')
  await page.getByLabel('E-mail').fill('nora@example.org')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Create account' }).click()
  await placeOrder(page)
  await page.getByText('Nora New').waitFor()
  await page.context().close()
})

/** Clicks, and gives the number of the order that was placed, and when that was known. */
async function placeOrder(page) {
  await page.getByRole('button', { name: 'Place order' }).click()
  const told = page.locator('.placed')
  await told.waitFor()
  const after = performance.now()
  return { number: /Order (\S+) over/.exec(await told.textContent())[1], after }
}

async function find(page, text) {
  await page.getByLabel('Search products').fill(text)
  await page.locator('.products[data-stale=false] .product', { hasText: text }).waitFor()
}

async function ordersOf({ token }) {
  return (await call(demo.api, '{ orders { totalCount } }', {}, { token })).orders.totalCount
}

function column(name) {
  return board.getByRole('region', { name })
}

function card(number) {
  return `[data-order="${number}"]`
}
