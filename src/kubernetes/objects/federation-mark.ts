/**
 * What the federation flow writes on objects to know them again.
 *
 * @module
 */

import { MESH_PKI_GROUP } from './api-group.ts'
import { GlooLabel } from './names.ts'

/** Labels and annotations of the flow. */
export interface FederationMarks {
  /** Label: the namespace of the agent that an object belongs to. */
  readonly agent: string
  /** The same, as Gloo Mesh's agent writes it: it refuses every `cacerts` without. */
  readonly glooAgent: string
  /** Label: whose an object on the management cluster, or an order, is. */
  readonly owner: string
  /** Annotation: which round of issuance a key or a request is of. */
  readonly round: string
  /** Annotation of a `cacerts`: which wish it fulfils, which authority is above it, and since when. */
  readonly wish: string
  readonly authority: string
  /** Annotation of a `cacerts`: the wish for which it was taken over as it was. */
  readonly adopted: string
  /** Annotation of what was written by a leader: which tenure of its Lease that was. */
  readonly fence: string
  readonly installedAt: string
  /** Annotations of a `cacerts`: the sequence of the bundle in it, and which rollover numbered that. */
  readonly bundle: string
  readonly rollover: string
  /** Annotation of a `cacerts`: until when workload certificates under earlier authorities may be valid, as JSON. */
  readonly ledger: string
}

/** The names of these. */
export const FederationMark: FederationMarks = {
  agent: `${MESH_PKI_GROUP}/agent`,
  glooAgent: GlooLabel.agent,
  owner: `${MESH_PKI_GROUP}/owner`,
  round: `${MESH_PKI_GROUP}/round`,
  wish: `${MESH_PKI_GROUP}/wish`,
  authority: `${MESH_PKI_GROUP}/authority`,
  adopted: `${MESH_PKI_GROUP}/adopted`,
  fence: `${MESH_PKI_GROUP}/fence`,
  installedAt: `${MESH_PKI_GROUP}/installed-at`,
  bundle: `${MESH_PKI_GROUP}/bundle`,
  rollover: `${MESH_PKI_GROUP}/rollover`,
  ledger: `${MESH_PKI_GROUP}/ledger`,
}
