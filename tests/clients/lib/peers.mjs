// Which process has opened a connection, by Linux's /proc.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/**
 * The local ports of a process's TCP connections over loopback.
 *
 * @param {number | undefined} pid
 * @returns {Set<number>}
 */
export function localPorts(pid) {
  const sockets = new Set(pid === undefined ? [] : openFiles(pid))
  // Columns: https://docs.kernel.org/networking/proc_net_tcp.html
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((row) => row.trim().split(/\s+/))
  const own = rows.filter((row) => sockets.has(`socket:[${row[9]}]`))
  return new Set(own.map((row) => Number.parseInt(row[1]?.split(':')[1] ?? '', 16)))
}

/** @param {number} pid */
function openFiles(pid) {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).map((file) => readlink(`${folder}/${file}`))
  } catch {
    return [] // The process has ended.
  }
}

/** @param {string} path */
function readlink(path) {
  try {
    return readlinkSync(path)
  } catch {
    return '' // Closed in the meantime.
  }
}
