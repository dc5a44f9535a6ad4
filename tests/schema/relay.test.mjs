// Relay's compiler accepts schema.graphql: `relay/src` pages a connection, loads nodes again, changes lists and subscribes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const here = import.meta.dirname
const schema = readFileSync(join(here, '../../schema.graphql'), 'utf8')

/**
 * Compiles `relay/src` against a schema, in a folder of its own. Returns the compiler's output and the files it wrote.
 *
 * @param {string} schema
 */
function compile(schema) {
  const folder = mkdtempSync(join(tmpdir(), 'orderwire-relay-'))
  try {
    cpSync(join(here, 'relay'), folder, { recursive: true })
    mkdirSync(join(folder, '__generated__'))
    writeFileSync(join(folder, 'schema.graphql'), schema)
    const compiler = join(here, 'node_modules/relay-compiler/cli.js')
    const options = /** @type {const} */ ({ cwd: folder, encoding: 'utf8', timeout: 60_000 })
    const { status, stdout, stderr, error } = spawnSync(process.execPath, [compiler], options)
    assert.ifError(error)
    /** @type {Record<string, string>} */
    const artifacts = {}
    for (const name of readdirSync(join(folder, '__generated__'))) {
      artifacts[name.replace('.graphql.ts', '')] = readFileSync(join(folder, '__generated__', name), 'utf8')
    }
    return { status, output: stdout + stderr, artifacts }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the compiler accepts pages, nodes, changes of lists and subscriptions', () => {
  const { status, output, artifacts } = compile(schema)
  assert.equal(status, 0, output)
  assert.deepEqual(Object.keys(artifacts).sort(), [
    'TaskListCreateMutation',
    'TaskListDeleteMutation',
    'TaskListPageQuery',
    'TaskListQuery',
    'TaskListSubscription',
    'TaskList_tasks',
    'TaskOrderPageQuery',
    'TaskRefetchQuery',
    'Task_order',
    'Task_task',
  ])
  // A node is loaded again by `node(id:)`, and pages ask for `pageInfo` and cursors by themselves.
  assert.match(artifacts.TaskRefetchQuery ?? '', /node\(id: \$id\)/)
  assert.match(artifacts.TaskListPageQuery ?? '', /pageInfo \{\\n\s+endCursor\\n\s+hasNextPage/)
  assert.match(artifacts.TaskOrderPageQuery ?? '', /startCursor/)
})

test('the compiler refuses a schema that does not follow Relay', () => {
  for (const [what, from, to] of [
    ['a page without endCursor', /\bendCursor: String\b/, 'end: String'],
    ['edges without cursors', /(type TaskEdge[^}]*?)\bcursor: String!/, '$1place: String!'],
    ['no query by id', /\bnode\(/, 'thing('],
    ['a deletion without an id', /\bdeletedTaskId: ID\b/, 'deletedTaskId: Task'],
  ]) {
    const broken = schema.replace(from, /** @type {string} */ (to))
    assert.notEqual(broken, schema, `${what}: the schema has it`)
    assert.notEqual(compile(broken).status, 0, String(what))
  }
})
