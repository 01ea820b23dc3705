/**
 * Stands in for `react/jsx-runtime` where the page shares only `react`.
 *
 * React's own reads the insides of a `react` of its version; this one does with what is public.
 */

import { createElement, Fragment } from 'react';

/** @param {any} type @param {object} props @param {unknown} [key] */
export function jsx(type, props, key) {
  return createElement(type, key === undefined ? props : { ...props, key });
}

export { Fragment, jsx as jsxs, jsx as jsxDEV };
