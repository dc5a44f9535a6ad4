// The catalogue has no pictures. A quiet pattern, always the same for one product, helps the eye to find it again.
const PATTERNS = [
  <path key="0" d="M0 20 20 0 40 20 20 40Z" />,
  <path key="1" d="M0 0h20v20H0zM20 20h20v20H20z" />,
  <path key="2" d="M0 0a20 20 0 0 1 20 20H0zM20 20a20 20 0 0 1 20 20H20z" />,
  <path key="3" d="M20 8a12 12 0 1 1 0 24 12 12 0 0 1 0-24" />,
  <path key="4" d="M0 40 40 0v20L20 40zM0 20 20 0H0z" />,
  <path key="5" d="M0 20a20 20 0 0 1 40 0zM0 40a10 10 0 0 1 20 0zM20 40a10 10 0 0 1 20 0z" />,
]

export function Swatch({ seed }: { seed: string }) {
  let hash = 7
  for (const character of seed) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0
  const id = `swatch-${hash.toString(36)}`
  return (
    <svg className="swatch" aria-hidden="true" style={{ '--hue': hash % 360 } as React.CSSProperties}>
      <pattern id={id} width="40" height="40" patternUnits="userSpaceOnUse">
        {PATTERNS[(hash >>> 9) % PATTERNS.length]}
      </pattern>
      <rect width="100%" height="100%" fill={`url(#${id})`} />
    </svg>
  )
}
