import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** The folder of third-party path-validation cases, which are data beside the repository. */
export const conformanceFolder = resolve(process.env['MESH_PKI_CONFORMANCE'] ?? '../shared/conformance')

export const conformanceAvailable = (): true | string =>
  existsSync(conformanceFolder) ? true : 'no conformance cases; MESH_PKI_CONFORMANCE names their folder'
