// Shared by the packages whose gzipped builds are committed and embedded in the server. Each script takes the package's folder.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'

const repository = resolve(import.meta.dirname, '../..')

/** The folders of the package that the command line names. */
export function packageFolders() {
  const [folder] = process.argv.slice(2)
  if (!folder) throw new Error(`usage: node ${basename(process.argv[1])} PACKAGE_FOLDER`)
  const root = resolve(folder)
  return { root, dist: join(root, 'dist'), packed: join(root, 'build'), name: relative(repository, root) }
}

/** Every file below `folder`, as sorted [path with forward slashes, content] pairs. */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
