import { useEffect, useState } from 'react'
import { plural } from '../shared/text'
import { MINUTES } from './useBoard'

const MINUTE = 60_000

// In units of the picture.
const BAR = 10
const GAP = 3
const HEIGHT = 96
const WIDTH = MINUTES * (BAR + GAP) - GAP

/** A bar for each of the last minutes; the last one still grows. */
export function OrdersPerMinute({ placed, known }: { placed: ReadonlyMap<string, number>; known: boolean }) {
  const now = useNow(5_000)
  const first = Math.floor(now / MINUTE) - MINUTES + 1
  const bars = Array.from({ length: MINUTES }, () => 0)
  for (const at of placed.values()) {
    const index = Math.min(Math.floor(at / MINUTE) - first, MINUTES - 1)
    if (index >= 0) bars[index] = (bars[index] ?? 0) + 1
  }
  const current = bars.at(-1) ?? 0
  const most = Math.max(...bars)
  const top = niceTop(most)
  const total = bars.reduce((total, bar) => total + bar, 0)
  const summary = `${plural(total, 'order')} in the last ${MINUTES} minutes, ${current} in this one, ${most} at most in one.`
  return (
    <figure className="panel chart">
      <figcaption>
        <h2>Orders per minute</h2>
        <p className="chart-now">
          <strong>{known ? current : '–'}</strong> <span className="muted">this minute</span>
        </p>
      </figcaption>
      <svg
        className="chart-bars"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        {[0, 0.5, 1].map((part) => (
          <line key={part} x1="0" x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} className="chart-grid" />
        ))}
        {bars.map((bar, index) => {
          const height = (bar / top) * HEIGHT
          return (
            <rect
              key={first + index}
              x={index * (BAR + GAP)}
              y={HEIGHT - height}
              width={BAR}
              height={height}
              className={index === MINUTES - 1 ? 'chart-bar chart-bar-now' : 'chart-bar'}
            />
          )
        })}
      </svg>
      <p className="chart-top muted" aria-hidden="true">
        {top}
      </p>
      <p className="chart-axis muted" aria-hidden="true">
        <span>{MINUTES} min ago</span>
        <span>now</span>
      </p>
    </figure>
  )
}

/** The end of the axis: an even number, so that its middle is one too. */
function niceTop(most: number): number {
  const steps = [4, 6, 10, 20, 30, 40, 60, 100]
  return steps.find((step) => step >= most) ?? Math.ceil(most / 100) * 100
}

function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
