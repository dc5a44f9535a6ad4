import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from './load.mjs'

const { formatMoney, parseAmount, printAmount, sum, times } = await load('orderwire/money.ts')

const pounds = (amount) => ({ amount, currencyCode: 'GBP' })

test('amounts are read and printed exactly', () => {
  for (const amount of ['0.00', '12.50', '0.001', '-3.10', '-0.0001', '99999999999999999999.9999']) {
    assert.equal(printAmount(parseAmount(amount)), amount)
  }
  assert.equal(printAmount(parseAmount('7')), '7.00')
  for (const wrong of ['', '1,00', '1e3', '.5', '1.', '0.00001', 'NaN']) assert.throws(() => parseAmount(wrong))
})

test('sums and products lose no digit', () => {
  assert.deepEqual(times(pounds('0.1'), 3), pounds('0.30'))
  assert.deepEqual(times(pounds('90071992547409.93'), 1000), pounds('90071992547409930.00'))
  assert.deepEqual(sum([pounds('0.10'), pounds('0.20'), pounds('0.0005')]), pounds('0.3005'))
  assert.equal(sum([]), undefined)
  assert.equal(sum([pounds('1.00'), { amount: '1.00', currencyCode: 'EUR' }]), undefined)
})

test('formatting shows every digit, and no fewer than the currency has', () => {
  assert.equal(formatMoney(pounds('2.55'), 'en-GB'), '£2.55')
  assert.equal(formatMoney(pounds('1234.00'), 'en-GB'), '£1,234.00')
  assert.equal(formatMoney(pounds('0.001'), 'en-GB'), '£0.001')
  assert.equal(formatMoney(pounds('90071992547409931.2345'), 'en-GB'), '£90,071,992,547,409,931.2345')
  assert.equal(formatMoney({ amount: '1500.00', currencyCode: 'JPY' }, 'en-GB'), '¥1,500')
})
