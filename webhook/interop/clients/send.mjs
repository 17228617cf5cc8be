// Signs messages with a library and posts them: node send.mjs URL, with
// { library, messages: [{ id, at, secret, body, sent }] } on standard input. body is
// what is signed and sent is what goes out, both in base64. A message without a
// secret is not signed. Prints the status of each answer on a line of its own.
import { input } from './input.mjs'
import { libraries } from './libraries.mjs'

const url = process.argv[2]
const { job } = await input()
const { sign } = libraries[job.library]

for (const { id, at, secret, body, sent } of job.messages) {
  const message = { id, at, body: Buffer.from(body, 'base64') }
  const signed = secret ? await sign(secret, message) : {}
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signed },
    body: Buffer.from(sent, 'base64'),
    signal: AbortSignal.timeout(10_000),
  })
  await answer.arrayBuffer()
  console.log(answer.status)
}
process.exit() // keep-alive connections would hold it for a while
