// A list that Relay pages, and the changes that it applies to the list.
import { graphql } from 'relay-runtime'

export const query = graphql`
  query TaskListQuery($search: String) {
    ...TaskList_tasks @arguments(search: $search)
  }
`

export const tasks = graphql`
  fragment TaskList_tasks on Query
  @refetchable(queryName: "TaskListPageQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
    search: { type: "String" }
  ) {
    tasks(first: $first, after: $after, filter: { search: $search }, orderBy: { field: DUE_AT, direction: ASC })
      @connection(key: "TaskList_tasks", filters: []) {
      __id
      edges {
        node {
          ...Task_task
        }
      }
      totalCount
    }
  }
`

export const createTask = graphql`
  mutation TaskListCreateMutation($input: CreateTaskInput!, $connections: [ID!]!) {
    createTask(input: $input) {
      task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
        ...Task_task
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`

export const deleteTask = graphql`
  mutation TaskListDeleteMutation($input: DeleteTaskInput!, $connections: [ID!]!) {
    deleteTask(input: $input) {
      deletedTaskId @deleteEdge(connections: $connections) @deleteRecord
      userErrors {
        code
      }
    }
  }
`

export const updates = graphql`
  subscription TaskListSubscription($after: EventCursor) {
    taskUpdates(after: $after) {
      cursor
      kind
      taskId
      task {
        ...Task_task
      }
    }
  }
`
