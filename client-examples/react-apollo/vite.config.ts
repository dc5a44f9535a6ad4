import { defineConfig } from 'vite'

export default defineConfig({
  base: '/apps/',
  build: {
    sourcemap: false,
    // The Content-Security-Policy forbids inline scripts, and every browser that knows the rest knows modulepreload.
    modulePreload: { polyfill: false },
    // Styles and pictures stay files of their own, which the policy allows.
    assetsInlineLimit: 0,
    // The bundled packages' licences ask for their notices to travel with every copy.
    license: { fileName: 'licenses.md' },
    rolldownOptions: { input: ['shop.html', 'board.html'] },
  },
  server: {
    proxy: { '/graphql': { target: 'http://127.0.0.1:8080', ws: true } },
  },
})
