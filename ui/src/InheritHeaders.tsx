import { useGraphiQL } from '@graphiql/react'
import { useEffect, useRef } from 'react'

// GraphiQL keeps headers per tab. Without this, a token pasted in one tab would have to be pasted
// again in each of the others; a tab with headers of its own keeps them.
export function InheritHeaders() {
  const { tabs, activeTabIndex, headerEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    activeTabIndex: state.activeTabIndex,
    headerEditor: state.headerEditor,
  }))
  const activeId = tabs[activeTabIndex]?.id
  const previousId = useRef(activeId)

  useEffect(() => {
    const previous = tabs.find((tab) => tab.id === previousId.current)
    previousId.current = activeId
    if (previous?.headers && headerEditor?.getValue().trim() === '') {
      headerEditor.setValue(previous.headers)
    }
    // Only a change of tab may copy headers: clearing them in one tab must stay possible.
  }, [activeId])

  return null
}
