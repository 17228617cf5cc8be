package tenantsecrets_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// tampered is a backend whose answers are altered on their way to the client. A
// nil function alters nothing.
type tampered struct {
	*secretstest.Backend
	describe func(*secretsmanager.DescribeSecretOutput, error) (*secretsmanager.DescribeSecretOutput, error)
	get      func(*secretsmanager.GetSecretValueOutput, error) (*secretsmanager.GetSecretValueOutput, error)
	create   func(*secretsmanager.CreateSecretOutput, error) (*secretsmanager.CreateSecretOutput, error)
}

func (b *tampered) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := b.Backend.DescribeSecret(ctx, in)
	return through(b.describe, out, err)
}

func (b *tampered) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := b.Backend.GetSecretValue(ctx, in)
	return through(b.get, out, err)
}

func (b *tampered) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	out, err := b.Backend.CreateSecret(ctx, in)
	return through(b.create, out, err)
}

func through[Out any](alter func(*Out, error) (*Out, error), out *Out, err error) (*Out, error) {
	if alter == nil {
		return out, err
	}
	return alter(out, err)
}

// slow makes every answer to an operation old by the time it arrives.
func (b *tampered) slow(operation string, by time.Duration) {
	switch operation {
	case "DescribeSecret":
		b.describe = later[secretsmanager.DescribeSecretOutput](by)
	case "GetSecretValue":
		b.get = later[secretsmanager.GetSecretValueOutput](by)
	}
}

func later[Out any](by time.Duration) func(*Out, error) (*Out, error) {
	return func(out *Out, err error) (*Out, error) {
		time.Sleep(by)
		return out, err
	}
}

// edit changes good answers.
func edit[Out any](change func(*Out)) func(*Out, error) (*Out, error) {
	return func(out *Out, err error) (*Out, error) {
		if err == nil {
			change(out)
		}
		return out, err
	}
}

// nothing is neither an answer nor an error.
func nothing[Out any](*Out, error) (*Out, error) { return nil, nil }

// answering gives every call the same error.
func answering[Out any](err error) func(*Out, error) (*Out, error) {
	return func(*Out, error) (*Out, error) { return nil, err }
}

// replaced is text with its first old replaced, for pointers in answers.
func replaced(text *string, old, with string) *string {
	return aws.String(strings.Replace(*text, old, with, 1))
}

// logInto makes a client log everything into a buffer.
func logInto(w *bytes.Buffer) func(*tenantsecrets.Options) {
	return func(o *tenantsecrets.Options) {
		o.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// trouble is something that goes wrong with a secret that was fine, and what the
// client is to make of it.
type trouble struct {
	what     string
	begin    func(t *testing.T, b *tampered) (end func())
	want     error
	definite bool
}

// fault is trouble that a backend makes by itself.
func fault(f secretstest.Fault) func(*testing.T, *tampered) func() {
	return func(_ *testing.T, b *tampered) func() { return b.Inject(f) }
}

// tamper is trouble that comes of altered answers.
func tamper(begin func(*tampered)) func(*testing.T, *tampered) func() {
	return func(_ *testing.T, b *tampered) func() {
		begin(b)
		return func() { b.describe, b.get, b.create = nil, nil, nil }
	}
}

// check runs in a bubble: a client that holds the secret, and one that does not,
// meet the trouble and its end.
func (tr trouble) check(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	text := document(t, nil)
	store(t, b.Backend, hmacName, text)
	holder, cold := newClient(t, b), newClient(t, b)
	held := tenantSecret(t, holder)
	end := tr.begin(t, b)

	_, err := cold.TenantSecret(t.Context(), tenant)
	tr.checkError(t, err)
	if errors.Is(err, tenantsecrets.ErrStale) {
		t.Error("a client that held nothing says that it holds something stale")
	}
	time.Sleep(defaultTTL)
	if tr.definite {
		tr.checkDefinite(t, b, holder, end)
	} else {
		tr.checkTransient(t, b, holder, held, end)
	}
	time.Sleep(time.Minute)
	tenantSecret(t, cold)
	tenantSecret(t, holder)
}

// The defaults of Options that the tests' clients go by.
const (
	defaultTTL         = 5 * time.Minute
	defaultMaxStale    = time.Hour
	defaultNegativeTTL = 30 * time.Second
)

// checkDefinite: what was held is gone at once, and the refusal is remembered.
func (tr trouble) checkDefinite(t *testing.T, b *tampered, c *tenantsecrets.Client, end func()) {
	t.Helper()
	_, err := c.TenantSecret(t.Context(), tenant)
	tr.checkError(t, err)
	end()
	b.ClearCalls()
	time.Sleep(defaultNegativeTTL - 1)
	_, err = c.TenantSecret(t.Context(), tenant)
	tr.checkError(t, err)
	if calls := operations(b.Backend); len(calls) > 0 {
		t.Errorf("a remembered refusal called %v", calls)
	}
	time.Sleep(time.Nanosecond)
	tenantSecret(t, c)
}

// checkTransient: what was held is served, with a pause between the calls, until
// it is too old.
func (tr trouble) checkTransient(t *testing.T, b *tampered, c *tenantsecrets.Client, held *tenantsecrets.TenantSecret, end func()) {
	t.Helper()
	b.ClearCalls()
	if tenantSecret(t, c) != held {
		t.Error("what was held was not served")
	}
	tried := len(b.Calls())
	if tried == 0 {
		t.Error("no load was tried")
	}
	if tenantSecret(t, c); len(b.Calls()) != tried {
		t.Error("a load began at once after one had failed")
	}
	time.Sleep(defaultMaxStale - defaultTTL)
	_, err := c.TenantSecret(t.Context(), tenant)
	tr.checkError(t, err)
	if !errors.Is(err, tenantsecrets.ErrStale) {
		t.Errorf("what is held past MaxStale: %v, want ErrStale", err)
	}
	end()
}

// checkError looks at everything but the sentinel's meaning.
func (tr trouble) checkError(t *testing.T, err error) {
	t.Helper()
	checkFailed(t, err, "TenantSecret", tr.want)
}

// checkFailed wants an *Error about the tenant's HMAC secret.
func checkFailed(t *testing.T, err error, op string, want error) {
	t.Helper()
	var e *tenantsecrets.Error
	if !errors.As(err, &e) || e.Op != op || e.Tenant != tenant || e.Name != hmacName {
		t.Fatalf("%v is no *Error of %s about %s", err, op, hmacName)
	}
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
	if !strings.HasPrefix(err.Error(), "tenantsecrets: "+op+" "+hmacName+": ") {
		t.Errorf("%q does not begin with what was asked for", err)
	}
}

// tenantSecret wants the tenant's secret.
func tenantSecret(t *testing.T, c *tenantsecrets.Client) *tenantsecrets.TenantSecret {
	t.Helper()
	s, err := c.TenantSecret(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
