import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A file whose suites all lack their requirement (an absent openssl, say) registers nothing.
    passWithNoTests: true,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reportsDirectory: 'coverage',
    },
    projects: [
      {
        // Everything that runs from source: no build, nothing but Node and the installed packages.
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'test/package/**', 'test/kubernetes/**'],
          // Ends what hangs. The longest take a few seconds, and many times that on a machine that does other work.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        // A real etcd and kube-apiserver: one file after the other, since each pair takes both cores while it starts.
        extends: true,
        test: {
          name: 'kubernetes',
          include: ['test/kubernetes/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Type tests are compiled, never run.
        extends: true,
        test: {
          name: 'types',
          include: [],
          benchmark: { include: [] },
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.test.json',
            // Errors elsewhere are reported once, by `npm run check`.
            ignoreSourceErrors: true,
          },
        },
      },
      {
        // The packed tarball: its global setup builds and packs once.
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: ['test/package/setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
