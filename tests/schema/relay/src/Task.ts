// An object that Relay loads again by its id, and a list in it.
import { graphql } from 'relay-runtime'

export const task = graphql`
  fragment Task_task on Task @refetchable(queryName: "TaskRefetchQuery") {
    id
    title
    status
    dueAt
    assignee {
      name
    }
    order {
      ...Task_order
    }
  }
`

export const order = graphql`
  fragment Task_order on Order
  @refetchable(queryName: "TaskOrderPageQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 5 }, before: { type: "String" }) {
    number
    total {
      amount
      currencyCode
    }
    tasks(last: $last, before: $before) @connection(key: "Task_order_tasks") {
      edges {
        node {
          id
        }
      }
    }
  }
`
