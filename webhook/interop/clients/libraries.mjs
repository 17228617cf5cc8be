// What each library calls signing and verifying. sign returns headers; verify
// throws, or returns false, where the library refuses. Bodies are Buffers, as the
// libraries ask for the raw body, and strings where they take nothing else.
import { sign as octokitSign, verify as octokitVerify } from '@octokit/webhooks-methods'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { Webhook as SvixWebhook } from 'svix'

const seconds = (at) => Math.floor(at / 1000)

export const libraries = {
  standardwebhooks: {
    sign: (secret, { id, at, body }) => ({
      'webhook-id': id,
      'webhook-timestamp': String(seconds(at)),
      'webhook-signature': new Webhook(secret).sign(id, new Date(at), body),
    }),
    verify: (secret, headers, body) => {
      new Webhook(secret).verify(body, headers, { jsonParse: false })
    },
  },

  svix: {
    sign: (secret, { id, at, body }) => ({
      'svix-id': id,
      'svix-timestamp': String(seconds(at)),
      'svix-signature': new SvixWebhook(secret).sign(id, new Date(at), body),
    }),
    verify: (secret, headers, body) => {
      try {
        new SvixWebhook(secret).verify(body, headers)
      } catch (error) {
        // Once the signature is verified it parses the body: not the matter here.
        if (!(error instanceof SyntaxError)) throw error
      }
    },
  },

  stripe: {
    sign: (secret, { at, body }) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({
        secret, timestamp: seconds(at), payload: body.toString(),
      }),
    }),
    verify: (secret, headers, body) =>
      Stripe.webhooks.signature.verifyHeader(body, headers['stripe-signature'], secret),
  },

  octokit: {
    sign: async (secret, { body }) => ({
      'x-hub-signature-256': await octokitSign(secret, body.toString()),
    }),
    verify: (secret, headers, body) =>
      octokitVerify(secret, body.toString(), headers['x-hub-signature-256']),
  },
}
