import { createContext, use, useCallback, useState, type ReactNode } from 'react'

interface Toast {
  id: number
  text: string
}

const ToastContext = createContext<(text: string) => void>(() => {})

/** Tells of something in passing: shown for a while, and read out without interrupting. */
export const useToast = () => use(ToastContext)

const SHOWN_FOR = 6_000
const MOST = 3

let lastId = 0

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([])
  const show = useCallback((text: string) => {
    const toast = { id: ++lastId, text }
    setToasts((toasts) => [...toasts, toast].slice(-MOST))
    setTimeout(() => setToasts((toasts) => toasts.filter(({ id }) => id !== toast.id)), SHOWN_FOR)
  }, [])
  return (
    <ToastContext value={show}>
      {children}
      <div className="toasts" role="status">
        {toasts.map(({ id, text }) => (
          <p key={id} className="toast">
            {text}
          </p>
        ))}
      </div>
    </ToastContext>
  )
}
