export function Brand({ name }: { name: string }) {
  return (
    <a className="brand" href="#/">
      <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="28" height="28" />
      <span>
        Orderwire <span className="brand-app">{name}</span>
      </span>
    </a>
  )
}
