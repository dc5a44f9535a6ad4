// Starts a real browser for the tests of web pages and records every error in it.

/**
 * Starts Debian's Chromium, or the browser that CHROMIUM names.
 *
 * @param {import('playwright-core').BrowserType} chromium The package's own.
 */
export function launch(chromium) {
  return chromium.launch({
    timeout: 120_000,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Records errors of the console and of scripts, failed requests and requests to other hosts. Chromium reports a violation
 * of the Content-Security-Policy as a console error; requests it blocks are never sent, so both are watched.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} url A URL of the only host that the page may contact.
 * @param {string[]} problems Gets a line for each error.
 * @param {(problem: string) => boolean} [isExpected]
 */
export function watch(page, url, problems, isExpected = () => false) {
  const { host: allowed } = new URL(url)
  const note = (problem) => {
    if (!isExpected(problem)) problems.push(problem)
  }
  const check = (address) => {
    const { protocol, host } = new URL(address)
    if (/^(https?|wss?):$/.test(protocol) && host !== allowed) note(`request: ${address}`)
  }
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) {
      note(`console: ${message.text()}`)
    }
  })
  page.on('pageerror', (error) => note(`page error: ${error.message}`))
  page.on('request', (request) => check(request.url()))
  page.on('websocket', (socket) => check(socket.url()))
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText
    // Not errors: Monaco ends workers while they load, and pages abort requests, when they no longer need them.
    if (reason !== 'net::ERR_ABORTED') note(`failed: ${request.url()} ${reason}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) note(`HTTP ${response.status()}: ${response.url()}`)
  })
}
