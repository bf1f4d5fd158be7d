// The edge under load: six clients of four people ask all kinds of questions for half a minute, and every answer is
// looked through for namespaces that its reader may not see. Loopback only, bounded in time and in clients.
import http from 'k6/http';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const BASE = __ENV.HECATE || 'http://127.0.0.1:7070';
if (!/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(BASE)) {
  throw new Error(`HECATE=${BASE} is not on loopback: this scenario makes load, so it goes nowhere else`);
}

// Answers that named a namespace outside the reader's scope.
const leaks = new Counter('leaks');

export const options = {
  scenarios: {
    readers: { executor: 'constant-vus', vus: 6, duration: '30s', gracefulStop: '5s' },
  },
  thresholds: {
    leaks: ['count==0'],
    checks: ['rate==1'],
    http_req_duration: ['p(99)<2000'],
  },
};

const TENANTS = ['team-vision', 'team-nlp', 'team-ranking'];
const PEOPLE = [
  { token: 'demo-alice', sees: ['team-vision'] },
  { token: 'demo-bob', sees: ['team-nlp'] },
  { token: 'demo-carol', sees: ['team-ranking', 'team-nlp'] },
  { token: 'demo-admin', sees: TENANTS },
];

// Where a tenant's name stands, over the rows of the policy, plus shapes that try to look past the scope.
const QUERIES = [
  ['namespace', 'sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=""}[5m]))'],
  ['namespace', 'count by (namespace) (kube_pod_info)'],
  ['namespace', 'sum by (namespace) (kube_pod_info) or sum by (namespace) (kube_pod_info{namespace=~".+"})'],
  ['namespace', 'max by (namespace) (max_over_time(kube_pod_info{namespace!=""}[10m:1m]))'],
  ['exported_namespace', 'avg by (exported_namespace) (DCGM_FI_DEV_GPU_UTIL{exported_namespace!=""})'],
  ['job_namespace', 'sum by (job_namespace) (training_operator_jobs_created_total)'],
  ['dspa_namespace', 'min by (dspa_namespace) (data_science_pipelines_application_ready)'],
];

function ask(person, path, form) {
  return http.post(`${BASE}${path}`, form, { headers: { Authorization: `Bearer ${person.token}` }, tags: { path } });
}

// Everything that one answer names, against what its reader may see: nothing else, and nothing missing.
function judge(person, response, named) {
  const allowed = person.sees;
  const foreign = named.filter((namespace) => TENANTS.includes(namespace) && !allowed.includes(namespace));
  leaks.add(foreign.length);
  check(response, {
    'answered with 200': (answer) => answer.status === 200,
    'all own namespaces are there': () => allowed.every((namespace) => named.includes(namespace)),
    'no foreign namespace is there': () => foreign.length === 0,
  });
}

// The values of one label in an answer to a query.
function labelsOf(response, label) {
  if (response.status !== 200) return [];
  return response.json('data.result').map((series) => series.metric[label]).filter((value) => value);
}

export default function () {
  const person = PEOPLE[(__VU + __ITER) % PEOPLE.length];
  const [label, query] = QUERIES[__ITER % QUERIES.length];

  const instant = ask(person, '/api/v1/query', { query });
  judge(person, instant, labelsOf(instant, label));

  const end = Math.floor(Date.now() / 15000) * 15;
  const range = ask(person, '/api/v1/query_range', { query, start: String(end - 3600), end: String(end), step: '15' });
  judge(person, range, labelsOf(range, label));

  const series = ask(person, '/api/v1/series', { 'match[]': 'kube_pod_info' });
  judge(person, series, series.status === 200 ? series.json('data').map((one) => one.namespace) : []);

  // Somebody else's namespace by name is refused, and the refusal names nobody else.
  const other = TENANTS.find((namespace) => !person.sees.includes(namespace));
  if (other) {
    const refused = http.get(`${BASE}/ns/${other}/api/v1/query?query=kube_pod_info`, {
      headers: { Authorization: `Bearer ${person.token}` },
      responseCallback: http.expectedStatuses(403),
      tags: { path: '/ns/…/api/v1/query' },
    });
    check(refused, { 'a foreign namespace is 403': (answer) => answer.status === 403 });
  }

  const stranger = http.get(`${BASE}/api/v1/query?query=up`, {
    responseCallback: http.expectedStatuses(401),
    tags: { path: 'no token' },
  });
  check(stranger, { 'no token is 401': (answer) => answer.status === 401 });
}
