// Package webhook verifies the webhooks that a tenant sends, and signs those that
// go out to it.
//
// A [Verifier] sits in front of a handler. Which tenant a request claims to be of
// comes from the route, and the keys from a tenantsecrets.Client:
//
//	v, err := webhook.New(client) // Standard Webhooks; see Options for the others
//	verified := v.Middleware(webhook.PathTenant("tenant"))
//	mux.Handle("POST /webhooks/{tenant}", verified(handler))
//
// The handler runs for signed requests alone. It reads the body as usual, and
// learns from [FromContext] whose it is and which key signed it. Everybody else
// gets 401, 413 or 503 and not a word about why; [Options].Observe is told. Without
// a handler, call [Verifier.Verify].
//
// What goes out is signed with a key of the destination's own:
//
//	signer, err := webhook.NewSigner(client)
//	hooks := &http.Client{Transport: signer.Transport(nil, "t_abc123", "webhook1")}
//
// # Schemes
//
// All are HMAC-SHA256. What is signed differs, and how it is written:
//
//	StandardWebhooks  id.timestamp.body  Webhook-Id, Webhook-Timestamp, Webhook-Signature
//	Svix              id.timestamp.body  Svix-Id, Svix-Timestamp, Svix-Signature, or the above
//	Stripe            timestamp.body     Stripe-Signature
//	Slack             v0:timestamp:body  X-Slack-Request-Timestamp, X-Slack-Signature
//	TimestampedPair   timestamp.body     X-Timestamp, X-Signature
//	GitHub            body               X-Hub-Signature-256
//	Shopify           body               X-Shopify-Hmac-Sha256
//
// GitHub and Shopify sign no time: what was sent once can be sent again for ever,
// and the receiver has to know what it has handled. In all others the timestamp
// is checked, and nothing turns that off. A scheme of your own is three methods,
// see [Scheme].
//
// Use a key with one scheme. GitHub signs the body alone, and Stripe time.body: with one
// key under both, whoever gets the tenant's system to send the body 1767323045.{...} in
// the way of GitHub has a signed Stripe message, at a time of their choice. The other way
// round, a Stripe message can be sent again for ever as a GitHub one. So [New] refuses a
// second Verifier of a client whose scheme signs other bytes, unless Options.SecondScheme
// is set. New cannot see other processes, two clients of the same secrets, [Keys] of your
// own, or what a sender does with the key elsewhere.
//
// Schemes that sign the same bytes are treated as one: a message of one is the same
// message of the other. Give their Verifiers the same [ReplayGuard], else each accepts it
// once.
//
// # In which order
//
// What costs least comes first: the tenant id's syntax, the headers, the time, the
// declared length of the body, the body, the keys, its tags, the replay guard. So
// a request that is malformed or late costs no load, and no body beyond the limit
// is ever hashed.
//
// Before a well-formed signature is refused, the client looks for newer keys; see
// tenantsecrets.Client.Verify.
//
// # What a sender is told
//
// 401 is final, and most senders drop the message or switch the webhook off. It is sent
// only where the question was answered: the signature is malformed or late, or a replay;
// newer keys were looked for and none made it; there is no such tenant, or it is
// suspended or scheduled for deletion.
//
// Where newer keys could not be looked for, a signature that no known key made may be
// valid: its key may be a minute old. That is tenantsecrets.ErrUnconfirmed. The answer is
// 503 with Retry-After, and the sender tries again. Newer keys cannot be looked for
//
//   - in an outage of Secrets Manager,
//   - while the budget for such loads is spent,
//   - for a tenant whose keys were looked up because of another such signature 1 to 10 s
//     ago.
//
// The answer is also 503 for a tenant ID that is not cached and cannot be looked up, in
// an outage or with a spent budget, whether there is such a tenant or not. [Status] has
// the whole list.
//
// What a sender can find out: in calm, one request to a real tenant with one key and one
// to a made-up tenant get the same bytes after the same work, once the answer needs no
// load. Under a flood or by repeated probing a tenant ID can be recognised: a real
// tenant gets 503 between two loads and a made-up one 401 for 30 s, a load takes longer
// than none, and a tenant with several keys costs a hash for each. Tenant IDs are not
// secrets: do not build on nobody knowing them.
//
// # Stricter than others
//
// What is refused here and accepted by a library that the tests in interop compare
// with, in the versions that its go.mod and package.json name. The senders of these
// schemes send none of it, but for the last:
//
//	refused                          accepted by                   because
//	a header twice                   all but octokit               each may take another one
//	over 4 KiB of one                standardwebhooks, svix,       the work is bounded
//	                                 stripe
//	over 8 signatures                standardwebhooks, svix,       a secret has 8 live keys
//	                                 stripe
//	a timestamp such as +1 or 01,    standardwebhooks, svix,       what is checked and what
//	in npm also 1e0 or 1.0           stripe, slack-go              is hashed are one text
//	a timestamp in the future        stripe-go, stripe             it would be good for as
//	                                                               long as the signer likes
//	two t, of which the last counts  stripe-go, stripe             the first is as good
//	an id with a dot or a space      standardwebhooks, svix        id.timestamp.body could
//	                                                               be read in two ways
//	upper-case hex                   stripe-go, go-github,         one text a signature
//	                                 slack-go
//	v1,SIGNATURE,more                standardwebhooks, svix        one text a signature
//	v1=SIGNATURE=, or no =           stripe (npm)                  not in the scheme
//	Svix and Webhook headers mixed   svix                          nobody sends it
//	SHA-1 and SHA-512                go-github                     old, or never sent
//	a body over MaxBody              all                           it is in memory by then
//
// The other way round, stripe-go refuses a header in which a member has two "=",
// and the npm libraries a body that is not UTF-8: they hash another text.
package webhook
