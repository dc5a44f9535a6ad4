// A browser with a page for each of several users. All problems of the pages are recorded.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { launch, watch } from '../../../scripts/web/browser.mjs'

const output = join(import.meta.dirname, '../test-output')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 360, height: 780 }

export class People {
  /** @type {string[]} */
  problems = []

  static async start() {
    const people = new People()
    people.browser = await launch(chromium)
    return people
  }

  /**
   * A user with a browser context of their own, who opens this address.
   *
   * @param {string} address
   * @param {object} [options]
   * @param {{ width: number, height: number }} [options.viewport]
   * @param {(problem: string) => boolean} [options.isExpected]
   * @param {(page: import('playwright-core').Page) => Promise<void>} [options.prepare]
   */
  async open(address, { viewport = DESKTOP, isExpected, prepare } = {}) {
    const context = await this.browser.newContext({ viewport, colorScheme: 'light', locale: 'en-GB' })
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    watch(page, address, this.problems, isExpected)
    await prepare?.(page)
    await page.goto(address)
    return page
  }

  async close() {
    await this.browser?.close()
  }
}

/** No serious or critical finding, in light and in dark. */
export async function assertAccessible(page) {
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => globalThis.axe.run())
    const grave = violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => {
        const places = nodes.map(({ target, any }) => `${target} ${any[0]?.message ?? ''}`)
        return `${colorScheme}: ${id}: ${places.join('; ')}`
      })
    assert.deepEqual(grave, [])
  }
}

/** Pictures for people to look at: light and dark, on a desktop and on a phone. */
export async function picture(page, name) {
  mkdirSync(output, { recursive: true })
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const [device, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      await page.setViewportSize(viewport)
      await page.screenshot({ path: join(output, `${name}-${device}-${colorScheme}.png`) })
    }
  }
}
