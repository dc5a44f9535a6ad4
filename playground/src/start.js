// GraphQL Playground takes endpoints, tabs with headers, and a token out of the page's URL. A link from elsewhere must
// not set any of them, so all that is left in the URL is the text of a query, which is shown and not run.
const query = new URLSearchParams(location.search).get('query')
history.replaceState(null, '', location.pathname + (query ? `?${new URLSearchParams({ query })}` : ''))

const endpoint = `${location.origin}/graphql`
GraphQLPlayground.init(document.getElementById('root'), {
  endpoint,
  subscriptionEndpoint: endpoint.replace(/^http/, 'ws'),
  tabs: query ? [{ endpoint, query }] : undefined,
  // Otherwise it asks for the whole schema every two seconds.
  settings: { 'schema.polling.enable': false },
})
