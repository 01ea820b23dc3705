/** The size budget: what an extension may cost whoever opens the page. */

import { BuildError, problem } from './events.mjs';
import { packagesIn } from './packages.mjs';
import { BUDGETS, placeOf } from './source.mjs';
import { bytes, list } from './words.mjs';

/** @typedef {{start: number, total: number}} Sizes in bytes over the wire */

/** What no page loads: for the server, for other builds, for people, for debuggers. */
const ASIDE =
  /^(?:plughost\.json|packages\.json|outside\.json|third-party-licenses\.json|types-[A-Z0-9]{8}\.json\.gz|schemas\/.*|.*\.map)$/;

/** How many are named as the heaviest. */
const NAMED = 5;

/**
 * When a file is loaded: `start`, `shared` (when a module of that name is asked for), `later`, or
 * `aside` for those that no page loads.
 *
 * @param {string} name
 * @param {import('./bundle.mjs').Bundle} bundle
 */
export function partOf(name, bundle) {
  if (ASIDE.test(name)) {
    return 'aside';
  }
  if ([bundle.module, ...bundle.styles, ...bundle.preload].includes(name)) {
    return 'start';
  }
  return Object.values(bundle.provides).some(each => each.file === name) ? 'shared' : 'later';
}

/**
 * Hold what is to be handed over against the source's budget.
 *
 * @param {import('./source.mjs').Source} source
 * @param {import('./bundle.mjs').Bundle} bundle
 * @param {import('./files.mjs').Files} files with compressed twins
 * @returns {Sizes}
 * @throws {BuildError} where it is exceeded
 */
export function checkBudget(source, bundle, files) {
  const sizes = measure(bundle, files);
  const wrong = BUDGETS.filter(each => sizes[each] > (source.budget[each] ?? Infinity));
  if (wrong.length > 0) {
    throw new BuildError(
      wrong.map(each =>
        problem(
          `${each === 'start' ? 'What is loaded at the start' : 'All that pages load'} is ${bytes(sizes[each])} over the wire, ${bytes(sizes[each] - Number(source.budget[each]))} more than its budget.`,
          {
            ...placeOf(source.text, 'plughost', 'budget', each),
            hint: each === 'start' ? startAdvice(bundle) : totalAdvice(bundle, files)
          }
        )
      )
    );
  }
  return sizes;
}

/** @param {import('./bundle.mjs').Bundle} bundle @param {import('./files.mjs').Files} files */
function measure(bundle, files) {
  const sizes = { start: 0, total: 0 };
  for (const [name, size] of loaded(bundle, files)) {
    sizes.total += size;
    sizes.start += partOf(name, bundle) === 'start' ? size : 0;
  }
  return sizes;
}

/** What pages load, with its bytes over the wire. @param {import('./bundle.mjs').Bundle} bundle @param {import('./files.mjs').Files} files */
function loaded(bundle, files) {
  return [...files]
    .filter(([name]) => !/\.(?:br|gz)$/.test(name) && partOf(name, bundle) !== 'aside')
    .map(
      ([name, contents]) =>
        /** @type {const} */ ([name, (files.get(`${name}.br`) ?? contents).length])
    );
}

/** @param {import('./bundle.mjs').Bundle} bundle */
function startAdvice(bundle) {
  const heaviest = packagesIn(bundle.startSizes)
    .slice(0, NAMED)
    .map(each => `${each.name} (${bytes(each.bytes)})`);
  return `Heaviest before compression: ${list(heaviest)}. Load what can wait with import(), or raise the budget.`;
}

/** @param {import('./bundle.mjs').Bundle} bundle @param {import('./files.mjs').Files} files */
function totalAdvice(bundle, files) {
  const heaviest = loaded(bundle, files)
    .sort(([, one], [, other]) => other - one)
    .slice(0, NAMED)
    .map(([name, size]) => `${name} (${bytes(size)})`);
  return `Heaviest: ${list(heaviest)}. Leave out what is not needed, or raise the budget.`;
}
