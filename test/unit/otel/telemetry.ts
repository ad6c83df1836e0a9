import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type OpenTelemetryOptions, openTelemetry } from '../../../src/otel/index.ts'

class PulledReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE })
  }
  protected override onShutdown = () => Promise.resolve()
  protected override onForceFlush = () => Promise.resolve()
}

/** The bridge over OpenTelemetry's own SDK, and what arrived in it. */
export function telemetry(options: Pick<OpenTelemetryOptions, 'clock'> = {}) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const reader = new PulledReader()
  const meterProvider = new MeterProvider({ readers: [reader] })
  const bridge = openTelemetry({
    tracer: tracerProvider.getTracer('test'),
    meter: meterProvider.getMeter('test'),
    ...options,
  })
  return {
    bridge,
    spans: () =>
      exporter.getFinishedSpans().map(({ name, kind, status, attributes, startTime, endTime }) => ({
        name,
        kind,
        status,
        attributes,
        start: startTime[0] * 1000 + startTime[1] / 1e6,
        end: endTime[0] * 1000 + endTime[1] / 1e6,
      })),
    /** Each metric by its name: unit, and for each set of attributes the value, or count and sum. */
    metrics: async () => {
      const { resourceMetrics, errors } = await reader.collect()
      if (errors.length > 0) throw errors[0]
      const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
      return new Map(
        all.map(({ descriptor, dataPointType, dataPoints }) => [
          descriptor.name,
          {
            unit: descriptor.unit,
            points: dataPoints.map(({ attributes, value }) =>
              dataPointType === DataPointType.HISTOGRAM && typeof value === 'object' && 'sum' in value
                ? { attributes, count: value.count, sum: value.sum }
                : { attributes, value },
            ),
          },
        ]),
      )
    },
  }
}
