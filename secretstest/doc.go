// Package secretstest is AWS Secrets Manager in memory, for tests.
//
// A [Backend] has the methods of the SDK's client, so it goes wherever a
// narrow interface over that client is asked for. A test of one's own service:
//
//	b := secretstest.New()
//	_, err := b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String(password)})
//	svc := NewService(b) // instead of secretsmanager.NewFromConfig(cfg)
//	got, err := svc.Connect(ctx)
//	// check got, err and what was called: b.Calls()
//
// # With faults
//
// [Backend.Inject] takes faults as data: which calls they hit, and what happens
// to them. A throttled service, a slow one, an answer that is lost after the
// effect, and reads of the state of a few seconds ago:
//
//	defer b.Inject(
//		secretstest.Fault{Operation: "GetSecretValue", Times: 2, Err: secretstest.Throttling()},
//		secretstest.Fault{SecretID: "db", Delay: 3 * time.Second},
//		secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true, Probability: 0.1, Seed: 1},
//		secretstest.Fault{Operation: "GetSecretValue", StaleUpTo: 5 * time.Second, Seed: 1},
//	)()
//
// Delays are those of a testing/synctest bubble where there is one. Permissions
// are a hook, [Options].Allow, and [Backend.SetKMSKey] denies or disables a key.
//
// # With a rotation in the middle
//
// The Lambda function is a Go function. [Backend.RotateSecret] calls it for every
// step before it returns, so the test decides when the secret changes:
//
//	b.RegisterLambda(arn, func(ctx context.Context, e secretstest.RotationEvent) error { ... })
//	before, err := svc.Connect(ctx)
//	_, err = b.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String("db"), RotationLambdaARN: &arn})
//	after, err := svc.Connect(ctx)
//
// Where the new value alone matters, PutSecretValue is rotation enough.
//
// # Over HTTP
//
// [Backend.Handler] serves the same secrets, faults and call log in the
// service's own protocol, for the real SDK client, the AWS CLI, or a service
// under test in another process:
//
//	server := httptest.NewServer(b.Handler())
//	cmd := exec.Command("./service")
//	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SECRETS_MANAGER="+server.URL,
//		"AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
//
// Signatures are not checked. The Region is the one a request is signed for, and
// the account is the access key's, by [Options].AccessKeys.
//
// The command secretstest/cmd/secretstest serves a backend without a Go test:
// GET /healthz tells when it is up, POST /reset deletes everything between two
// tests, and -account ACCESSKEY=ACCOUNT gives each access key its own account:
//
//	go run github.com/formbridge/tenantsecrets/secretstest/cmd/secretstest -account AKIDFIRST=111111111111 -account AKIDSECOND=222222222222
//
// # What it is true to
//
// Codes, messages, limits, staging labels, tokens, deletion, search and
// rotation follow the recorded answers of the service, tests that others have
// run against it, its own texts in reports, its documentation and its service
// model, in that order. Package conformance has the table of them, with the
// source of every behaviour, and runs it against any server. Where the
// service's answer is not known, the table calls it a choice and the comment at
// the code says so.
//
// Not imitated:
//
//   - replication: its operations answer InvalidRequestException with a text that
//     says so, and AddReplicaRegions is refused
//   - secrets owned by other services or of a partner's Type, which is refused too
//   - request signatures
//   - conditions in policies: an Allow with one never applies, a Deny always does
//   - rates
//   - rotations that start by themselves
//   - the seconds a forced deletion takes to show, and the lag of reads and lists,
//     unless a fault asks for it
//
// An unknown operation and an unreadable request get a text beside the code; the
// service's own are not recorded.
package secretstest
