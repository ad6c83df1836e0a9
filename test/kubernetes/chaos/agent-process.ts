/**
 * An agent that is killed right after its next write was done.
 */
import { argv, kill, pid } from 'node:process'
import { kubeHttpsTransport } from '../../../src/kubernetes/in-cluster/index.ts'
import { agentController, KubeClient } from '../../../src/kubernetes/index.ts'

const { server, ca, certificate, key, agentNamespace, namespace, target } = JSON.parse(argv[2] ?? '')
const inner = kubeHttpsTransport({ server, ca, clientCertificate: certificate, clientKey: key })
const client = new KubeClient(
  {
    watch: (request) => inner.watch(request),
    async request(request) {
      const answer = await inner.request(request)
      // Nothing is said, nothing is cleaned up.
      if (request.method !== 'GET' && answer.status < 300) kill(pid, 'SIGKILL')
      return answer
    },
  },
  { fieldManager: 'mesh-pki-agent' },
)
await agentController(client, { agentNamespace, namespace, target }).run(new AbortController().signal)
