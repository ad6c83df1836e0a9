/**
 * Leases, Namespaces and Events in the in-memory API server.
 *
 * @module
 */

import { isRecord, listAt, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import { badRequest } from './api-refusal.ts'
import type { KindRules } from './fake-kind.ts'
import { subdomainFault } from './meta-rules.ts'
import { isDnsLabel, isQualifiedName } from './name-rules.ts'
import { type JsonMap, onlyMembers, withMembers, withMeta } from './stored-object.ts'

/** `meta/v1` MicroTime: exactly six digits. */
const MICRO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(?:Z|[+-]\d{2}:\d{2})$/

function decodeMicroTime(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || !MICRO_TIME.test(value) || Number.isNaN(Date.parse(value)))
    throw badRequest(
      `${path}: parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse`,
    )
  if (value.endsWith('Z')) return value
  const micros = value.slice(20, 26)
  return `${new Date(Date.parse(value)).toISOString().slice(0, 19)}.${micros}Z`
}

function decodeInteger(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value)) throw badRequest(`${path}: expects an integer`)
  return value
}

function decodeText(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw badRequest(`${path}: expects a string`)
  return value
}

/** Rules of `coordination.k8s.io/v1` Lease. */
export const LEASE_RULES: KindRules = {
  nameFault: subdomainFault,
  decode(object, { version }) {
    const spec = recordAt(object, 'spec')
    const newer = version === '1.20' ? [] : ['strategy', 'preferredHolder']
    return {
      ...onlyMembers(object, ['apiVersion', 'kind', 'metadata']),
      spec: withMembers(onlyMembers(spec, newer), {
        holderIdentity: decodeText(spec['holderIdentity'], 'LeaseSpec.HolderIdentity'),
        leaseDurationSeconds: decodeInteger(spec['leaseDurationSeconds'], 'LeaseSpec.LeaseDurationSeconds'),
        acquireTime: decodeMicroTime(spec['acquireTime'], 'LeaseSpec.AcquireTime'),
        renewTime: decodeMicroTime(spec['renewTime'], 'LeaseSpec.RenewTime'),
        leaseTransitions: decodeInteger(spec['leaseTransitions'], 'LeaseSpec.LeaseTransitions'),
      }),
    }
  },
  validate(object, causes) {
    const spec = recordAt(object, 'spec')
    if ((numberAt(spec, 'leaseDurationSeconds') ?? 1) <= 0)
      causes.invalid('spec.leaseDurationSeconds', 'must be greater than 0')
    if ((numberAt(spec, 'leaseTransitions') ?? 0) < 0)
      causes.invalid('spec.leaseTransitions', 'must be greater or equal than 0')
  },
}

/** Rules of `v1` Namespace. What is left of one is taken away by `finalize`. */
export const NAMESPACE_RULES: KindRules = {
  nameFault: (name) =>
    isDnsLabel(name)
      ? undefined
      : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'",
  onCreate(object, { version }) {
    const labels = recordAt(recordAt(object, 'metadata'), 'labels')
    const name = textAt(object['metadata'], 'name') ?? ''
    const named =
      version === '1.20'
        ? object
        : withMeta(object, { labels: { ...labels, 'kubernetes.io/metadata.name': name } })
    const spec = recordAt(object, 'spec')
    const finalizers = [...new Set([...listAt(spec, 'finalizers'), 'kubernetes'])]
    return { ...named, spec: { ...spec, finalizers }, status: { phase: 'Active' } }
  },
  onUpdate(next, before, { part }) {
    if (part === 'finalize') return { ...before, spec: next['spec'] ?? {} }
    const spec = { ...recordAt(next, 'spec'), ...onlyMembers(recordAt(before, 'spec'), ['finalizers']) }
    return { ...next, spec }
  },
}

/** The longest note of an event, in characters. */
const MAX_NOTE = 1024

/** Rules of `events.k8s.io/v1` Event, as the server of the version has them. */
export const EVENT_RULES: KindRules = {
  nameFault: subdomainFault,
  decode(object) {
    const series = object['series']
    return withMembers(object, {
      eventTime: decodeMicroTime(object['eventTime'], 'Event.EventTime'),
      series: isRecord(series) ? decodeSeries(series) : undefined,
    })
  },
  validate(object, causes, { version }) {
    if (textAt(object, 'eventTime') === undefined) causes.required('eventTime')
    const namespace = textAt(object['metadata'], 'namespace') ?? ''
    const about = textAt(object['regarding'], 'namespace') ?? ''
    // What is cluster-scoped is told of in these namespaces only.
    const common = version === '1.20' ? ['kube-system'] : ['default', 'kube-system']
    if (about === '' && !common.includes(namespace))
      causes.invalid('involvedObject.namespace', '"": does not match event.namespace')
    for (const member of ['reportingController', 'reportingInstance', 'action', 'reason']) {
      const text = textAt(object, member) ?? ''
      if (text === '') causes.required(member)
      if (text.length > 128) causes.invalid(member, '"": can have at most 128 characters')
    }
    const controller = textAt(object, 'reportingController') ?? ''
    if (controller !== '' && !isQualifiedName(controller))
      causes.invalid('reportingController', `"${controller}": not a qualified name`)
    if ((textAt(object, 'note') ?? '').length > MAX_NOTE)
      causes.invalid('message', `"": can have at most ${MAX_NOTE} characters`)
    const type = textAt(object, 'type')
    if (type !== 'Normal' && type !== 'Warning') causes.invalid('type', '"": has invalid value')
  },
}

function decodeSeries(series: JsonMap): JsonMap {
  return withMembers(series, {
    lastObservedTime: decodeMicroTime(series['lastObservedTime'], 'EventSeries.LastObservedTime'),
  })
}
