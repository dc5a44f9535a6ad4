import { statusName } from '../shared/orders'
import type { Activity } from './useBoard'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** The latest events, newest first. Not a live region: on a busy day a screen reader would never stop. */
export function ActivityList({ activity }: { activity: readonly Activity[] }) {
  return (
    <section className="panel activity" aria-labelledby="activity-title">
      <h2 id="activity-title">Activity</h2>
      {activity.length === 0 ? (
        <p className="muted activity-empty">What happens from now on shows here.</p>
      ) : (
        <ol tabIndex={0} aria-labelledby="activity-title">
          {activity.map(({ cursor, kind, number, customer, from, to, at }) => (
            <li key={cursor} data-order={number} data-status={to}>
              <time className="muted" dateTime={at}>
                {clock.format(new Date(at))}
              </time>
              <span className="activity-text">
                <b>{number}</b>{' '}
                {kind === 'CREATED' && `placed by ${customer}`}
                {kind !== 'CREATED' && (from ? `${statusName(from)} → ${statusName(to)}` : 'changed')}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
