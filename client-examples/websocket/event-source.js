// Live orders in a page without any library. An EventSource connects again by itself and names the last update that it
// got, so that the server goes on after it. It gives up when its request is refused; this page then opens another.
const LOGIN = `mutation ($input: LoginInput!) {
  payload: login(input: $input) { session { accessToken refreshToken } userErrors { code message } }
}`
const REFRESH = `mutation ($input: RefreshSessionInput!) {
  payload: refreshSession(input: $input) { session { accessToken refreshToken } userErrors { code message } }
}`
const TICKET = `mutation ($input: CreateStreamTicketInput!) {
  payload: createStreamTicket(input: $input) { ticket { value } userErrors { code message } }
}`
const ORDER_UPDATES = `subscription ($after: EventCursor) {
  orderUpdates(after: $after) { cursor kind previousStatus order { number status } }
}`

const form = /** @type {HTMLFormElement} */ (document.querySelector('form'))
const state = /** @type {HTMLElement} */ (document.querySelector('#state'))
const list = /** @type {HTMLElement} */ (document.querySelector('#updates'))

// In memory only: after a reload the user signs in again.
/** @type {{ accessToken: string, refreshToken: string }} */
let session
/** @type {string | undefined} */
let cursor // of the last update or a newer one; at first of the event log
let failures = 0

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  form.inert = true
  try {
    session = (await mutate(LOGIN, { email: field('email'), password: field('password') })).session
    cursor ??= (await run('{ eventCursor }', {}, session.accessToken)).eventCursor
    await watch()
  } catch (problem) {
    giveUp(problem)
  }
})

async function watch() {
  const operation = { query: ORDER_UPDATES, variables: JSON.stringify({ after: cursor }) }
  const ticket = await makeTicket(operation)
  const stream = new EventSource(`${field('server')}/graphql?${new URLSearchParams({ ...operation, ticket })}`)
  /** @type {unknown} */
  let problem
  stream.addEventListener('open', () => {
    failures = 0
    state.textContent = 'Watching'
  })
  stream.addEventListener('next', ({ data }) => {
    const { data: result, errors } = JSON.parse(data)
    if (errors) return (problem = toError(errors))
    cursor = result.orderUpdates.cursor
    show(result.orderUpdates)
  })
  // An event with nothing but an id: none of the user's orders changed up to there.
  stream.addEventListener('message', ({ lastEventId }) => (cursor = lastEventId))
  // The server ended the stream and gave the reason. An EventSource that is not closed would connect again.
  stream.addEventListener('complete', () => {
    stream.close()
    watchAgain(problem)
  })
  stream.addEventListener('error', () => {
    state.textContent = 'Connecting again'
    if (stream.readyState === EventSource.CLOSED) watchAgain()
  })
}

/** @param {unknown} [problem] */
async function watchAgain(problem) {
  while (!(problem instanceof Refused)) {
    state.textContent = 'Connecting again'
    const wait = Math.min(1000 * 2 ** failures++, 30_000) * Math.random()
    await new Promise((resolve) => setTimeout(resolve, wait))
    try {
      return await watch()
    } catch (another) {
      problem = another
    }
  }
  giveUp(problem)
}

/**
 * A ticket stands for the token, which an EventSource can't send. It is good for one operation, to be begun within a
 * minute, and resumes it for as long as the session lasts.
 *
 * @param {{ query: string, variables: string }} operation
 * @returns {Promise<string>}
 */
async function makeTicket(operation) {
  const make = async () => (await mutate(TICKET, operation, session.accessToken)).ticket.value
  try {
    return await make()
  } catch (problem) {
    if (!(problem instanceof Refused && problem.code === 'UNAUTHENTICATED')) throw problem
    // The access token has expired. Each refresh token is good once, so the next one is kept.
    session = (await mutate(REFRESH, { refreshToken: session.refreshToken })).session
    return make()
  }
}

/** The server refused the request, and would refuse it again. */
class Refused extends Error {
  /** @param {{ code: string, message: string }} error */
  constructor({ code, message }) {
    super(message)
    this.code = code
  }
}

/**
 * @param {string} query With the mutation's field named `payload`.
 * @param {object} input
 * @param {string} [token]
 */
async function mutate(query, input, token) {
  const { payload } = await run(query, { input }, token)
  const [userError] = payload.userErrors
  if (userError) throw new Refused(userError)
  return payload
}

/**
 * @param {string} query
 * @param {object} variables
 * @param {string} [token]
 */
async function run(query, variables, token) {
  const response = await fetch(`${field('server')}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = await response.json()
  if (errors) throw toError(errors)
  return data
}

/** @param {any[]} errors */
function toError([{ message, extensions }]) {
  const code = extensions?.code
  return code === 'UNAVAILABLE' ? new Error(message) : new Refused({ code, message })
}

/** @param {any} update */
function show({ cursor, kind, previousStatus, order: { number, status } }) {
  const item = document.createElement('li')
  item.dataset.cursor = cursor
  item.textContent = `${number} ${kind} ${previousStatus ? `${previousStatus} → ${status}` : status}`
  list.prepend(item)
}

/** @param {unknown} problem */
function giveUp(problem) {
  // What came after it is deleted: signing in again begins with what happens from then on.
  if (problem instanceof Refused && problem.code === 'CURSOR_EXPIRED') cursor = undefined
  state.textContent = problem instanceof Error ? problem.message : String(problem)
  form.inert = false
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id)).value
}
