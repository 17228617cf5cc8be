package tenantsecrets_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// coded is an answer with a code of the service or its front end.
func coded(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "Said by the service."}
}

// A creation that fails leaves nothing behind, and one that succeeds in the end
// has made one version, whatever was lost on the way.
func TestCreateTenantInTrouble(t *testing.T) {
	for _, tt := range []struct {
		what     string
		fault    secretstest.Fault
		want     error // nil: it succeeds
		attempts int
		effect   bool // the secret exists afterwards
	}{
		{"an answer lost", secretstest.Fault{LostAnswer: true, Times: 1}, nil, 2, true},
		{"two answers lost", secretstest.Fault{LostAnswer: true, Times: 2}, tenantsecrets.ErrUnavailable, 2, true},
		{"a connection reset", secretstest.Fault{Err: secretstest.ConnectionReset(), Times: 1}, nil, 2, true},
		{"two connections reset", secretstest.Fault{Err: secretstest.ConnectionReset(), Times: 2}, tenantsecrets.ErrUnavailable, 2, false},
		{"a server error", secretstest.Fault{Err: secretstest.InternalError(), Times: 1}, nil, 2, true},
		{"two server errors", secretstest.Fault{Err: secretstest.InternalError(), Times: 2}, tenantsecrets.ErrUnavailable, 2, false},
		{"throttled", secretstest.Fault{Err: secretstest.Throttling()}, tenantsecrets.ErrUnavailable, 1, false},
		{"a limit", secretstest.Fault{Err: coded("LimitExceededException")}, tenantsecrets.ErrRefused, 1, false},
		{"credentials expired", secretstest.Fault{Err: secretstest.ExpiredToken()}, tenantsecrets.ErrUnavailable, 1, false},
		{"access denied", secretstest.Fault{Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied, 1, false},
		{"KMS denied", secretstest.Fault{Err: secretstest.KMSDenied()}, tenantsecrets.ErrAccessDenied, 1, false},
		{"not encrypted", secretstest.Fault{Err: coded("EncryptionFailure")}, tenantsecrets.ErrAccessDenied, 1, false},
		{"invalid by shape", secretstest.Fault{Err: coded("ValidationException")}, tenantsecrets.ErrInvalidOption, 1, false},
		{"an invalid parameter", secretstest.Fault{Err: coded("InvalidParameterException")}, tenantsecrets.ErrInvalidOption, 1, false},
		{"an invalid request about a name that is not there", secretstest.Fault{Err: coded("InvalidRequestException")}, tenantsecrets.ErrPendingDeletion, 1, false},
		{"an unknown code", secretstest.Fault{Err: coded("NeverHeardOfException")}, tenantsecrets.ErrUnavailable, 1, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			tt.fault.Operation = "CreateSecret"
			remove := b.Inject(tt.fault)
			c := newClient(t, b)

			s, err := c.CreateTenant(t.Context(), tenant, under("signup 42"))
			if tt.want != nil {
				checkFailed(t, err, "CreateTenant", tt.want)
			} else if err != nil {
				t.Fatal(err)
			}
			creates := slices.DeleteFunc(operations(b), func(op string) bool { return op != "CreateSecret" })
			if len(creates) != tt.attempts {
				t.Errorf("%d attempts, want %d", len(creates), tt.attempts)
			}
			if exists := look(t, b).text != ""; exists != tt.effect {
				t.Errorf("the secret exists: %v, want %v", exists, tt.effect)
			}

			remove()
			again := created(t, c, under("signup 42"))
			if s != nil {
				checkSame(t, again, s)
			}
			checkOneVersion(t, b, again.VersionID())
			checkSame(t, tenantSecret(t, newClient(t, b)), again)
		})
	}
}

// Without an idempotency key a creation whose outcome is unknown is not lost
// either: it is ErrExists from then on, and is there to be read.
func TestCreateTenantLostWithoutKey(t *testing.T) {
	b := secretstest.New()
	remove := b.Inject(secretstest.Fault{Operation: "CreateSecret", LostAnswer: true})
	c := newClient(t, b)
	_, err := c.CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
	remove()
	_, err = c.CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrExists)
	checkOneVersion(t, b, tenantSecret(t, c).VersionID())
}

func TestCreateTenantCancelledBefore(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	b.create = func(out *secretsmanager.CreateSecretOutput, err error) (*secretsmanager.CreateSecretOutput, error) {
		t.Error("a call was made that nobody waits for")
		return out, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, b).CreateTenant(ctx, tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that the context was cancelled", err)
	}
	checkOperations(t, b.Backend)
}

// A caller that gives up gets its answer at once, and the same call later has
// one secret, whether the first took effect or not.
func TestCreateTenantCancelledDuring(t *testing.T) {
	const late = 10 * time.Second
	for what, tt := range map[string]struct {
		begin  func(ctx context.Context, t *testing.T, b *tampered)
		effect bool
	}{
		"before it took effect": {
			begin: func(_ context.Context, _ *testing.T, b *tampered) {
				b.Inject(secretstest.Fault{Operation: "CreateSecret", Delay: late, Times: 1})
			},
		},
		"after it took effect": {
			begin: func(ctx context.Context, _ *testing.T, b *tampered) {
				b.create = func(_ *secretsmanager.CreateSecretOutput, _ error) (*secretsmanager.CreateSecretOutput, error) {
					<-ctx.Done()
					return nil, &smithy.CanceledError{Err: context.DeadlineExceeded}
				}
			},
			effect: true,
		},
		"while it looks whose the secret is": {
			begin: func(_ context.Context, t *testing.T, b *tampered) {
				created(t, newClient(t, b), under("signup 42"))
				b.Inject(secretstest.Fault{Operation: "GetSecretValue", Delay: late, Times: 1})
			},
			effect: true,
		},
		"while it waits for a lagging read": {
			begin: func(_ context.Context, t *testing.T, b *tampered) {
				created(t, newClient(t, b), under("signup 42"))
				b.Inject(secretstest.Fault{Operation: "GetSecretValue", StaleBy: time.Hour, Times: 2})
				b.Inject(secretstest.Fault{Operation: "GetSecretValue", Delay: late, After: 1, Times: 1})
			},
			effect: true,
		},
		"while it reads the secret": {
			begin: func(_ context.Context, t *testing.T, b *tampered) {
				created(t, newClient(t, b), under("signup 42"))
				b.Inject(secretstest.Fault{Operation: "DescribeSecret", Delay: late, Times: 1})
			},
			effect: true,
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tampered{Backend: secretstest.New()}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				tt.begin(ctx, t, b)
				start := time.Now()
				_, err := newClient(t, b).CreateTenant(ctx, tenant, under("signup 42"))
				checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not say that the deadline has passed", err)
				}
				if waited := time.Since(start); waited != time.Second {
					t.Errorf("returned after %v, want 1s", waited)
				}
				if exists := look(t, b.Backend).text != ""; exists != tt.effect {
					t.Errorf("the secret exists: %v, want %v", exists, tt.effect)
				}
				b.create = nil
				again := created(t, newClient(t, b), under("signup 42"))
				checkOneVersion(t, b.Backend, again.VersionID())
			})
		})
	}
}

// Closing the client ends a creation's wait like every other.
func TestCreateTenantClosedDuring(t *testing.T) {
	for _, operation := range []string{"GetSecretValue", "DescribeSecret"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				created(t, newClient(t, b), under("signup 42"))
				b.Inject(secretstest.Fault{Operation: operation, StaleBy: time.Hour})
				b.Inject(secretstest.Fault{Operation: operation, Delay: time.Millisecond})
				c := newClient(t, b)
				time.AfterFunc(time.Microsecond, c.Close)
				_, err := c.CreateTenant(t.Context(), tenant, under("signup 42"))
				checkFailed(t, err, "CreateTenant", tenantsecrets.ErrClosed)
			})
		})
	}
}

// After a lost answer no read is needed; where another process repeats the
// creation, the version is looked for until reads have caught up.
func TestCreateTenantLaggingReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		b.Inject(secretstest.Fault{Operation: "CreateSecret", LostAnswer: true, Times: 1})
		b.Inject(secretstest.Fault{StaleBy: 600 * time.Millisecond})
		s := created(t, newClient(t, b), under("signup 42"))
		checkOperations(t, b, "CreateSecret", "CreateSecret")

		start := time.Now()
		checkSame(t, created(t, newClient(t, b), under("signup 42")), s)
		checkOperations(t, b, "CreateSecret", "GetSecretValue", "GetSecretValue", "GetSecretValue", "GetSecretValue",
			"DescribeSecret", "GetSecretValue")
		if waited := time.Since(start); waited != 750*time.Millisecond {
			t.Errorf("waited %v for reads that lag 600ms, want 750ms", waited)
		}
	})
}

// What was created is held, so a not-found of the next seconds is a read that
// lags behind. After that it is the truth.
func TestCreateTenantThenNotFound(t *testing.T) {
	for _, tt := range []struct {
		age  time.Duration
		want error
	}{
		{9999 * time.Millisecond, nil},
		{10 * time.Second, tenantsecrets.ErrNotFound},
	} {
		t.Run(tt.age.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				c := newClient(t, b, func(o *tenantsecrets.Options) { o.TTL = time.Second })
				s := created(t, c)
				time.Sleep(tt.age)
				b.Inject(secretstest.Fault{StaleBy: time.Hour})
				b.ClearCalls()
				got, err := c.TenantSecret(t.Context(), tenant)
				checkOperations(t, b, "DescribeSecret")
				if tt.want != nil {
					checkFailed(t, err, "TenantSecret", tt.want)
				} else if got != s {
					t.Errorf("got %v (%v), want what was created", got, err)
				}
			})
		})
	}
}

// A load that began before the creation and ends after it found what was there
// before: nobody gets it.
func TestCreateTenantDuringLoad(t *testing.T) {
	for _, tt := range []struct {
		what   string
		before func(*testing.T, *secretstest.Backend)
		found  string // the operation whose answer comes too late
	}{
		{"of nothing", func(*testing.T, *secretstest.Backend) {}, "DescribeSecret"},
		{"of a scheduled secret", func(t *testing.T, b *secretstest.Backend) {
			store(t, b, hmacName, document(t, nil))
			deleteLater(t, b)
		}, "DescribeSecret"},
		{"of another secret", func(t *testing.T, b *secretstest.Backend) {
			store(t, b, hmacName, document(t, nil))
		}, "GetSecretValue"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tampered{Backend: secretstest.New()}
				tt.before(t, b.Backend)
				b.slow(tt.found, time.Second)
				c := newClient(t, b)
				joined := make(chan *tenantsecrets.TenantSecret)
				go func() {
					s, err := c.TenantSecret(t.Context(), tenant)
					if err != nil {
						t.Error(err)
					}
					joined <- s
				}()
				synctest.Wait()
				deleteNow(t, b.Backend)
				s := created(t, c)
				if tenantSecret(t, c) != s {
					t.Error("the process does not read what it created")
				}
				if <-joined != s || tenantSecret(t, c) != s {
					t.Error("the load of before has replaced what was created")
				}
			})
		})
	}
}

// Answers to a creation are believed no more than any others.
func TestCreateTenantTampered(t *testing.T) {
	type output = secretsmanager.CreateSecretOutput
	for what, alter := range map[string]func(*output, error) (*output, error){
		"another name":     edit(func(out *output) { out.Name = aws.String("prod/formbridge/t_abc124/hmac_key") }),
		"no name":          edit(func(out *output) { out.Name = nil }),
		"another version":  edit(func(out *output) { out.VersionId = aws.String("775dff08-e11c-883e-bb8e-1e5540be8e90") }),
		"no version":       edit(func(out *output) { out.VersionId = nil }),
		"no ARN":           edit(func(out *output) { out.ARN = nil }),
		"another account":  edit(func(out *output) { out.ARN = replaced(out.ARN, "123456789012", "210987654321") }),
		"another Region":   edit(func(out *output) { out.ARN = replaced(out.ARN, "us-east-1", "eu-west-1") }),
		"another tenant's": edit(func(out *output) { out.ARN = replaced(out.ARN, tenant, "t_abc124") }),
	} {
		t.Run(what, func(t *testing.T) {
			var logged bytes.Buffer
			b := &tampered{Backend: secretstest.New(), create: alter}
			c := newClient(t, b, logInto(&logged), func(o *tenantsecrets.Options) { o.Account, o.Region = "123456789012", "us-east-1" })
			_, err := c.CreateTenant(t.Context(), tenant)
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrWrongTenant)
			if strings.Count(logged.String(), "level=ERROR") != 1 || !strings.Contains(logged.String(), hmacName) {
				t.Errorf("logged %q, want one error about %s", logged.String(), hmacName)
			}
			b.ClearCalls()
			tenantSecret(t, c)
			checkOperations(t, b.Backend, "DescribeSecret", "GetSecretValue")
		})
	}
}

// Nor are those by which an earlier attempt is recognized.
func TestCreateTenantAgainTampered(t *testing.T) {
	type output = secretsmanager.GetSecretValueOutput
	for what, alter := range map[string]func(*output, error) (*output, error){
		"another name":    edit(func(out *output) { out.Name = aws.String("prod/formbridge/t_abc124/hmac_key") }),
		"another version": edit(func(out *output) { out.VersionId = aws.String("775dff08-e11c-883e-bb8e-1e5540be8e91") }),
		"another account": edit(func(out *output) { out.ARN = replaced(out.ARN, "123456789012", "210987654321") }),
	} {
		t.Run(what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New(), get: alter}
			var logged bytes.Buffer
			c := newClient(t, b, logInto(&logged))
			created(t, c, under("signup 42"))
			_, err := c.CreateTenant(t.Context(), tenant, under("signup 42"))
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrWrongTenant)
			if !strings.Contains(logged.String(), "level=ERROR") {
				t.Error("nothing was logged")
			}
		})
	}
}

// An answer that does not say which secret it is about says nothing: the creation is sent
// once more under the same token, and its outcome is unknown where that gets no better.
func TestCreateTenantAnsweredWithNothing(t *testing.T) {
	type output = secretsmanager.CreateSecretOutput
	for what, alter := range map[string]func(*output, error) (*output, error){
		"no output":    nothing[output],
		"empty output": func(*output, error) (*output, error) { return &output{}, nil },
	} {
		t.Run(what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New(), create: alter}
			c := newClient(t, b)
			_, err := c.CreateTenant(t.Context(), tenant, under("signup 42"))
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
			checkOperations(t, b.Backend, "CreateSecret", "CreateSecret")
			b.create = nil
			created(t, c, under("signup 42"))
		})
	}
}
