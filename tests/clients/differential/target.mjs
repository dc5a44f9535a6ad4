// A document whose parts can be replaced.
import { Kind, parse, visit } from 'graphql'

/** @typedef {{ start: number, end: number }} Range */

/** A request that is about to be broken. */
export class Target {
  /** @type {Map<string, (Range & { name?: any, [key: string]: any })[]>} */
  #nodes = new Map()

  /**
   * @param {string} text
   * @param {import('../lib/random.mjs').Random} random
   */
  constructor(text, random) {
    this.text = text
    this.random = random
    visit(parse(text), {
      enter: (node) => {
        const list = this.#nodes.get(node.kind) ?? []
        list.push({ ...node, start: node.loc?.start ?? 0, end: node.loc?.end ?? 0 })
        this.#nodes.set(node.kind, list)
      },
    })
  }

  /**
   * One of the nodes of these kinds.
   *
   * @param {...string} kinds
   * @returns {any}
   */
  one(...kinds) {
    const nodes = kinds.flatMap((kind) => this.#nodes.get(kind) ?? [])
    return nodes.length > 0 ? this.random.pick(nodes) : undefined
  }

  /**
   * The text with a range replaced.
   *
   * @param {Range | undefined} range
   * @param {string | ((text: string) => string)} by
   */
  replace(range, by) {
    if (!range) return
    const within = this.text.slice(range.start, range.end)
    return this.text.slice(0, range.start) + (typeof by === 'string' ? by : by(within)) + this.text.slice(range.end)
  }

  /** @param {any} node @param {string} text */
  before(node, text) {
    const start = node?.start ?? node?.loc?.start
    return node && this.replace({ start, end: start }, text)
  }

  /** @param {any} node @param {string} text */
  after(node, text) {
    return node && this.replace({ start: node.end, end: node.end }, text)
  }

  /** Puts a selection into one of the selection sets. @param {string} text */
  select(text) {
    const set = this.one(Kind.SELECTION_SET)
    return set && this.replace({ start: set.start + 1, end: set.start + 1 }, ` ${text} `)
  }

  /** @param {string} text */
  append(text) {
    return `${this.text}\n${text}`
  }

  /** Repeats one of the nodes of these kinds. @param {...string} kinds */
  twice(...kinds) {
    return this.replace(this.one(...kinds), (text) => `${text} ${text}`)
  }

  /** Puts text before the selection set of an operation or fragment. @param {any} node @param {string} text */
  head(node, text) {
    const start = node?.selectionSet?.loc?.start
    return start === undefined ? undefined : this.replace({ start, end: start }, text)
  }

  /** The place right behind a field's name and arguments. @param {any} node */
  call(node) {
    const end = node?.arguments?.at(-1)?.loc.end
    return node && (end === undefined ? node.name.loc.end : this.text.indexOf(')', end) + 1)
  }
}
