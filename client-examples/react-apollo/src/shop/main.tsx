import '../styles/base.css'
import '../styles/shop.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { AppProvider, createApp } from '../shared/AppProvider'
import { App } from './App'

const app = createApp('shop')

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <AppProvider app={app}>
      <App />
    </AppProvider>
  </StrictMode>,
)
