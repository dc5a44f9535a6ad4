import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import { filesIn, packageFolders } from './build-files.mjs'

const { dist, packed, name } = packageFolders()

rmSync(packed, { recursive: true, force: true })
let total = 0
for (const [path, content] of filesIn(dist)) {
  // zlib leaves the time in the header at 0, so equal input gives equal output.
  const compressed = gzipSync(content, { level: constants.Z_BEST_COMPRESSION })
  // Byte 9 names the operating system, the one other thing that would differ between machines.
  compressed[9] = 255
  const target = join(packed, `${path}.gz`)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, compressed)
  total += compressed.length
}
console.log(`${name}/build: ${(total / 1024).toFixed(0)} KiB compressed`)
