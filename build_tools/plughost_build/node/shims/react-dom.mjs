/** Stands in for `react-dom/client` where the page shares only `react-dom`. */

export { createRoot, hydrateRoot } from 'react-dom';
