// Draws docs/board.png: the board after orders have come in for some minutes.
//   npm run picture -- 20
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Demo } from './demo.mjs'
import { People } from './people.mjs'

const minutes = Number(process.argv[2] ?? 20)
const path = join(import.meta.dirname, '../../../docs/board.png')

const demo = await Demo.start(['--every', '2s'])
let people
try {
  await sleep(minutes * 60_000)
  people = await People.start()
  const page = await people.open(demo.link('Board'), { viewport: { width: 1360, height: 850 } })
  await page.locator('.activity li').nth(8).waitFor({ timeout: 120_000 })
  await page.screenshot({ path })
} finally {
  await people?.close()
  await demo.stop()
}
