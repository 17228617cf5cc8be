// Package secretstest is AWS Secrets Manager in memory, for tests.
//
// A [Backend] has the methods of the SDK's client, so it goes wherever a
// narrow interface over that client is asked for:
//
//	b := secretstest.New()
//	svc := NewService(b) // instead of secretsmanager.NewFromConfig(cfg)
//	...
//	for _, call := range b.Calls() { ... }
//
// [Backend.Handler] serves the same secrets in the service's own protocol, for
// the real SDK client, the AWS CLI, or a service under test in another process.
//
// # Faults
//
// [Backend.Inject] takes faults as data: which calls they hit and what happens
// to them.
//
//	remove := b.Inject(secretstest.Fault{
//		Operation: "GetSecretValue",
//		Times:     2,
//		Err:       secretstest.Throttling(),
//	})
//
// # What it is true to
//
// Codes, messages, limits, staging labels, tokens and deletion follow the
// recorded answers of the service, its documentation and its service model, in
// that order; the tests name the source of every behaviour. Where the service's
// answer is not known, the comment at the code says so.
//
// Not imitated: IAM (use a fault), request signatures, rates, the seconds a
// forced deletion takes to show, and the eventual consistency of reads, unless
// a fault with StaleBy asks for it.
package secretstest
