import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { JobCount, LoadNow, Metrics, MetricsPage } from '../core/metrics.ts';

/** From what the engine needs at its fastest to the longest that an operator usually lets a run take. */
const PHASE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Counts with a registry of its own, so that two services in one process don't meet. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const jobs = new Counter({
    name: 'aa_jobs_total',
    help: 'Jobs that have stopped, by how the program ended or by the error that stood in its way.',
    labelNames: ['tool', 'language', 'outcome'],
    registers,
  });
  const phases = new Histogram({
    name: 'aa_job_phase_seconds',
    help: 'How long each phase of a job took.',
    labelNames: ['phase'],
    buckets: PHASE_SECONDS,
    registers,
  });
  const engineErrors = new Counter({
    name: 'aa_engine_errors_total',
    help: 'Calls to the container engine that failed.',
    labelNames: ['code'],
    registers,
  });
  const storeErrors = new Counter({
    name: 'aa_store_errors_total',
    help: 'Calls to the artifact store or the job folders that failed.',
    labelNames: ['code'],
    registers,
  });
  const errors = new Counter({
    name: 'aa_errors_total',
    help: 'Requests that were answered with an error.',
    labelNames: ['code'],
    registers,
  });
  const running = new Gauge({ name: 'aa_jobs_running', help: 'Jobs that have a turn.', registers });
  const queued = new Gauge({ name: 'aa_jobs_queued', help: 'Jobs that wait for a turn.', registers });

  return {
    jobStopped({ tool, language, outcome, timings }: JobCount) {
      jobs.inc({ tool, language, outcome });
      for (const [phase, ms] of Object.entries(timings ?? {})) phases.observe({ phase }, ms / 1000);
    },
    engineFailed: (code) => engineErrors.inc({ code }),
    storeFailed: (code) => storeErrors.inc({ code }),
    errorAnswered: (code) => errors.inc({ code }),
    async render(now: LoadNow): Promise<MetricsPage> {
      running.set(now.running);
      queued.set(now.queued);
      return { type: registry.contentType, text: await registry.metrics() };
    },
  };
}
