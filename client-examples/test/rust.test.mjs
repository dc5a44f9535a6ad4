import { join } from 'node:path'
import { examples } from './example.mjs'
import { ordersExample } from './orders.mjs'

// Where cargo and rustup are, and how they compile: a change of flags would have cargo build the example once more.
const ofRust = Object.entries(process.env).filter(([name]) => /^(CARGO|RUST)/.test(name))
const env = { CARGO_TARGET_DIR: join(examples, '../target/examples'), ...Object.fromEntries(ofRust) }

ordersExample('cynic', { folder: 'rust', program: 'cargo', args: ['run', '--quiet', '--locked', '--'], env })
