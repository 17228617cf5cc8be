package rotation_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// adversity is a service beside which other programs write, labels are moved by hand,
// reads lag behind and answers are lost.
type adversity struct{ *service }

func inAdversity(t *testing.T, test func(s adversity)) {
	t.Helper()
	inBubble(t, func(s *service) { test(adversity{s}) })
}

// The calls of an operator, which have to write.

func (s adversity) rotate(optFns ...func(*rotation.RotateOptions)) rotation.Result {
	s.Helper()
	return s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, optFns...))
}

func (s adversity) rollback(kid string) {
	s.Helper()
	s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, kid))
}

func (s adversity) revoke(kid string) rotation.Result {
	s.Helper()
	return s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, kid))
}

func (s adversity) revokeAll() rotation.Result {
	s.Helper()
	return s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
}

// name is that of the tenant's secret.
func (s adversity) name() string {
	s.Helper()
	name, err := naming.Build(tenant, "hmac_key")
	if err != nil {
		s.Fatal(err)
	}
	return name
}

// get reads a version past every cache; "" is the current one.
func (s adversity) get(version string) *secretsmanager.GetSecretValueOutput {
	s.Helper()
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.name())}
	if version != "" {
		in.VersionId = &version
	}
	out, err := s.backend.GetSecretValue(s.Context(), in)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// current is the id of the current version.
func (s adversity) current() string { return *s.get("").VersionId }

// doc is the document of a version.
func (s adversity) doc(version string) (d map[string]any) {
	s.Helper()
	if err := json.Unmarshal([]byte(*s.get(version).SecretString), &d); err != nil {
		s.Fatal(err)
	}
	return d
}

// secret is the newest key of a version.
func (s adversity) secret(version string) string { return s.doc(version)["shared_secret"].(string) }

// foreign writes a document as the console does.
func (s adversity) foreign(d map[string]any) string {
	s.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		s.Fatal(err)
	}
	out, err := s.backend.PutSecretValue(s.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(s.name()), SecretString: aws.String(string(text))})
	if err != nil {
		s.Fatal(err)
	}
	return *out.VersionId
}

// onBase is the current document as one that follows the current version.
func (s adversity) onBase() map[string]any {
	d := s.doc("")
	d["base"] = s.current()
	return d
}

// seed is a document of a program that knows neither kids nor previous keys.
func (s adversity) seed(secret string) map[string]any {
	return map[string]any{"shared_secret": secret, "created_at": dated(0), "tenant_id": tenant, "version": "1.0"}
}

// dated is a time from now as a document has it.
func dated(fromNow time.Duration) string {
	return time.Now().Add(fromNow).UTC().Format(time.RFC3339)
}

// anyKey is a key that is all one letter.
func anyKey(letter string) string { return strings.Repeat(letter, 43) }

// move moves AWSCURRENT by hand.
func (s adversity) move(from, to string) {
	s.Helper()
	if _, err := s.backend.UpdateSecretVersionStage(s.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(s.name()), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &to, RemoveFromVersionId: &from,
	}); err != nil {
		s.Fatal(err)
	}
}

// reader is another process that reads.
func (s adversity) reader(optFns ...func(*tenantsecrets.Options)) *tenantsecrets.Client {
	s.Helper()
	quiet := func(o *tenantsecrets.Options) { o.Logger = slog.New(slog.DiscardHandler) }
	c, err := tenantsecrets.New(s.backend, naming, append([]func(*tenantsecrets.Options){quiet}, optFns...)...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	return c
}

// keys are what a process works with.
func (s adversity) keys(c *tenantsecrets.Client) tenantsecrets.Keyring {
	s.Helper()
	secret, err := c.TenantSecret(s.Context(), tenant)
	if err != nil {
		s.Fatal(err)
	}
	return secret.Keys()
}

// accepts is nil if a process accepts a webhook that is signed with a key.
func (s adversity) accepts(c *tenantsecrets.Client, secret string) error {
	s.Helper()
	alone, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(secret))
	if err != nil {
		s.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(alone, []byte("body"))
	if err != nil {
		s.Fatal(err)
	}
	return c.VerifyHMAC(s.Context(), tenant, []byte("body"), signature)
}

// newRotator is another process's.
func (s adversity) newRotator(api rotation.API, optFns ...func(*rotation.Options)) *rotation.Rotator {
	s.Helper()
	r, err := rotation.New(s.client, api, optFns...)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// hooked is Secrets Manager for a process that is overtaken: the rival acts when the
// process has read, and is about to put for the first time.
type hooked struct {
	rotation.API
	once  sync.Once
	rival func()
}

func (h *hooked) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	h.once.Do(h.rival)
	return h.API.PutSecretValue(ctx, in)
}

// overtaken is the rotator of such a process.
func (s adversity) overtaken(rival func()) *rotation.Rotator {
	s.Helper()
	return s.newRotator(&hooked{API: s.backend, rival: rival})
}

// step is what Secrets Manager calls, once for every step.
type step func(context.Context, rotation.Event) error

// drive lets Secrets Manager rotate, once, with a function around the handler of a
// rotator.
func (s adversity) drive(r *rotation.Rotator, around func(handle step) step) {
	s.Helper()
	handle, err := r.Handler()
	if err != nil {
		s.Fatal(err)
	}
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	taken := around(handle)
	s.backend.RegisterLambda(arn, func(ctx context.Context, e secretstest.RotationEvent) error {
		return taken(ctx, rotation.Event(e))
	})
	if _, err := s.backend.RotateSecret(s.Context(), &secretsmanager.RotateSecretInput{
		SecretId: aws.String(s.name()), RotationLambdaARN: aws.String(arn), ClientRequestToken: aws.String(token),
	}); err != nil {
		s.Fatal(err)
	}
}
