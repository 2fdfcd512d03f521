import type { AppDependencies } from './context.ts';
import type { Route } from './route.ts';

const EXAMPLE =
  '# HELP aa_jobs_running Jobs that have a turn.\n# TYPE aa_jobs_running gauge\naa_jobs_running 2\n';

/** `GET /metrics`: counts for Prometheus. */
export function metricsRoutes(deps: AppDependencies): readonly Route[] {
  return [
    {
      path: '/metrics',
      methods: {
        GET: {
          id: 'getMetrics',
          summary: 'Counts and durations for Prometheus',
          answers: [
            {
              status: 200,
              description: 'The text format of Prometheus.',
              content: { type: 'text/plain' },
              example: EXAMPLE,
            },
          ],
          errors: [],
          async handle() {
            const { type, text } = await deps.metrics.render(deps.supervisor.load());
            return new Response(text, { headers: { 'Content-Type': type } });
          },
        },
      },
    },
  ];
}
