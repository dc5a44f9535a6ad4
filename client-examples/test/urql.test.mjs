import { ordersExample } from './orders.mjs'

ordersExample('urql', { folder: 'urql', program: process.execPath, args: ['orders.mjs'] })
