// Signing in and staying signed in. Needs nothing but fetch, so that any GraphQL client can be put on top.
//
// - The access token lives in memory only; the refresh token in sessionStorage, so that a reload stays signed in and
//   closing the tab does not.
// - A token is renewed before it expires, and when the server refuses it. Callers who ask meanwhile wait for the one
//   renewal that is under way: a refresh token is good once, and using it twice would end the session.
import { print } from 'graphql'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { graphql } from '../gql'
import type { LoginInput, RegisterInput, SessionPartsFragment, UserErrorPartsFragment } from '../gql/graphql'

export type SignedInUser = SessionPartsFragment['user']

export type SessionState =
  /** There is a refresh token, and the server is checking it. */
  | { status: 'restoring' }
  /** `ended`: somebody was signed in, and the server ended it. */
  | { status: 'anonymous'; ended: boolean }
  | { status: 'signed-in'; user: SignedInUser }

/** The server refused, for a reason other than the user's input. */
export class Refused extends Error {}

interface AccessToken {
  value: string
  /** On the clock of performance.now(): a third of its life before it expires, 30 s at most. */
  renewAt: number
}

/** What sessionStorage keeps. The id stays when the token rotates. */
interface Stored {
  id: string
  refreshToken: string
}

export class Session {
  #state: SessionState
  #access: AccessToken | undefined
  #renewing: Promise<string | undefined> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #release: (() => void) | undefined
  /** Whether the refresh token in sessionStorage is this tab's to use. */
  #claimed: Promise<boolean>
  readonly #listeners = new Set<() => void>()
  readonly #key: string

  /** Two apps of one origin keep their sessions apart by `name`. */
  constructor(name: string, readonly endpoint = '/graphql') {
    this.#key = `orderwire.${name}.session`
    const stored = this.#stored()
    this.#state = stored ? { status: 'restoring' } : { status: 'anonymous', ended: false }
    this.#claimed = stored ? this.#claim(stored.id) : Promise.resolve(true)
    if (stored) void this.#restore()
  }

  get state(): SessionState {
    return this.#state
  }

  /** Calls back after every change of the state or of the access token, until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The access token as it is, for those who only want to pass on a renewed one. */
  get currentToken(): string | undefined {
    return this.#access?.value
  }

  /** A token that is good for a while, or undefined when nobody is signed in. Fails when the server can't be reached. */
  async token(): Promise<string | undefined> {
    if (this.#state.status === 'anonymous') return undefined
    return this.#access && performance.now() < this.#access.renewAt ? this.#access.value : this.#renew()
  }

  /** A token other than this one, which the server refused. */
  async tokenInsteadOf(refused: string | undefined): Promise<string | undefined> {
    if (this.#state.status === 'anonymous') return undefined
    return this.#access && this.#access.value !== refused ? this.#access.value : this.#renew()
  }

  async signIn(input: LoginInput): Promise<readonly UserErrorPartsFragment[]> {
    const { data, serverTime } = await this.#post(Login, { input })
    return this.#signedIn(data.login, serverTime)
  }

  async register(input: RegisterInput): Promise<readonly UserErrorPartsFragment[]> {
    const { data, serverTime } = await this.#post(Register, { input })
    return this.#signedIn(data.register, serverTime)
  }

  /** Signed out here at once, and at the server as soon as it hears of it. */
  async signOut(): Promise<void> {
    const token = this.#access?.value
    this.#forget(false)
    if (token) await this.#post(Logout, {}, token).catch(() => {})
  }

  async #restore() {
    if (!(await this.#claimed)) return this.#forget(false)
    for (let delay = 250; this.#state.status === 'restoring'; delay = Math.min(delay * 2, 5_000)) {
      try {
        await this.#renew()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, delay))
      }
    }
  }

  #renew(): Promise<string | undefined> {
    this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = undefined))
    return this.#renewing
  }

  async #renewOnce(): Promise<string | undefined> {
    const stored = (await this.#claimed) && this.#stored()
    if (!stored) return undefined
    const { data, serverTime } = await this.#post(Refresh, { input: { refreshToken: stored.refreshToken } })
    // Signed out, or in as somebody else, while the answer was on its way.
    if (this.#stored()?.refreshToken !== stored.refreshToken) return this.#access?.value
    const { session } = data.refreshSession
    if (!session) {
      this.#forget(true)
      return undefined
    }
    this.#keep(session, serverTime, stored.id)
    return session.accessToken
  }

  async #signedIn(
    { session, userErrors }: { session?: SessionPartsFragment | null; userErrors: UserErrorPartsFragment[] },
    serverTime: number,
  ) {
    if (session) {
      this.#release?.()
      const id = crypto.randomUUID()
      this.#claimed = this.#claim(id)
      this.#keep(session, serverTime, id)
    }
    return userErrors
  }

  #keep(session: SessionPartsFragment, serverTime: number, id: string) {
    const lifetime = Date.parse(session.expiresAt) - serverTime
    const renewIn = lifetime - Math.min(lifetime / 3, 30_000)
    this.#access = { value: session.accessToken, renewAt: performance.now() + renewIn }
    const stored: Stored = { id, refreshToken: session.refreshToken }
    sessionStorage.setItem(this.#key, JSON.stringify(stored))
    this.#renewIn(renewIn)
    this.#change({ status: 'signed-in', user: session.user })
  }

  // By itself, not only when asked: an open WebSocket needs the fresh token too.
  #renewIn(delay: number) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#renew().catch(() => this.#renewIn(2_000))
    }, delay)
  }

  #forget(ended: boolean) {
    clearTimeout(this.#timer)
    this.#access = undefined
    this.#release?.()
    sessionStorage.removeItem(this.#key)
    this.#change({ status: 'anonymous', ended })
  }

  #change(state: SessionState) {
    const same =
      state.status === 'signed-in' &&
      this.#state.status === 'signed-in' &&
      state.user.id === this.#state.user.id &&
      state.user.name === this.#state.user.name &&
      state.user.role === this.#state.user.role
    if (!same) this.#state = state
    for (const listener of this.#listeners) listener()
  }

  #stored(): Stored | undefined {
    const text = sessionStorage.getItem(this.#key)
    return text ? (JSON.parse(text) as Stored) : undefined
  }

  // A duplicated tab begins with a copy of sessionStorage. The lock tells which of the two has the refresh token: the
  // other one must sign in again, because if both use it the server ends the session.
  #claim(id: string): Promise<boolean> {
    if (!('locks' in navigator)) return Promise.resolve(true)
    return new Promise((claimed) => {
      const held = new Promise<void>((release) => (this.#release = release))
      // A reloaded page may be asked before its predecessor has gone.
      navigator.locks
        .request(`orderwire.session.${id}`, { signal: AbortSignal.timeout(1_000) }, () => {
          claimed(true)
          return held
        })
        .catch(() => claimed(false))
    })
  }

  async #post<TData, TVariables>(document: TypedDocumentNode<TData, TVariables>, variables: TVariables, token?: string) {
    const response = await fetch(this.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query: print(document), variables }),
      signal: AbortSignal.timeout(20_000),
    })
    const { data, errors } = (await response.json()) as { data?: TData; errors?: { message: string }[] }
    if (!data) throw new Refused(errors?.[0]?.message ?? `HTTP ${response.status}`)
    // Lifetimes are computed with the server's clock, because the local one may be wrong. The header has no
    // milliseconds, so the last second of a token is not used.
    const second = Date.parse(response.headers.get('date') ?? '')
    return { data, serverTime: second ? second + 999 : Date.now() }
  }
}

graphql(`
  fragment SessionParts on Session {
    accessToken
    refreshToken
    expiresAt
    user {
      id
      name
      role
    }
  }
`)

graphql(`
  fragment UserErrorParts on UserError {
    code
    message
    field
  }
`)

const Login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      session {
        ...SessionParts
      }
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)

const Register = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      session {
        ...SessionParts
      }
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)

const Refresh = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) {
    refreshSession(input: $input) {
      session {
        ...SessionParts
      }
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)

const Logout = graphql(`
  mutation Logout {
    logout {
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)
