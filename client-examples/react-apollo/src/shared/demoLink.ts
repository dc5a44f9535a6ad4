/**
 * The credentials in the fragment of a demo's link (`/shop#email=…&password=…`), which are taken out of the address at
 * once. Browsers do not send a fragment to the server.
 */
export function credentialsInAddress(): { email: string; password: string } | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1))
  const email = fragment.get('email')
  const password = fragment.get('password')
  if (!email || !password) return undefined
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  dispatchEvent(new HashChangeEvent('hashchange'))
  return { email, password }
}
