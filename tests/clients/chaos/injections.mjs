// What each kind of fault does to the servers.
import { run } from '../lib/process.mjs'
import { sleep, until } from '../lib/wait.mjs'

/** How long a server may take to recover, in milliseconds. Other faults happen meanwhile, such as two elections in a row. */
const RECOVERY = 120_000

/** @typedef {import('./cluster.mjs').Cluster} Cluster */
/** @typedef {import('./servers.mjs').Node} Node */
/** @typedef {{ cluster: Cluster, node: Node, seconds: number }} Target What is hit, and for how long. */

/**
 * Each injects its fault and ends it, and returns what was hit.
 *
 * @type {Record<string, (target: Target) => Promise<string>>}
 */
export const INJECTIONS = {
  async 'node killed'({ node, seconds }) {
    await node.kill()
    await sleep(seconds * 1_000)
    await node.start()
    return node.name
  },

  async 'node terminated'({ node, seconds }) {
    await node.terminate()
    await sleep(seconds * 1_000)
    await node.start()
    return node.name
  },

  /** It wakes up in the middle of what it was doing, such as numbering, while others have gone on. */
  async 'node paused'({ node, seconds }) {
    node.program?.kill('SIGSTOP')
    await sleep(seconds * 1_000)
    node.program?.kill('SIGCONT')
    return node.name
  },

  async 'node cut from MongoDB'({ cluster, node, seconds }) {
    const connect = cluster.cutFromDatabase(node)
    await sleep(seconds * 1_000)
    connect()
    await until(`${node.name} is ready again`, () => node.answers(), RECOVERY)
    return node.name
  },

  async "node's clock set back"({ node, seconds }) {
    const says = (/** @type {boolean} */ isOff) => async () => (await node.readiness()).includes('impaired: clock') === isOff
    node.setClock('-10m')
    await until(`${node.name} says that its clock is off`, says(true), RECOVERY)
    await sleep(seconds * 1_000)
    node.setClock('+0')
    await until(`${node.name} says that its clock is right`, says(false), RECOVERY)
    return `${node.name}, by 10 min`
  },

  async 'worker killed'({ cluster: { worker }, seconds }) {
    await worker.kill()
    await sleep(seconds * 1_000)
    await worker.start()
    return worker.name
  },

  async 'worker terminated'({ cluster: { worker }, seconds }) {
    await worker.terminate()
    await sleep(seconds * 1_000)
    await worker.start()
    return worker.name
  },

  /** Meanwhile its lease may end, and another process go on. */
  async 'worker paused'({ cluster: { worker }, seconds }) {
    worker.program?.kill('SIGSTOP')
    await sleep(seconds * 1_000)
    worker.program?.kill('SIGCONT')
    return worker.name
  },

  async 'Redis killed'({ cluster, seconds }) {
    await cluster.redis.kill()
    await sleep(seconds * 1_000)
    await cluster.redis.start()
    return 'redis'
  },

  async 'RabbitMQ killed'({ cluster: { rabbitmq }, seconds }) {
    await rabbitmq?.kill()
    await sleep(seconds * 1_000)
    await rabbitmq?.start()
    return rabbitmq?.name ?? 'none'
  },

  async 'primary killed'({ cluster, seconds }) {
    const primary = await cluster.primary()
    await primary.kill()
    return comeBack(cluster, primary, seconds)
  },

  /** It fails to write, as with a full disk: a limit of the size of its files stands for the end of the disk. */
  async "primary's disk full"({ cluster, seconds }) {
    const primary = await cluster.primary()
    const limit = ['--pid', String(primary.program?.child.pid), '--fsize=4096']
    await Promise.all([primary.ended(), run('prlimit', limit, { cwd: cluster.folder })])
    return comeBack(cluster, primary, seconds)
  },

  async 'primary stepped down'({ cluster }) {
    const primary = await cluster.primary()
    await until('it steps down', () => primary.run({ replSetStepDown: 20, secondaryCatchUpPeriodSecs: 10 }))
    await cluster.confirmsWrites()
    return `${primary.name}, for ${(await cluster.primary()).name}`
  },

  /** As when the power fails, but for what the system had not written to the disk. */
  async 'everything killed'({ cluster, seconds }) {
    await Promise.all(cluster.durable.map((server) => server.kill()))
    await sleep(seconds * 1_000)
    await Promise.all(cluster.durable.map((server) => server.start()))
    await membersAgain(cluster)
    return `${cluster.durable.length} servers`
  },
}

/**
 * Starts a member again that has ended, and waits until it has caught up.
 *
 * @param {Cluster} cluster
 * @param {import('./servers.mjs').Mongod} member
 * @param {number} seconds Until then.
 */
async function comeBack(cluster, member, seconds) {
  await sleep(seconds * 1_000)
  await member.start()
  await membersAgain(cluster)
  return member.name
}

/** @param {Cluster} cluster */
async function membersAgain(cluster) {
  for (const member of cluster.mongods) await until(`${member.name} is a member again`, () => member.isMember(), RECOVERY)
  await cluster.confirmsWrites()
}
