package integration

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// limits is Secrets Manager in memory that notes which operations were called, and which
// of the calls limit the size of their answers.
type limits struct {
	*secretstest.Backend
	mu                 sync.Mutex
	limited, unlimited map[string]bool
}

func (l *limits) note(operation string, optFns []func(*secretsmanager.Options)) {
	var o secretsmanager.Options
	for _, fn := range optFns {
		fn(&o)
	}
	limited := false
	for _, option := range o.APIOptions {
		stack := middleware.NewStack(operation, nil)
		if err := option(stack); err == nil {
			limited = limited || slices.Contains(stack.Deserialize.List(), "tenantsecrets.Limit")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if limited {
		l.limited[operation] = true
	} else {
		l.unlimited[operation] = true
	}
}

// noted calls an operation of the backend.
func noted[In, Out any](l *limits, operation string, call func(context.Context, *In, ...func(*secretsmanager.Options)) (*Out, error), ctx context.Context, in *In, optFns []func(*secretsmanager.Options)) (*Out, error) { //nolint:revive // the context is the call's
	l.note(operation, optFns)
	return call(ctx, in, optFns...)
}

func (l *limits) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, o ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return noted(l, "DescribeSecret", l.Backend.DescribeSecret, ctx, in, o)
}

func (l *limits) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, o ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return noted(l, "GetSecretValue", l.Backend.GetSecretValue, ctx, in, o)
}

func (l *limits) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, o ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return noted(l, "BatchGetSecretValue", l.Backend.BatchGetSecretValue, ctx, in, o)
}

func (l *limits) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, o ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return noted(l, "CreateSecret", l.Backend.CreateSecret, ctx, in, o)
}

func (l *limits) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, o ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return noted(l, "PutSecretValue", l.Backend.PutSecretValue, ctx, in, o)
}

func (l *limits) ListSecretVersionIds(ctx context.Context, in *secretsmanager.ListSecretVersionIdsInput, o ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretVersionIdsOutput, error) { //nolint:revive // the name of the API
	return noted(l, "ListSecretVersionIds", l.Backend.ListSecretVersionIds, ctx, in, o)
}

func (l *limits) ListSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput, o ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	return noted(l, "ListSecrets", l.Backend.ListSecrets, ctx, in, o)
}

// Every call of every package limits the size of its answer.
func TestEveryAnswerIsLimited(t *testing.T) {
	l := &limits{Backend: secretstest.New(), limited: map[string]bool{}, unlimited: map[string]bool{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	naming := tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	c, err := tenantsecrets.New(l, naming)
	must(err)
	defer c.Close()
	_, err = c.CreateTenant(t.Context(), "t_abc123")
	must(err)
	values, err := tenantsecrets.New(l, naming, func(o *tenantsecrets.Options) { o.ValuesOnly = true })
	must(err)
	defer values.Close()
	_, err = values.TenantSecret(t.Context(), "t_abc123")
	must(err)
	other, err := tenantsecrets.New(l, naming)
	must(err)
	defer other.Close()
	must(other.Prefetch(t.Context(), slices.Values([]string{"t_abc123"})))
	_, err = other.Refresh(t.Context(), "t_abc123")
	must(err)

	r, err := rotation.New(c, l)
	must(err)
	_, err = r.Rotate(t.Context(), "t_abc123")
	must(err)
	_, err = r.Versions(t.Context(), "t_abc123")
	must(err)
	_, err = r.RotateAll(t.Context(), nil)
	must(err)
	p, err := provision.New(c, l)
	must(err)
	_, err = p.CreateHMACKey(t.Context(), "t_abc123", "webhook1")
	must(err)
	_, err = p.Destinations(t.Context(), "t_abc123")
	must(err)

	if len(l.unlimited) > 0 {
		t.Errorf("these calls have no limit: %v", slices.Sorted(maps.Keys(l.unlimited)))
	}
	if want := 7; len(l.limited) != want {
		t.Errorf("%d operations were called, want %d: %v", len(l.limited), want, slices.Sorted(maps.Keys(l.limited)))
	}
}
