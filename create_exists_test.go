package tenantsecrets_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// checkRefusedCreation wants a creation to fail and what is stored to stay as it
// is.
func checkRefusedCreation(t *testing.T, b *tampered, want error, optFns ...func(*tenantsecrets.CreateOptions)) {
	t.Helper()
	before := look(t, b.Backend)
	_, err := newClient(t, b).CreateTenant(t.Context(), tenant, optFns...)
	checkFailed(t, err, "CreateTenant", want)
	if after := look(t, b.Backend); !reflect.DeepEqual(before, after) {
		t.Error("a refused creation changed what is stored")
	}
}

func TestCreateTenantNeverOverwrites(t *testing.T) {
	for what, occupy := range map[string]func(*testing.T, *secretstest.Backend){
		"ours":              func(t *testing.T, b *secretstest.Backend) { created(t, newClient(t, b)) },
		"ours, under a key": func(t *testing.T, b *secretstest.Backend) { created(t, newClient(t, b), under("first")) },
		"another writer's":  func(t *testing.T, b *secretstest.Backend) { store(t, b, hmacName, document(t, nil)) },
		"no document":       func(t *testing.T, b *secretstest.Backend) { store(t, b, hmacName, "?") },
		"ours, changed since": func(t *testing.T, b *secretstest.Backend) {
			created(t, newClient(t, b))
			put(t, b, hmacName, document(t, nil))
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tampered{Backend: secretstest.New()}
				occupy(t, b.Backend)
				checkRefusedCreation(t, b, tenantsecrets.ErrExists)
				checkRefusedCreation(t, b, tenantsecrets.ErrExists, under("second"))
			})
		})
	}
}

// ErrExists says that the secret can be read, and so it can: a not-found that is
// remembered from before does not stand in the way.
func TestCreateTenantExistsThenRead(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	if _, err := c.TenantSecret(t.Context(), tenant); !errors.Is(err, tenantsecrets.ErrNotFound) {
		t.Fatal(err)
	}
	s := created(t, newClient(t, b))
	b.ClearCalls()
	if _, err := c.CreateTenant(t.Context(), tenant); !errors.Is(err, tenantsecrets.ErrExists) {
		t.Fatal(err)
	}
	checkOperations(t, b, "CreateSecret", "GetSecretValue")
	checkSame(t, tenantSecret(t, c), s)
}

// Nor does one stand in the way of what an earlier attempt has created.
func TestCreateTenantAgainThenRead(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	if _, err := c.TenantSecret(t.Context(), tenant); !errors.Is(err, tenantsecrets.ErrNotFound) {
		t.Fatal(err)
	}
	s := created(t, newClient(t, b), under("signup 42"))
	checkSame(t, created(t, c, under("signup 42")), s)
	checkSame(t, tenantSecret(t, c), s)
}

// The same key gives the same secret, from this process and every other, for as
// long as it is the tenant's.
func TestCreateTenantAgain(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	s := created(t, c, under("signup 42"))
	b.ClearCalls()

	checkSame(t, created(t, c, under("signup 42")), s)
	checkOperations(t, b, "CreateSecret", "GetSecretValue", "DescribeSecret")

	other := newClient(t, b)
	checkSame(t, created(t, other, under("signup 42")), s)
	checkOperations(t, b, "CreateSecret", "GetSecretValue", "DescribeSecret", "GetSecretValue")
	checkSame(t, tenantSecret(t, other), s)
	checkOperations(t, b)
	checkOneVersion(t, b, s.VersionID())
}

// After a rotation the key gives what is current, not what it created.
func TestCreateTenantAgainAfterRotation(t *testing.T) {
	b := secretstest.New()
	s := created(t, newClient(t, b), under("signup 42"))
	rotated := put(t, b, hmacName, document(t, nil))
	again := created(t, newClient(t, b), under("signup 42"))
	if again.VersionID() != rotated || again.Secret().Equal(s.Secret()) {
		t.Errorf("got %v, want version %s", again, rotated)
	}
}

// The version id follows from the name and the idempotency key alone, so that a
// repeated creation is recognized across processes and releases.
func TestCreateTenantToken(t *testing.T) {
	token := func(n tenantsecrets.Naming, tenant, key string) string {
		b := secretstest.New()
		c, err := tenantsecrets.New(b, n)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, err := c.CreateTenant(t.Context(), tenant, under(key))
		if err != nil {
			t.Fatal(err)
		}
		return s.VersionID()
	}
	// The first half of SHA-256 over "tenantsecrets create", NUL, the name, NUL and
	// the key, as a UUID of version 8 (RFC 9562), from Python's hashlib.
	const vector = "775dff08-e11c-883e-bb8e-1e5540be8e90"
	if got := token(naming, tenant, "signup 42"); got != vector {
		t.Errorf("token is %s, want %s", got, vector)
	}
	seen := make(map[string]string)
	for what, got := range map[string]string{
		"the vector":          vector,
		"another key":         token(naming, tenant, "signup 43"),
		"another tenant":      token(naming, "t_abc124", "signup 42"),
		"another environment": token(tenantsecrets.Naming{Environment: "test", Service: "formbridge"}, tenant, "signup 42"),
		"another service":     token(tenantsecrets.Naming{Environment: "prod", Service: "billing"}, tenant, "signup 42"),
		"no key":              token(naming, tenant, ""),
		"no key, again":       token(naming, tenant, ""),
	} {
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s have the token %s", what, other, got)
		}
		seen[got] = what
	}
}

// A secret that is deleted and created again under the same key has the same
// version id, and is another secret for all who held the first.
func TestCreateTenantAgainAfterDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		reader := newClient(t, b)
		first := created(t, newClient(t, b), under("signup 42"))
		checkSame(t, tenantSecret(t, reader), first)
		time.Sleep(time.Second)
		deleteNow(t, b)
		second := created(t, newClient(t, b), under("signup 42"))
		if second.VersionID() != first.VersionID() || second.Secret().Equal(first.Secret()) {
			t.Fatalf("got %v and %v, want two secrets of one version id", first, second)
		}
		time.Sleep(defaultTTL)
		checkSame(t, tenantSecret(t, reader), second)
	})
}

func TestCreateTenantPendingDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &tampered{Backend: secretstest.New()}
		c := newClient(t, b)
		first := created(t, c, under("signup 42"))
		deleteLater(t, b.Backend)
		b.ClearCalls()

		_, err := c.CreateTenant(t.Context(), tenant)
		checkFailed(t, err, "CreateTenant", tenantsecrets.ErrPendingDeletion)
		checkOperations(t, b.Backend, "CreateSecret", "DescribeSecret")
		checkRefusedCreation(t, b, tenantsecrets.ErrPendingDeletion)
		checkRefusedCreation(t, b, tenantsecrets.ErrPendingDeletion, under("signup 42"))

		time.Sleep(30 * 24 * time.Hour)
		if second := created(t, c); second.VersionID() == first.VersionID() {
			t.Error("after its recovery window the deleted secret came back")
		}
	})
}

// The deletion is scheduled after CreateSecret has found the name taken.
func TestCreateTenantPendingDeletionMeanwhile(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	created(t, newClient(t, b), under("signup 42"))
	b.create = func(out *secretsmanager.CreateSecretOutput, err error) (*secretsmanager.CreateSecretOutput, error) {
		deleteLater(t, b.Backend)
		return out, err
	}
	b.ClearCalls()
	_, err := newClient(t, b).CreateTenant(t.Context(), tenant, under("signup 42"))
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrPendingDeletion)
	checkOperations(t, b.Backend, "CreateSecret", "DeleteSecret", "GetSecretValue", "DescribeSecret")
}

// Where it cannot be seen why Secrets Manager refused, no reason is invented.
func TestCreateTenantRefusedForUnknownReason(t *testing.T) {
	for what, tt := range map[string]struct{ answer, want error }{
		"throttled": {secretstest.Throttling(), tenantsecrets.ErrUnavailable},
		"denied":    {secretstest.AccessDenied(), tenantsecrets.ErrAccessDenied},
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			store(t, b, hmacName, document(t, nil))
			deleteLater(t, b)
			b.Inject(secretstest.Fault{Operation: "DescribeSecret", Err: tt.answer})
			_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
			checkFailed(t, err, "CreateTenant", tt.want)
		})
	}
}

// An invalid request is about the options where no deletion is scheduled.
func TestCreateTenantRefusedWithoutDeletion(t *testing.T) {
	b := secretstest.New()
	store(t, b, hmacName, document(t, nil))
	b.Inject(secretstest.Fault{Operation: "CreateSecret", Err: coded("InvalidRequestException")})
	_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrInvalidOption)
}

// Of many who create one tenant at once, one does, and the others are told.
func TestCreateTenantAtOnce(t *testing.T) {
	for what, clients := range map[string]int{"one process": 1, "four processes": 4} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			secrets, errs := createAtOnce(t, b, clients)
			if len(secrets) != 1 {
				t.Fatalf("%d creations succeeded, want 1", len(secrets))
			}
			for _, err := range errs {
				checkFailed(t, err, "CreateTenant", tenantsecrets.ErrExists)
			}
			checkOneVersion(t, b, secrets[0].VersionID())
			checkSame(t, tenantSecret(t, newClient(t, b)), secrets[0])
		})
	}
}

// Under one idempotency key all of them are the one.
func TestCreateTenantAtOnceUnderOneKey(t *testing.T) {
	b := secretstest.New()
	secrets, errs := createAtOnce(t, b, 4, under("signup 42"))
	for _, err := range errs {
		t.Error(err)
	}
	for _, s := range secrets {
		checkSame(t, s, secrets[0])
	}
	checkOneVersion(t, b, secrets[0].VersionID())
}

// createAtOnce creates the tenant 32 times and sorts what comes of it.
func createAtOnce(t *testing.T, b *secretstest.Backend, clients int, optFns ...func(*tenantsecrets.CreateOptions)) (secrets []*tenantsecrets.TenantSecret, errs []error) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for range clients {
		c := newClient(t, b)
		for range 32 / clients {
			all.Go(func() {
				<-start
				s, err := c.CreateTenant(t.Context(), tenant, optFns...)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
					return
				}
				secrets = append(secrets, s)
			})
		}
	}
	close(start)
	all.Wait()
	return secrets, errs
}
