// Which host it is, and what it lacks by hosts.json. This one lacks nothing; tools/runtimes.mjs writes it anew for each.

export const name = 'any'

/** @type {readonly string[]} */
export const lacks = []
