package secretstest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/secretstest/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is the fake's operations; the SDK's client has them too.
type api = conformance.API

var (
	_ api = (*secretstest.Backend)(nil)
	_ api = (*secretsmanager.Client)(nil)
)

// documented begins the address of a page of the service's documentation.
const documented = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/"

// behaviour is one thing the fake does beside the service's behaviour, which
// package conformance holds, with where that is known from.
type behaviour struct {
	name, source string
	test         func(*fixture)
}

// fixture is a fresh backend, reached in process or over HTTP, and its clock.
type fixture struct {
	*testing.T
	api
	backend *secretstest.Backend
	clock   *clock
}

// hold runs behaviours against both ways in.
func hold(t *testing.T, behaviours []behaviour) {
	t.Helper()
	for _, b := range behaviours {
		if b.source == "" {
			t.Errorf("%s: no source", b.name)
		}
		t.Run(b.name, func(t *testing.T) {
			t.Run("in process", func(t *testing.T) { b.test(newFixture(t, inProcess)) })
			t.Run("over HTTP", func(t *testing.T) { b.test(newFixture(t, overHTTP)) })
		})
	}
}

func newFixture(t *testing.T, reach func(*testing.T, *secretstest.Backend) api) *fixture {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)}
	b := secretstest.New(func(o *secretstest.Options) { o.Now = c.Now })
	return &fixture{T: t, api: reach(t, b), backend: b, clock: c}
}

func inProcess(_ *testing.T, b *secretstest.Backend) api { return b }

func overHTTP(t *testing.T, b *secretstest.Backend) api {
	t.Helper()
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	return sdkClient(t, server.URL, "us-east-1")
}

// sdkClient is the real client, without retries, so that one call is one request.
func sdkClient(t *testing.T, endpoint, region string) *secretsmanager.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: rand.Text()}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
		Retryer:    aws.NopRetryer{},
	})
}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// create makes a secret with a value and returns its first answer.
func (f *fixture) create(name, val string) *secretsmanager.CreateSecretOutput {
	f.Helper()
	out, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &val})
	must(f.T, err)
	return out
}

// put adds a version and returns its id.
func (f *fixture) put(id, val string, stages ...string) string {
	f.Helper()
	out, err := f.PutSecretValue(f.Context(), &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: &val, VersionStages: stages})
	must(f.T, err)
	return *out.VersionId
}

func (f *fixture) get(id string) *secretsmanager.GetSecretValueOutput {
	f.Helper()
	out, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	must(f.T, err)
	return out
}

// describe describes the secret s.
func (f *fixture) describe() *secretsmanager.DescribeSecretOutput {
	f.Helper()
	out, err := f.DescribeSecret(f.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	must(f.T, err)
	return out
}

// move moves a label; empty ids are left out.
func (f *fixture) move(id, stage, to, from string) error {
	_, err := f.UpdateSecretVersionStage(f.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: &stage, MoveToVersionId: optional(to), RemoveFromVersionId: optional(from),
	})
	return err
}

func (f *fixture) remove(id string) *secretsmanager.DeleteSecretOutput {
	f.Helper()
	out, err := f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{SecretId: &id})
	must(f.T, err)
	return out
}

// getErr is the error of a GetSecretValue.
func (f *fixture) getErr(id string) error {
	_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	return err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks code and message of an answer.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if answer.ErrorCode() != code || answer.ErrorMessage() != message {
		t.Errorf("got  %s: %s\nwant %s: %s", answer.ErrorCode(), answer.ErrorMessage(), code, message)
	}
}

const textNotFound = "Secrets Manager can't find the specified secret."

// notFound is the answer for a secret that is not there.
func notFound(t *testing.T, err error) {
	t.Helper()
	refused(t, err, "ResourceNotFoundException", textNotFound)
	var typed *types.ResourceNotFoundException
	if !errors.As(err, &typed) {
		t.Errorf("got %T, want a typed exception", err)
	}
}

// token is a token of the SDK's form.
func token() string { return rand.Text() + rand.Text()[:10] }

// long is a text of n bytes that means nothing.
func long(n int) string {
	text := make([]byte, 0, n+26)
	for len(text) < n {
		text = append(text, rand.Text()...)
	}
	return string(text[:n])
}
