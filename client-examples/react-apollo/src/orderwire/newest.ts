// Answers and live updates overtake each other. Orders and products carry a version that grows by 1 with each change:
// whatever is no newer than what the cache has is left out.
import type { ApolloCache, TypedDocumentNode } from '@apollo/client'
import { Kind } from 'graphql'

export interface Versioned {
  id: string
  version: number
}

/** Writes what the fragment selects of an entity, if that is newer than what the cache has. Tells whether it was. */
export function writeIfNewer<T extends Versioned>(cache: ApolloCache, fragment: TypedDocumentNode<T>, entity: T): boolean {
  const id = cacheId(fragment, entity.id)
  const known = cache.readFragment({ id, fragment })
  const isNewer = !known || known.version < entity.version
  if (isNewer) cache.writeFragment({ id, fragment, data: entity })
  return isNewer
}

/** Under what the cache keeps the entity that the fragment is about. */
export function cacheId<T extends Versioned>(fragment: TypedDocumentNode<T>, id: string): string {
  const [definition] = fragment.definitions
  if (definition?.kind !== Kind.FRAGMENT_DEFINITION) throw new Error('not a fragment')
  return `${definition.typeCondition.name.value}:${id}`
}
