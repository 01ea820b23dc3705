/** `definePlugin`: a plain Lumino plugin out, and wrong arguments do not compile. */

import { expect, it } from 'vitest';
import { definePlugin } from '../src/plugin';
import { ICounter, IGreeter, type TestApp } from './apps';

it('returns a plain plugin that activates with the page', () => {
  const activate = (_app: TestApp, _greeter: IGreeter, _counter: ICounter | null): void =>
    undefined;
  expect(definePlugin({ id: 'a:b', requires: [IGreeter], optional: [ICounter], activate })).toEqual(
    {
      id: 'a:b',
      autoStart: true,
      requires: [IGreeter],
      optional: [ICounter],
      activate,
      deactivate: undefined
    }
  );
});

it('holds activate to its tokens at compile time', () => {
  const wrong = [
    definePlugin({
      id: 'swapped:plugin',
      requires: [IGreeter, ICounter],
      // @ts-expect-error the arguments are swapped
      activate: (_app: TestApp, _counter: ICounter, _greeter: IGreeter) => undefined
    }),
    definePlugin({
      id: 'careless:plugin',
      optional: [IGreeter],
      // @ts-expect-error an optional service may be null
      activate: (_app: TestApp, _greeter: IGreeter) => undefined
    }),
    definePlugin({
      id: 'liar:plugin',
      provides: IGreeter,
      // @ts-expect-error what it returns is not what it provides
      activate: (_app: TestApp) => ({ count: 1 })
    })
  ];
  expect(wrong.map(({ id }) => id)).toHaveLength(3);
});
