import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

/** A module of src/, as Vite would load it. */
export async function load(path) {
  const file = fileURLToPath(new URL(`../src/${path}`, import.meta.url))
  return (await runnerImport(file, { configFile: false, logLevel: 'error' })).module
}
