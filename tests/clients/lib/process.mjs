import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { soon } from './wait.mjs'

/**
 * How a process ended.
 *
 * @typedef {object} Exit
 * @property {number | null} code
 * @property {string | null} signal
 */

/** A program that runs until it is stopped, or this process ends. */
export class Program {
  /** @type {Exit | undefined} */
  exit

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {object} options
   * @param {string} options.cwd
   * @param {Record<string, string>} [options.env] Its environment, besides PATH and TMPDIR.
   * @param {string} options.log File to which its output is appended.
   */
  constructor(command, args, { cwd, env, log }) {
    const output = openSync(log, 'a')
    const [program = command, ...rest] = [...dieWithParent, command, ...args]
    // A process group of its own: a Ctrl-C reaches this process alone, which then stops the others.
    this.child = spawn(program, rest, {
      cwd,
      env: { PATH: process.env.PATH, TMPDIR: cwd, ...env },
      stdio: ['ignore', output, output],
      detached: true,
    })
    closeSync(output)
    /** @type {Promise<Exit>} */
    this.exited = new Promise((resolve) => {
      this.child.once('error', () => resolve({ code: 127, signal: null }))
      this.child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.exited.then((exit) => {
      this.exit = exit
      running.delete(this)
    })
    running.add(this)
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    if (!this.exit) this.child.kill(signal)
  }

  /**
   * Sends SIGTERM, and SIGKILL if it has not ended in time.
   *
   * @param {number} [within] Milliseconds.
   * @returns {Promise<Exit>}
   */
  async stop(within = 10_000) {
    this.kill('SIGTERM')
    try {
      return await soon('the end of a program', this.exited, within)
    } catch {
      this.kill('SIGKILL')
      return this.exited
    }
  }
}

/** @type {Set<Program>} */
const running = new Set()

/** Kills all programs. */
export async function killAll() {
  const ended = [...running].map(({ exited }) => exited)
  for (const program of running) program.kill('SIGKILL')
  await Promise.all(ended)
}

process.once('exit', killAll)

// Words before a command that end it when this process ends, also when this process is killed.
const dieWithParent = isOnPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL'] : []

/** @param {string} command */
function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Runs a program to its end and fails unless it succeeds.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} options
 * @param {string} options.cwd
 * @param {Record<string, string>} [options.env]
 * @param {string} [options.input]
 * @returns {Promise<string>} What it printed.
 */
export async function run(command, args, { cwd, env, input = '' }) {
  const child = spawn(command, args, { cwd, env: { PATH: process.env.PATH, TMPDIR: cwd, ...env } })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (errors += chunk))
  // It may end without reading its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${errors}`)
  return output
}

/**
 * A free TCP port for a server that keeps it over restarts. It lies below the ports that the kernel gives to outgoing
 * connections. A UDP socket with the same number reserves it: other test processes, which do the same, choose another.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const reservation = await reserve(port)
    if (reservation && (await isFree(port))) return port
    reservation?.close()
  }
}

/**
 * Binds the UDP port of this number until this process ends.
 *
 * @param {number} port
 * @returns {Promise<import('node:dgram').Socket | undefined>} Nothing if it is taken.
 */
function reserve(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref()
    socket.once('error', () => resolve(undefined))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(socket))
  })
}

/**
 * Whether a TCP port is free.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
