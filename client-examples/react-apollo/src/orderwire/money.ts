// Amounts are decimal strings with at most 4 decimals. A float would lose digits of them; a bigint of ten-thousandths
// does not, and Intl formats decimal strings exactly.

export interface Amount {
  amount: string
  currencyCode: string
}

const DECIMALS = 4

/** Ten-thousandths of a unit of the currency. */
export function parseAmount(amount: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(amount)
  if (!match) throw new Error(`not an amount: ${amount}`)
  const [, sign, whole = '', decimals = ''] = match
  const value = BigInt(whole + decimals.padEnd(DECIMALS, '0'))
  return sign ? -value : value
}

/** The other way: 2 decimals at least. */
export function printAmount(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(DECIMALS + 1, '0')
  const whole = digits.slice(0, -DECIMALS)
  const decimals = digits.slice(-DECIMALS).replace(/0{1,2}$/, '')
  return `${value < 0n ? '-' : ''}${whole}.${decimals}`
}

export function times({ amount, currencyCode }: Amount, quantity: number): Amount {
  return { amount: printAmount(parseAmount(amount) * BigInt(quantity)), currencyCode }
}

/** The sum in the currency of the first; undefined for nothing, or when there is more than one currency. */
export function sum(amounts: readonly Amount[]): Amount | undefined {
  const [first] = amounts
  if (!first || amounts.some(({ currencyCode }) => currencyCode !== first.currencyCode)) return undefined
  const total = amounts.reduce((total, { amount }) => total + parseAmount(amount), 0n)
  return { amount: printAmount(total), currencyCode: first.currencyCode }
}

const formats = new Map<string, Intl.NumberFormat>()

/** For people, with all digits that it has and at least those that the currency usually shows. */
export function formatMoney({ amount, currencyCode }: Amount, locale?: string): string {
  const key = `${locale} ${currencyCode}`
  let format = formats.get(key)
  if (!format) {
    const { maximumFractionDigits = 2 } = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: currencyCode,
    }).resolvedOptions()
    format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: currencyCode,
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: maximumFractionDigits,
      maximumFractionDigits: Math.max(maximumFractionDigits, DECIMALS),
    })
    formats.set(key, format)
  }
  return format.format(amount as Intl.StringNumericLiteral)
}
