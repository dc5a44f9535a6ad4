import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { filesIn, packageFolders } from './build-files.mjs'

const { root, packed, name } = packageFolders()

const outDir = mkdtempSync(join(tmpdir(), 'orderwire-web-'))
const differences = []
try {
  await buildInto(outDir)
  const fresh = new Map(filesIn(outDir))
  // Decompressed, because another version of zlib may compress the same content differently.
  const committed = new Map(
    filesIn(packed).map(([path, content]) =>
      path.endsWith('.gz') ? [path.slice(0, -3), gunzipSync(content)] : [path, undefined],
    ),
  )
  for (const path of fresh.keys()) {
    if (!committed.has(path)) differences.push(`missing: ${path}`)
    else if (!committed.get(path)?.equals(fresh.get(path))) differences.push(`changed: ${path}`)
  }
  for (const path of committed.keys()) {
    if (!fresh.has(path)) differences.push(`left over: ${path}`)
  }
} finally {
  rmSync(outDir, { recursive: true, force: true })
}

/** The package's own script, if it has one, or else its Vite. */
async function buildInto(outDir) {
  const script = join(root, 'build.mjs')
  if (existsSync(script)) {
    const { build } = await import(pathToFileURL(script))
    return build(outDir)
  }
  const { build } = await import(pathToFileURL(createRequire(join(root, 'package.json')).resolve('vite')))
  return build({ root, logLevel: 'warn', build: { outDir, emptyOutDir: true } })
}

if (differences.length > 0) {
  console.error(`${name}/build is out of date:`)
  for (const line of differences.sort()) console.error(`  ${line}`)
  console.error(`Run "npm ci && npm run build" in ${name}/ and commit ${name}/build.`)
  process.exit(1)
}
console.log(`${name}/build is up to date.`)
