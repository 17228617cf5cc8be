// A receiver that verifies with a library: node receive.mjs, with
// { library, secret } on standard input. Prints its port, and answers every request
// with 200 or 400 until standard input ends.
import { createServer } from 'node:http'

import { input } from './input.mjs'
import { libraries } from './libraries.mjs'

const { job, ended } = await input()
const { verify } = libraries[job.library]

async function status(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  try {
    const verdict = await verify(job.secret, request.headers, Buffer.concat(chunks))
    return verdict === false ? 400 : 200
  } catch {
    return 400
  }
}

const server = createServer(async (request, response) => {
  response.writeHead(await status(request)).end()
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

await ended
server.close()
server.closeAllConnections()
