/** The link to the server: when it is tried again, and what is opened again with it. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Answer, type ILine, Link, LONGEST_PAUSE, pause } from '../../src/kernels/link';

let answer: Answer;
let asked: number;
let link: Link;

beforeEach(() => {
  vi.useFakeTimers();
  answer = 'up';
  asked = 0;
  link = new Link(async () => {
    asked += 1;
    return answer;
  });
});

afterEach(() => {
  link.dispose();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

/** A connection that opens once the server lets it. */
function line(opens: () => boolean): ILine & { tries: number } {
  return {
    isDown: true,
    tries: 0,
    async reconnect() {
      this.tries += 1;
      (this as { isDown: boolean }).isDown = !opens();
    }
  };
}

it('pauses longer each time, but for no more than half a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 99].map(pause)).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000
  ]);
});

it('is no outage when a suspicion is unfounded', async () => {
  const changed = vi.fn();
  link.changed.connect(changed);
  await link.suspect();
  expect(asked).toBe(1);
  expect(link.outage).toBeNull();
  expect(changed).not.toHaveBeenCalled();
});

it('asks again for as long as it takes, and lets everybody know who waits', async () => {
  answer = 'down';
  const back = vi.fn();
  void link.suspect().then(back);
  await settle();
  expect(link.outage).toMatchObject({ tries: 1, next: Date.now() + 1000, refused: false });
  await vi.advanceTimersByTimeAsync(40 * LONGEST_PAUSE);
  expect(asked).toBeGreaterThan(40);
  expect(back).not.toHaveBeenCalled();
  answer = 'up';
  await vi.advanceTimersByTimeAsync(LONGEST_PAUSE);
  expect(back).toHaveBeenCalledOnce();
  expect(link.outage).toBeNull();
  const before = asked;
  await vi.advanceTimersByTimeAsync(LONGEST_PAUSE);
  expect(asked).toBe(before);
});

it.each([
  ['somebody wants it', () => link.retry()],
  ['the network is back', () => window.dispatchEvent(new Event('online'))],
  ['the page is looked at', () => document.dispatchEvent(new Event('visibilitychange'))]
])('asks at once when %s', async (_, happens) => {
  answer = 'refused';
  void link.suspect();
  await settle();
  expect(link.outage?.refused).toBe(true);
  answer = 'up';
  happens();
  await settle();
  expect(asked).toBe(2);
  expect(link.outage).toBeNull();
});

it('says that the server answers before connections are open', async () => {
  const answered = vi.fn();
  link.answered.connect(answered);
  link.lost(line(() => false));
  await settle();
  expect(answered).toHaveBeenCalledOnce();
  expect(link.outage).not.toBeNull();
});

it('opens lost connections again and is back only with all of them', async () => {
  let opens = false;
  const lost = line(() => opens);
  link.lost(lost);
  await settle();
  expect(link.outage).toMatchObject({ tries: 1 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(lost.tries).toBe(2);
  opens = true;
  link.retry();
  await settle();
  expect(link.outage).toBeNull();
});

it('does not wait for ever for a connection that neither opens nor fails', async () => {
  const lost: ILine = { isDown: true, reconnect: () => new Promise(() => undefined) };
  link.lost(lost);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(link.outage?.tries).toBeGreaterThan(1);
});

it('forgets a connection that nobody needs any more', async () => {
  const lost = { isDown: true, reconnect: () => Promise.reject(new Error('no')) };
  link.lost(lost);
  await settle();
  expect(link.outage).not.toBeNull();
  lost.isDown = false;
  link.retry();
  await settle();
  expect(link.outage).toBeNull();
});
