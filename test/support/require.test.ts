import { expect, test, vi } from 'vitest'
import { requirement } from './require.ts'

test('what is present is silent, what is absent says so in one line', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    expect(requirement('present', () => true)).toBe(true)
    expect(write).not.toHaveBeenCalled()
    expect(requirement('absent', () => 'no such\nthing')).toBe(false)
    expect(write.mock.calls).toEqual([['suite absent: not run, no such thing\n']])
  } finally {
    write.mockRestore()
  }
})
