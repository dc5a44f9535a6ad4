import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Program } from '../../tests/clients/lib/process.mjs'
import { Hopeless, soon, until } from '../../tests/clients/lib/wait.mjs'

/** The folder with the examples. */
export const examples = resolve(import.meta.dirname, '..')

/** Python with the packages of the examples and their tests. */
export const python = process.env.PYTHON ?? join(examples, '../.services/examples-python/bin/python')

/**
 * An example and how it is started in its folder, as its README says.
 *
 * @typedef {object} Command
 * @property {string} folder Below the folder with the examples.
 * @property {string} program
 * @property {string[]} args
 * @property {Record<string, string>} [env]
 */

/**
 * In small letters and without underscores: not all languages write the names of the schema alike.
 *
 * @param {string} text
 */
export function plain(text) {
  return text.toLowerCase().replaceAll('_', '')
}

/**
 * The environment of an example that signs in with a password.
 *
 * @param {{ email: string, password: string }} account
 * @returns {Record<string, string>}
 */
export function signsIn({ email, password }) {
  return { ORDERWIRE_EMAIL: email, ORDERWIRE_PASSWORD: password }
}

/** A running example. */
export class Example {
  /**
   * @param {Command} command
   * @param {object} options
   * @param {string} options.server Its URL without `/graphql`.
   * @param {Record<string, string>} options.credentials In its environment.
   * @param {string[]} [options.args] More arguments.
   */
  static async start({ folder, program, args, env }, { server, credentials, args: more = [] }) {
    const scratch = await mkdtemp(join(tmpdir(), 'orderwire-example-'))
    const settings = { ORDERWIRE_URL: server, ...credentials }
    const log = join(scratch, 'log')
    const options = { cwd: join(examples, folder), env: { HOME: homedir(), ...env, ...settings }, log }
    return new Example(new Program(program, [...args, ...more], options), scratch, log)
  }

  /**
   * @param {Program} program
   * @param {string} scratch
   * @param {string} log
   */
  constructor(program, scratch, log) {
    this.program = program
    this.scratch = scratch
    this.log = log
  }

  /** Its whole output. */
  get output() {
    return readFileSync(this.log, 'utf8')
  }

  /** The updates that it has printed. */
  get updates() {
    const lines = this.output.matchAll(/^(c[0-9a-f]{24}) (.+)$/gm)
    return [...lines].map(([, cursor = '', text = '']) => ({ cursor, text: plain(text) }))
  }

  /** @param {number} count */
  async until(count) {
    await until(`update ${count}`, () => {
      if (this.program.exit) throw new Hopeless(`the example ended: ${this.output}`)
      return this.updates.length >= count
    })
  }

  async end() {
    return soon('the end of the example', this.program.exited)
  }

  async stop() {
    const exit = await this.program.stop()
    await rm(this.scratch, { recursive: true, force: true })
    return exit
  }
}
