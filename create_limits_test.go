package tenantsecrets_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// create creates the tenant and tells how long that took.
func create(ctx context.Context, c *tenantsecrets.Client, optFns ...func(*tenantsecrets.CreateOptions)) answer {
	began := time.Now()
	s, err := c.CreateTenant(ctx, tenant, optFns...)
	return answer{s, err, time.Since(began)}
}

// Closing the client ends the one request that matters too, and sends no other.
func TestCreateTenantClosedDuringCreateSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		b.Inject(secretstest.Fault{Operation: createCall, Delay: time.Hour})
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.LoadTimeout = -1 })
		time.AfterFunc(time.Second, c.Close)
		create(t.Context(), c).fails(t, time.Second, tenantsecrets.ErrClosed)
		checkOperations(t, b, createCall)
	})
}

// What Secrets Manager answers after Close is no success.
func TestCreateTenantAnsweredAfterClose(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	c := newClient(t, b)
	b.create = func(out *secretsmanager.CreateSecretOutput, err error) (*secretsmanager.CreateSecretOutput, error) {
		c.Close()
		return out, err
	}
	_, err := c.CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrClosed)
}

// A caller without a deadline waits LoadTimeout for each request.
func TestCreateTenantWithoutAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		silent string
		took   time.Duration
		calls  []string
	}{
		"creating":  {createCall, 2 * loadTimeout, []string{createCall, createCall}},
		"looking":   {getCall, loadTimeout, []string{createCall, getCall}},
		"reading":   {describeCall, loadTimeout, []string{createCall, getCall, describeCall}},
		"all of it": {"", 2 * loadTimeout, []string{createCall, createCall}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				created(t, newClient(t, b), under("signup 42"))
				b.ClearCalls()
				b.Inject(secretstest.Fault{Operation: test.silent, Delay: time.Hour})
				a := create(context.Background(), newClient(t, b), under("signup 42"))
				a.fails(t, test.took, tenantsecrets.ErrUnavailable)
				checkOperations(t, b, test.calls...)
			})
		})
	}
	t.Run("asking why it is refused", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			deleteLater(t, b)
			b.Inject(secretstest.Fault{Operation: describeCall, Delay: time.Hour})
			create(context.Background(), newClient(t, b)).fails(t, loadTimeout, tenantsecrets.ErrUnavailable)
		})
	})
}

// What the caller's context carries, a trace for one, reaches the requests that
// are made for this caller alone.
func TestCreateTenantPassesItsContextOn(t *testing.T) {
	type trace struct{}
	b := &tapped{Backend: secretstest.New()}
	ctx := context.WithValue(t.Context(), trace{}, "the caller's")
	calls := 0
	b.before = func(ctx context.Context, operation string) {
		calls++
		if ctx.Value(trace{}) != "the caller's" {
			t.Errorf("%s has no value of the caller's", operation)
		}
	}
	for _, step := range []struct {
		prepare func()
		calls   int
		want    error
	}{
		{func() {}, 1, nil},
		{func() {}, 2, tenantsecrets.ErrExists}, // and a look whose it is
		{func() { deleteLater(t, b.Backend) }, 2, tenantsecrets.ErrPendingDeletion}, // and a look why
	} {
		step.prepare()
		calls = 0
		_, err := newClient(t, b).CreateTenant(ctx, tenant)
		if !errors.Is(err, step.want) || calls != step.calls {
			t.Errorf("%d calls and %v, want %d and %v", calls, err, step.calls, step.want)
		}
	}
}

// uncertain is how CreateTenant can end without having created the secret, as far
// as it knows, and the secret is there all the same.
var uncertain = map[string]func(*testing.T, *tampered, *tenantsecrets.Client){
	"answers lost": func(t *testing.T, b *tampered, c *tenantsecrets.Client) {
		defer b.Inject(secretstest.Fault{Operation: createCall, LostAnswer: true})()
		create(t.Context(), c).fails(t, 0, tenantsecrets.ErrUnavailable)
	},
	"given up": func(t *testing.T, b *tampered, c *tenantsecrets.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		b.create = func(*secretsmanager.CreateSecretOutput, error) (*secretsmanager.CreateSecretOutput, error) {
			cancel()
			return nil, &smithy.CanceledError{Err: ctx.Err()}
		}
		create(ctx, c).fails(t, 0, tenantsecrets.ErrUnavailable, context.Canceled)
	},
	"the name taken": func(t *testing.T, b *tampered, c *tenantsecrets.Client) {
		store(t, b.Backend, hmacName, document(t, nil))
		create(t.Context(), c).fails(t, 0, tenantsecrets.ErrExists)
	},
}

// After that, a not-found that is remembered of before is not repeated, one of the
// next seconds is a read that lags behind, and one after them is the truth.
func TestNotFoundAfterAnUncertainCreation(t *testing.T) {
	const lag = 10 * time.Second
	for name, end := range uncertain {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tampered{Backend: secretstest.New()}
				c := newClient(t, b)
				ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
				end(t, b, c)
				created := time.Now()
				b.ClearCalls()

				remove := b.Inject(secretstest.Fault{StaleBy: time.Hour})
				for _, age := range []time.Duration{0, lag - 1} {
					time.Sleep(time.Until(created.Add(age)))
					a := ask(t.Context(), c)
					a.fails(t, 0, tenantsecrets.ErrUnavailable)
					if errors.Is(a.err, tenantsecrets.ErrNotFound) {
						t.Errorf("%v after it was created it is not found: %v", age, a.err)
					}
					checkOperations(t, b.Backend, describeCall)
				}
				time.Sleep(2 * time.Second) // the longest pause after two failures
				ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
				remove()
				time.Sleep(negativeTTL)
				tenantSecret(t, c)
			})
		})
	}
}

// Nothing else that is remembered is forgotten: neither a definite no nor the
// pause after a failure has to do with the creation.
func TestUncertainCreationForgetsNotFoundAlone(t *testing.T) {
	for name, test := range map[string]struct{ answer, want error }{
		"denied":    {secretstest.AccessDenied(), tenantsecrets.ErrAccessDenied},
		"throttled": {secretstest.Throttling(), tenantsecrets.ErrUnavailable},
	} {
		for how, end := range uncertain {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &tampered{Backend: secretstest.New()}
					c := newClient(t, b)
					b.Inject(secretstest.Fault{Operation: describeCall, Err: test.answer})
					ask(t.Context(), c).fails(t, 0, test.want)
					end(t, b, c)
					b.ClearCalls()
					ask(t.Context(), c).fails(t, 0, test.want)
					checkOperations(t, b.Backend)
				})
			})
		}
	}
}

// Where the first answer is lost and the second says that the name is taken, the
// one that took it may be this very call, and a read of that may lag behind.
func TestCreateTenantFindsWhatItsLostAttemptCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &tampered{Backend: secretstest.New()}
		b.Inject(secretstest.Fault{Operation: createCall, LostAnswer: true, Times: 1})
		b.Inject(secretstest.Fault{Operation: getCall, StaleBy: 600 * time.Millisecond})
		b.create = func(out *secretsmanager.CreateSecretOutput, err error) (*secretsmanager.CreateSecretOutput, error) {
			if err == nil {
				err = coded("ResourceExistsException")
			}
			return out, err
		}
		a := create(t.Context(), newClient(t, b))
		if a.err != nil || a.took != 750*time.Millisecond {
			t.Fatalf("got %v after %v, want the secret after the reads that lag behind", a.err, a.took)
		}
		checkOneVersion(t, b.Backend, a.secret.VersionID())
	})
}
