import { join } from 'node:path'
import { examples } from './example.mjs'
import { ordersExample } from './orders.mjs'

const program = process.env.PYTHON ?? join(examples, '../.services/examples-python/bin/python')

ordersExample('gql', { folder: 'python', program, args: ['orders.py'] })
