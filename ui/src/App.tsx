import { GraphiQL } from 'graphiql'
import { examples } from './examples'
import { fetcher } from './fetcher'
import { FollowSystemTheme } from './FollowSystemTheme'
import { InheritHeaders } from './InheritHeaders'

export function App() {
  return (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={examples}
      defaultEditorToolsVisibility
      inputValueDeprecation
    >
      <GraphiQL.Logo>
        <span className="brand">
          <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" />
          Orderwire
        </span>
      </GraphiQL.Logo>
      <InheritHeaders />
      <FollowSystemTheme />
    </GraphiQL>
  )
}
