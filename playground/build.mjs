// Puts the page together: GraphQL Playground as its package has it, already built, and our own start of it. The package
// is not a dependency, since its own, of 2020 and older, would all be installed for nothing.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PACKAGE = 'graphql-playground-react@1.7.28'
const INTEGRITY =
  'sha512-YPR33Ph9kuKlFOMpc8mKGsL/fOiX0ltgzV1BokXYNsBLtTVQnhdCSKQuZg80CcxWKD8syNuWXDkGZSAdFkwmRg=='

/** @param {string} to Folder for the page; what is in it goes away. */
export function build(to) {
  const scratch = mkdtempSync(join(tmpdir(), 'orderwire-playground-'))
  try {
    const [{ filename, integrity }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch, PACKAGE], { encoding: 'utf8' }),
    )
    if (integrity !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was: ${integrity}`)
    execFileSync('tar', ['-xzf', join(scratch, filename), '-C', scratch])
    const source = join(scratch, 'package')

    rmSync(to, { recursive: true, force: true })
    mkdirSync(to, { recursive: true })
    cpSync(join(import.meta.dirname, 'src'), to, { recursive: true })
    for (const name of ['css/middleware.css', 'js/middleware.js']) {
      const text = readFileSync(join(source, 'build/static', name), 'utf8')
      // The source maps are larger than all the rest.
      writeFileSync(join(to, name.split('/')[1]), text.replace(/\n\/[/*]# sourceMappingURL=.*\n?$/, '\n'))
    }
    nameByContent(to)
    writeFileSync(join(to, 'licenses.md'), licenses(source))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/**
 * Moves what the page loads to names with a hash of the content, which browsers and proxies may keep for ever.
 *
 * @param {string} to
 */
function nameByContent(to) {
  mkdirSync(join(to, 'assets'))
  const html = readFileSync(join(to, 'index.html'), 'utf8')
  const named = html.replace(/\/playground\/(\w+)\.(css|js)/g, (_, name, type) => {
    const file = join(to, `${name}.${type}`)
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8)
    renameSync(file, join(to, `assets/${name}-${hash}.${type}`))
    return `/playground/assets/${name}-${hash}.${type}`
  })
  writeFileSync(join(to, 'index.html'), named)
}

/** @param {string} source The unpacked package. */
function licenses(source) {
  const { sources } = JSON.parse(readFileSync(join(source, 'build/static/js/middleware.js.map'), 'utf8'))
  const bundled = sources.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  const list = [...new Set(bundled)].sort().map((name) => `- [${name}](https://www.npmjs.com/package/${name})`)
  return `# Licences

GraphQL Playground (${PACKAGE}):

${readFileSync(join(source, 'LICENSE'), 'utf8').trim()}

Bundled with it by its makers, each under the licence in its package:

${list.join('\n')}
`
}

if (process.argv[1] === import.meta.filename) build(join(import.meta.dirname, 'dist'))
