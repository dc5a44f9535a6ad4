import { join } from 'node:path'
import { examples } from './example.mjs'
import { ordersExample } from './orders.mjs'

const env = { CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR ?? join(examples, '../target/examples') }

ordersExample('cynic', { folder: 'rust', program: 'cargo', args: ['run', '--quiet', '--locked', '--'], env })
