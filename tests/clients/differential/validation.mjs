// The rules of validation by the September 2025 edition: those of graphql-js 16, with one that it does not have in full.
import { GraphQLError, Kind, SingleFieldSubscriptionsRule, recommendedRules, specifiedRules } from 'graphql'

/**
 * A subscription has one root field, and its root has no conditions:
 * https://spec.graphql.org/September2025/#sec-Single-Root-Field
 *
 * @type {import('graphql').ValidationRule}
 */
function singleRootField(context) {
  const library = /** @type {any} */ (SingleFieldSubscriptionsRule(context))
  /**
   * The first condition in a selection set and its fragments, without the fields' own.
   *
   * @param {import('graphql').SelectionSetNode} set
   * @param {Set<string>} visited
   * @returns {import('graphql').DirectiveNode | undefined}
   */
  const condition = (set, visited) => {
    for (const selection of set.selections) {
      const own = selection.directives?.find(({ name }) => ['skip', 'include'].includes(name.value))
      if (own) return own
      if (selection.kind === Kind.FIELD) continue
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT
          ? selection
          : visited.has(selection.name.value)
            ? undefined
            : context.getFragment(selection.name.value)
      if (selection.kind === Kind.FRAGMENT_SPREAD) visited.add(selection.name.value)
      const below = fragment && condition(fragment.selectionSet, visited)
      if (below) return below
    }
    return
  }
  return {
    OperationDefinition(node, ...rest) {
      const found = node.operation === 'subscription' ? condition(node.selectionSet, new Set()) : undefined
      if (found)
        context.reportError(new GraphQLError('The root of a subscription has no conditions.', { nodes: found }))
      else library.OperationDefinition(node, ...rest)
    },
  }
}

/** @type {readonly unknown[]} */
const recommended = recommendedRules

/**
 * The rules of the specification; graphql-js recommends some besides.
 *
 * @type {readonly { name: string, rule: import('graphql').ValidationRule }[]}
 */
export const rules = specifiedRules
  .filter((rule) => !recommended.includes(rule))
  .map((rule) => ({ name: rule.name, rule: rule === SingleFieldSubscriptionsRule ? singleRootField : rule }))
