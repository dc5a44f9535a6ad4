/** For the keyboard: past the header. A button, as the fragment of the address is the route. */
export function SkipLink() {
  return (
    <button type="button" className="skip-link" onClick={() => document.getElementById('main')?.focus()}>
      Skip to content
    </button>
  )
}
