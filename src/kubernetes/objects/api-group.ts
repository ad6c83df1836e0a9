/**
 * The API group of this project's own kinds, labels and annotations.
 *
 * @module
 */

/** Group of our CustomResourceDefinitions, and domain of every label and annotation that we write. */
export const MESH_PKI_GROUP = 'pki.mesh-pki.dev'

/** The version of the kinds in it. */
export const MESH_PKI_VERSION = 'v1alpha1'
