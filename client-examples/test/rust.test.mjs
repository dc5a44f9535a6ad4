import { join } from 'node:path'
import { examples } from './example.mjs'
import { ordersExample } from './orders.mjs'

// The environment of cargo and rustup: with other flags cargo would build the example again.
const ofRust = Object.entries(process.env).filter(([name]) => /^(CARGO|RUST)/.test(name))
const env = { CARGO_TARGET_DIR: join(examples, '../target/examples'), ...Object.fromEntries(ofRust) }

ordersExample('cynic', { folder: 'rust', program: 'cargo', args: ['run', '--quiet', '--locked', '--'], env })
