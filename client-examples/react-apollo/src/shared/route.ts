import { useSyncExternalStore } from 'react'

/** Where the page is: what stands in the fragment, `#/PATH?PARAMETERS`. */
export interface Route {
  path: string
  parameters: URLSearchParams
}

export function useRoute(): Route {
  const fragment = useSyncExternalStore(subscribe, () => location.hash)
  const [path = '', parameters] = fragment.replace(/^#\/?/, '').split('?', 2)
  // Something like the anchor of a skip link.
  return { path: fragment.startsWith('#/') ? path : '', parameters: new URLSearchParams(parameters) }
}

export function replaceRoute(fragment: string) {
  if (location.hash === fragment) return
  history.replaceState(null, '', fragment)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

function subscribe(listener: () => void) {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
