import { useId, useState, type FormEvent, type ReactNode } from 'react'
import type { UserErrorPartsFragment } from '../gql/graphql'
import { messageOf } from '../orderwire/errors'
import { useSession } from './AppProvider'

const FIELDS = ['name', 'email', 'password']

/** Signing in, and making an account where `register` says so. */
export function SignIn({ title, register = false, children }: { title: string; register?: boolean; children?: ReactNode }) {
  const { session, state } = useSession()
  const [isNew, setNew] = useState(false)
  const [busy, setBusy] = useState(false)
  const [errors, setErrors] = useState<readonly UserErrorPartsFragment[]>([])
  const [failure, setFailure] = useState<string>()
  const titleId = useId()

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const text = (name: string) => String(form.get(name) ?? '')
    const credentials = { email: text('email'), password: text('password') }
    setBusy(true)
    setFailure(undefined)
    try {
      const wrong = isNew
        ? await session.register({ ...credentials, name: text('name') })
        : await session.signIn(credentials)
      setErrors(wrong)
    } catch (error) {
      setFailure(messageOf(error))
    } finally {
      setBusy(false)
    }
  }

  const errorOf = (field: string) => errors.find((error) => error.field?.at(-1) === field)?.message
  const isOfField = ({ field }: UserErrorPartsFragment) => FIELDS.includes(field?.at(-1) ?? '')
  const general = failure ?? errors.find((error) => !isOfField(error))?.message
  return (
    <section className="sign-in panel" aria-labelledby={titleId}>
      <h1 id={titleId}>{isNew ? 'Create an account' : title}</h1>
      {state.status === 'anonymous' && state.ended && (
        <p className="notice">Your session has ended. Please sign in again.</p>
      )}
      {children}
      <form onSubmit={submit} noValidate={false} aria-busy={busy}>
        {isNew && <Field label="Name" name="name" autoComplete="name" error={errorOf('name')} />}
        <Field label="E-mail" name="email" type="email" autoComplete="username" error={errorOf('email')} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
          error={errorOf('password')}
          {...(isNew && { minLength: 8, hint: '8 characters or more' })}
        />
        {general && (
          <p className="notice notice-bad" role="alert">
            {general}
          </p>
        )}
        <button className="button button-primary button-wide" disabled={busy}>
          {isNew ? 'Create account' : 'Sign in'}
        </button>
      </form>
      {register && (
        <p className="sign-in-switch">
          {isNew ? 'You have an account?' : 'New here?'}{' '}
          <button
            type="button"
            className="link"
            onClick={() => {
              setNew(!isNew)
              setErrors([])
            }}
          >
            {isNew ? 'Sign in' : 'Create an account'}
          </button>
        </p>
      )}
    </section>
  )
}

interface FieldProps {
  label: string
  name: string
  type?: 'text' | 'email' | 'password'
  autoComplete: string
  minLength?: number
  hint?: string
  error: string | undefined
}

function Field({ label, hint, error, type = 'text', ...input }: FieldProps) {
  const id = useId()
  const about = error ?? hint
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        required
        aria-invalid={error !== undefined}
        {...(about && { 'aria-describedby': `${id}-about` })}
        {...input}
      />
      {about && (
        <p id={`${id}-about`} className={error ? 'field-error' : 'field-hint'}>
          {about}
        </p>
      )}
    </div>
  )
}
