// One line of JSON from standard input: secrets come this way, since arguments and
// the environment can be read by others. ended settles once the other side is gone.
import { createInterface } from 'node:readline'

export async function input() {
  const lines = createInterface({ input: process.stdin })
  const ended = new Promise((resolve) => lines.once('close', resolve))
  const line = await new Promise((resolve, reject) => {
    lines.once('line', resolve)
    ended.then(() => reject(new Error('standard input ended before its first line')))
  })
  return { job: JSON.parse(line), ended }
}
