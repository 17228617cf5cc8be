// Package webhook verifies the webhooks that tenants send to you, and signs those that you
// send to them.
//
// A [Verifier] wraps a handler. The tenant ID comes from the route, and the keys from a
// tenantsecrets.Client:
//
//	v, err := webhook.New(client) // Standard Webhooks; see Options for other schemes
//	verified := v.Middleware(webhook.PathTenant("tenant"))
//	mux.Handle("POST /webhooks/{tenant}", verified(handler))
//
// The handler runs only for verified webhooks. It reads the body as usual, and gets the
// tenant and the key that signed the webhook from [FromContext]. All other requests are
// answered with 401, 413 or 503 and no reason; Options.Observe is given the reason. To
// verify without a handler, call [Verifier.Verify].
//
// Webhooks that you send are signed with a key of their destination:
//
//	signer, err := webhook.NewSigner(client)
//	hooks := &http.Client{Transport: signer.Transport(nil, "t_abc123", "webhook1")}
//
// # Schemes
//
// All schemes use HMAC-SHA256. They differ in what is signed and in the headers:
//
//	StandardWebhooks  id.timestamp.body  Webhook-Id, Webhook-Timestamp, Webhook-Signature
//	Svix              id.timestamp.body  Svix-Id, Svix-Timestamp, Svix-Signature, or the above
//	Stripe            timestamp.body     Stripe-Signature
//	Slack             v0:timestamp:body  X-Slack-Request-Timestamp, X-Slack-Signature
//	TimestampedPair   timestamp.body     X-Timestamp, X-Signature
//	GitHub            body               X-Hub-Signature-256
//	Shopify           body               X-Shopify-Hmac-Sha256
//
// GitHub and Shopify sign no timestamp. A webhook of theirs can be sent again at any time,
// so the receiver must remember what it has processed. The timestamps of all other schemes
// are always checked; this cannot be turned off. To add a scheme of your own, implement the
// three methods of [Scheme].
//
// Use a key with one scheme only. GitHub signs only the body, and Stripe timestamp.body.
// Suppose both use one key: whoever can make the tenant's system send the body
// 1767323045.{...} as a GitHub webhook has a signed Stripe message, with a timestamp of
// their choice. The other way round, a Stripe message can be sent again at any time as a
// GitHub webhook. So [New] refuses a second Verifier of a client if its scheme signs other
// bytes, unless Options.SecondScheme is set. New does not see other processes, two clients
// of the same secrets, a [KeySource] of your own, or other uses of the key by the sender.
//
// Schemes that sign the same bytes count as one: a message of one is also a message of the
// other. Give their Verifiers the same [ReplayGuard]. Otherwise each of them accepts the
// message once.
//
// # Order of the checks
//
// Cheap checks come first: the headers, the timestamp, the declared length of the body, the
// body, the keys, the signatures, the replay guard. So a malformed or late request causes
// no load, and no body above the limit is hashed. If several checks fail, an invalid tenant
// ID is reported first.
//
// Before a well-formed signature is refused, the client looks for newer keys; see
// tenantsecrets.Client.Verify.
//
// # Answers to senders
//
// 401 is final: most senders drop the message or disable the webhook. It is sent only after
// a complete check: the signature is malformed, late or a replay; no key made it, and newer
// keys were looked for; or the tenant does not exist, is suspended, or is scheduled for
// deletion.
//
// If newer keys could not be looked for, a signature that no cached key made may be valid,
// because the key that made it may be new. That error is tenantsecrets.ErrUnconfirmed. The
// answer is 503 with Retry-After, so the sender tries again. Newer keys cannot be looked
// for
//
//   - in an outage of Secrets Manager,
//   - while the budget for such loads is spent,
//   - if another such signature caused a load for this tenant 1 to 10 s ago.
//
// The answer is also 503 for a tenant ID that is not cached and cannot be looked up because
// of an outage or a spent budget, whether the tenant exists or not. [Status] has the whole
// list.
//
// What a sender can find out: in normal operation, one request with one key to a real
// tenant and one to an unknown tenant ID get the same bytes after the same work, once no
// load is needed. In a flood, or with repeated requests, a real tenant ID can be told from
// an unknown one: between two loads a real tenant gets 503, while an unknown ID gets 401
// for 30 s; a request that waits for a load takes longer; and each further key of a tenant
// costs one hash. Tenant IDs are not secrets: do not rely on nobody knowing them.
//
// # Stricter than other libraries
//
// This table has what this package refuses and another library accepts. The tests in
// interop compare them, in the versions that its go.mod and package.json name. The senders
// of these schemes send none of it, except a body over MaxBody:
//
//	refused                          accepted by                   reason
//	a header twice                   all but octokit               each may take another one
//	a header over 4 KiB              standardwebhooks, svix,       limits the work
//	                                 stripe
//	over 8 signatures                standardwebhooks, svix,       a secret has at most 8
//	                                 stripe                        live keys
//	a timestamp such as +1 or 01,    standardwebhooks, svix,       the text that is hashed
//	in npm also 1e0 or 1.0           stripe, slack-go              and the value that is
//	                                                               checked must agree
//	a timestamp in the future        stripe-go, stripe             it could be replayed until
//	                                                               that time
//	two members t                    stripe-go, stripe             which of them is checked
//	                                                               must be clear
//	an ID with a dot or a space      standardwebhooks, svix        id.timestamp.body could
//	                                                               be read in two ways
//	upper-case hex                   stripe-go, go-github,         one text for a signature
//	                                 slack-go
//	v1,SIGNATURE,more                standardwebhooks, svix        one text for a signature
//	v1=SIGNATURE=, or no =           stripe (npm)                  not in the scheme
//	Svix and Webhook headers mixed   svix                          no sender does it
//	SHA-1 and SHA-512                go-github                     outdated, or never sent
//	a body over MaxBody              all                           the body is in memory
//
// Conversely, stripe-go refuses a header in which a member has two "=", and the npm
// libraries refuse a body that is not UTF-8, because they hash another text.
package webhook
