// Receives a webhook: verifies, drops what comes twice, notices holes, and appends each event to a file before it answers.
// Run it with: SECRET=whsec_… node receiver.mjs [PORT] [FILE]
import { createHmac, timingSafeEqual } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '9000', file = 'events.jsonl'] = process.argv.slice(2);
const key = Buffer.from((process.env.SECRET ?? '').replace(/^whsec_/, ''), 'base64');
if (key.length === 0) throw new Error('set SECRET to the secret of the webhook, whsec_…');

const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
const ids = lines.map((line) => JSON.parse(line).data.id);
const taken = new Set(ids);
let last = ids.at(-1);

function verified(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures = '' } = headers;
  if (Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const expected = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest();
  return signatures.split(' ').some((signature) => {
    const [version, text = ''] = signature.split(',');
    const given = Buffer.from(text, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function receive(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!verified(request.headers, body)) return 401;
  const id = request.headers['webhook-id'];
  const previous = request.headers['orderwire-previous-id'];
  if (request.headers['orderwire-test'] || taken.has(id)) return 200;
  if (previous && last && previous !== last) console.error(`hole: ${previous} should come between ${last} and ${id}`);
  appendFileSync(file, `${JSON.stringify(JSON.parse(body))}\n`, { flush: true });
  taken.add(id);
  last = id;
  return 200;
}

createServer(async (request, response) => {
  const status = await receive(request).catch((error) => (console.error(error), 500));
  response.writeHead(status).end();
}).listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
