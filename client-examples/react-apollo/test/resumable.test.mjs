import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import { load } from './load.mjs'

const { follow } = await load('orderwire/useResumableSubscription.ts')

const events = new EventTarget()
globalThis.document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
globalThis.addEventListener = events.addEventListener.bind(events)
globalThis.removeEventListener = events.removeEventListener.bind(events)
const reported = []
globalThis.reportError = (error) => reported.push(error)

mock.timers.enable({ apis: ['setTimeout'] })

/** A log of numbered updates and its subscribers. */
function scene({ start = async () => '0', cursorOf = ({ cursor }) => cursor, onData } = {}) {
  const scene = { log: [], opened: [], closed: 0, seen: [], statuses: [], sink: undefined }
  scene.publish = (...cursors) => {
    for (const cursor of cursors) {
      scene.log.push(cursor)
      scene.sink?.data({ cursor: String(cursor) })
    }
  }
  scene.cut = (error = new Error('Socket closed')) => {
    const { sink } = scene
    scene.sink = undefined
    sink.cut(error)
    sink.cut(error)
    sink.complete()
  }
  scene.stop = follow({
    open: (after) => (sink) => {
      scene.opened.push(after)
      scene.sink = sink
      for (const cursor of scene.log) if (cursor > Number(after)) sink.data({ cursor: String(cursor) })
      return () => scene.closed++
    },
    start,
    cursorOf,
    onData: (data) => {
      scene.seen.push(Number(data.cursor))
      onData?.(data)
    },
    onStatus: ({ status }) => scene.statuses.push(status),
    random: () => 1,
  })
  return scene
}

/** Lets promises go on, then time. */
async function pass(ms) {
  for (let n = 0; n < 10; n++) await Promise.resolve()
  mock.timers.tick(ms)
  for (let n = 0; n < 10; n++) await Promise.resolve()
}

const coded = (code) => new CombinedGraphQLErrors({ errors: [{ message: code, extensions: { code } }] })

beforeEach(() => reported.splice(0))

test('after a cut it goes on after the last cursor: nothing is missed, nothing comes twice', async () => {
  const it = scene({ start: async () => '2' })
  it.log.push(1, 2)
  await pass(0)
  it.publish(3, 4)
  it.cut()
  it.publish(5, 6)
  await pass(300)
  it.publish(7)
  it.cut()
  await pass(300)
  assert.deepEqual(it.seen, [3, 4, 5, 6, 7])
  assert.deepEqual(it.opened, ['2', '4', '7'])
  assert.deepEqual(it.statuses, ['starting', 'open', 'waiting', 'open', 'waiting', 'open'])
  it.stop()
})

test('it goes on after a position that it was told without an update', async () => {
  const it = scene({ start: async () => '2' })
  await pass(0)
  it.publish(3)
  const { sink } = it
  sink.position('7')
  it.cut()
  sink.position('9')
  it.publish(8)
  await pass(300)
  assert.deepEqual(it.seen, [3, 8])
  assert.deepEqual(it.opened, ['2', '7'], 'not from a subscription that is over')
  it.stop()
})

test('the delays grow up to the longest, and begin anew once something comes', async () => {
  const it = scene()
  await pass(0)
  for (const delay of [300, 600, 1200, 2400, 4800, 9600, 15_000, 15_000]) {
    it.cut()
    const before = it.opened.length
    await pass(delay - 1)
    assert.equal(it.opened.length, before)
    await pass(1)
    assert.equal(it.opened.length, before + 1)
  }
  it.publish(1)
  it.cut()
  await pass(300)
  assert.equal(it.opened.at(-1), '1')
  it.stop()
})

test('when the cursor has expired it reads afresh, tells so, and goes on from there', async () => {
  const reasons = []
  const it = scene({
    start: async (reason) => {
      reasons.push(reason)
      return reason === 'start' ? '0' : '8'
    },
  })
  await pass(0)
  it.publish(1)
  it.cut()
  await pass(300)
  it.log.push(2, 3, 8, 9)
  it.cut(coded('CURSOR_EXPIRED'))
  await pass(600)
  assert.deepEqual(reasons, ['start', 'expired'])
  assert.deepEqual(it.seen, [1, 9])
  it.stop()
})

test('a start that fails is tried again', async () => {
  let fails = 2
  const it = scene({
    start: async () => {
      if (fails-- > 0) throw new Error('Failed to fetch')
      return '5'
    },
  })
  await pass(0)
  await pass(300)
  await pass(600)
  assert.deepEqual(it.opened, ['5'])
  it.stop()
})

test('what trying again does not mend ends it', async () => {
  for (const code of ['BAD_USER_INPUT', 'NOT_FOUND', 'FORBIDDEN', 'QUERY_TOO_COMPLEX']) {
    const it = scene()
    await pass(0)
    it.cut(coded(code))
    await pass(60_000)
    assert.deepEqual([it.opened.length, it.statuses.at(-1)], [1, 'ended'])
    it.stop()
  }
  const it = scene()
  await pass(0)
  it.cut(coded('UNAUTHENTICATED'))
  await pass(300)
  assert.equal(it.opened.length, 2)
  it.stop()
})

test('a visible page or a restored network reconnects at once', async () => {
  const it = scene()
  await pass(0)
  for (const [target, name] of [[events, 'online'], [document, 'visibilitychange']]) {
    it.cut()
    const before = it.opened.length
    target.dispatchEvent(new Event(name))
    target.dispatchEvent(new Event(name))
    await pass(0)
    assert.equal(it.opened.length, before + 1)
    await pass(60_000)
    assert.equal(it.opened.length, before + 1)
  }
  it.stop()
})

test('a mistake of the caller does not bring the same update again', async () => {
  const it = scene({
    onData: ({ cursor }) => {
      if (cursor === '1') throw new Error('a mistake')
    },
  })
  await pass(0)
  it.publish(1, 2)
  it.cut()
  await pass(300)
  assert.deepEqual(it.seen, [1, 2])
  assert.equal(reported.length, 1)
  it.stop()
})

test('once stopped it is silent, closed, and does not come back', async () => {
  const it = scene()
  await pass(0)
  const { sink } = it
  it.stop()
  sink.data({ cursor: '1' })
  sink.cut(new Error('late'))
  await pass(60_000)
  assert.deepEqual([it.seen, it.opened.length, it.closed], [[], 1, 1])

  const waiting = scene()
  await pass(0)
  waiting.cut()
  waiting.stop()
  await pass(60_000)
  assert.equal(waiting.opened.length, 1)
})

test('without cursors it subscribes anew as in the beginning', async () => {
  const it = scene({ start: async () => undefined, cursorOf: () => undefined })
  await pass(0)
  it.publish(1)
  it.cut()
  await pass(300)
  assert.deepEqual(it.opened, [undefined, undefined])
  it.stop()
})
