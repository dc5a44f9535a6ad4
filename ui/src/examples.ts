const queries = read(import.meta.glob('./examples/*.graphql', { query: '?raw', import: 'default', eager: true }))
const variables = read(import.meta.glob('./examples/*.json', { query: '?raw', import: 'default', eager: true }))

// The numbers in the file names give the order of the tabs. The first one is what an anonymous
// visitor sees, so it must not need a sign-in.
export const examples = Object.keys(queries)
  .sort()
  .map((name) => ({ query: queries[name] ?? null, variables: variables[name] ?? null }))

function read(files: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path.replace(/\.\w+$/, ''), String(text).trimEnd()]),
  )
}
