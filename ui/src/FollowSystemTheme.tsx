import { useGraphiQL } from '@graphiql/react'
import { useEffect } from 'react'

// GraphiQL's own styles follow the system at once, but its editors only ask once, at the start.
export function FollowSystemTheme() {
  const { theme, setTheme } = useGraphiQL((state) => ({
    theme: state.theme,
    setTheme: state.actions.setTheme,
  }))

  useEffect(() => {
    if (theme !== null) return
    const query = matchMedia('(prefers-color-scheme: dark)')
    const follow = () => setTheme(null)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [theme, setTheme])

  return null
}
