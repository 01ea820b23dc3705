/** Unit tests of the browser half, in a DOM without a browser; real browsers come with pytest. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'happy-dom',
    include: ['ui/tests/**/*.test.ts', 'extensions/*/tests/**/*.test.ts'],
    testTimeout: 60_000, // a busy machine takes its time
    hookTimeout: 60_000,
    clearMocks: true
  }
});
