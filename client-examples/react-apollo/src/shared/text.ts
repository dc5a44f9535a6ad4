/** A name as the catalogue has it, quieter when it is all capitals. */
export function productName(name: string): string {
  if (name !== name.toUpperCase()) return name
  const lower = name.toLowerCase()
  return lower.charAt(0).toUpperCase() + lower.slice(1)
}

const count = new Intl.NumberFormat()

export function formatCount(value: number): string {
  return count.format(value)
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count.format(value)} ${value === 1 ? one : many}`
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: '2-digit' })

/** The time of day for today, else the day. */
export function formatTime(time: string, now = new Date()): string {
  const date = new Date(time)
  return date.toDateString() === now.toDateString() ? clock.format(date) : day.format(date)
}
