import { defineConfig } from 'vite'

export default defineConfig({
  base: '/ui/',
  worker: { format: 'es' },
  build: {
    sourcemap: false,
    // The Content-Security-Policy forbids inline scripts, and every browser GraphiQL supports
    // knows modulepreload natively.
    modulePreload: { polyfill: false },
    // The bundled packages' licences ask for their notices to travel with every copy.
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 4096,
    // "use client" means nothing without server components, and dozens of files carry it.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  server: {
    proxy: { '/graphql': { target: 'http://127.0.0.1:8080', ws: true } },
  },
})
