package tenantsecrets_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Whenever another program rotates, every read is of the new version from TTL and
// one load later on: under steady traffic, and for the only call in hours.
func TestRotationByAnotherWriterIsSeenInTime(t *testing.T) {
	const call, step = 50 * time.Millisecond, 250 * time.Millisecond
	for _, at := range []time.Duration{0, 1, time.Minute, agesEarliest, agesLatest, ttl - 1, ttl, 3 * ttl / 2} {
		t.Run(at.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				slowLoads(b, call)
				poll(at, step, func() { ask(t.Context(), c) })
				version := rotate(t, b, old)
				seen := time.Now().Add(ttl + 2*call)
				poll(2*ttl, step, func() {
					asked := time.Now()
					if a := ask(t.Context(), c); a.secret.VersionID() != version && asked.After(seen) {
						t.Fatalf("the old version %v too late", asked.Sub(seen))
					}
				})
				ask(t.Context(), c).servesVersion(t, version, 0)
			})
		})
	}
	t.Run("no traffic", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, old := warm(t, b)
			version := rotate(t, b, old)
			slowLoads(b, call)
			time.Sleep(maxStale - ttl)
			ask(t.Context(), c).servesVersion(t, version, 2*call)
		})
	})
}

// withFirstDescription returns a backend that answers the first DescribeSecret d
// after it has taken effect.
func withFirstDescription(b *secretstest.Backend, d time.Duration) *tapped {
	var described atomic.Bool
	return &tapped{Backend: b, after: func(ctx context.Context, operation string) {
		if operation == describeCall && !described.Swap(true) {
			pause(ctx, d)
		}
	}}
}

func TestLoadBegunBeforeCreateTenantIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, withFirstDescription(b, time.Second))
		early := askAsync(t.Context(), c) // finds nothing, and hears of it in a second
		s := created(t, c)
		ask(t.Context(), c).serves(t, s, 0)
		(<-early).serves(t, s, time.Second)
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall, "CreateSecret")
	})
}

func TestLoadOfADeletedSecretIsNotStoredOverItsSuccessor(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, &tapped{Backend: b, after: func(ctx context.Context, operation string) {
			if operation == getCall {
				pause(ctx, time.Second)
			}
		}})
		early := askAsync(t.Context(), c)
		deleteNow(t, b)
		s := created(t, c)
		(<-early).serves(t, s, time.Second)
		ask(t.Context(), c).serves(t, s, 0)
	})
}

// A repeated CreateTenant neither waits for a load that began before it nor
// believes it.
func TestRepeatedCreateTenantLoadsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, withFirstDescription(b, time.Second))
		early := askAsync(t.Context(), c) // finds nothing, and hears of it in a second
		first := created(t, newClient(t, b), under("key"))
		began := time.Now()
		s := created(t, c, under("key"))
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		checkSame(t, s, first)
		(<-early).serves(t, s, time.Second)
	})
}

// Nor does it believe what is remembered of before.
func TestRepeatedCreateTenantForgetsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		first := created(t, newClient(t, b), under("key"))
		s := created(t, c, under("key"))
		checkSame(t, s, first)
		ask(t.Context(), c).serves(t, s, 0)
	})
}

// Nor what is held.
func TestRepeatedCreateTenantReturnsWhatIsCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		version := rotate(t, b, created(t, c, under("key")))
		if s := created(t, c, under("key")); s.VersionID() != version {
			t.Errorf("version is %s, want %s", s.VersionID(), version)
		}
	})
}

// For 10 s after CreateTenant a not-found is taken for a read that lags behind.
func TestNotFoundJustAfterCreateTenant(t *testing.T) {
	for _, test := range []struct {
		age   time.Duration
		stays bool
	}{{time.Second, true}, {10*time.Second - 1, true}, {10 * time.Second, false}} {
		t.Run(test.age.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				c := newClient(t, b)
				s := created(t, c)
				time.Sleep(test.age)
				b.Inject(secretstest.Fault{Operation: describeCall, StaleBy: time.Hour})
				err := c.VerifyHMAC(t.Context(), tenant, nil, forged()) // asks for a load
				if test.stays {
					checkIs(t, err, tenantsecrets.ErrUnconfirmed)
					ask(t.Context(), c).serves(t, s, 0)
				} else {
					checkIs(t, err, tenantsecrets.ErrSignature)
					ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
				}
			})
		})
	}
}

func TestAnswerOlderThanWhatIsHeldIsDiscarded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(time.Minute)
		version := rotate(t, b, old)
		time.Sleep(ttl)
		ask(t.Context(), c).servesVersion(t, version, 0)
		b.ClearCalls()

		remove := b.Inject(secretstest.Fault{Operation: describeCall, StaleBy: 2*ttl + 30*time.Second}) // before the rotation
		time.Sleep(ttl)
		poll(time.Second-1, 100*time.Millisecond, func() { ask(t.Context(), c).servesVersion(t, version, 0) })
		checkOperations(t, b, describeCall) // it counts as a failure
		remove()
		ask(t.Context(), c).servesVersion(t, version, 0)
		checkOperations(t, b, describeCall)
	})
}

// A description that lags behind a restoration still shows the deletion.
func TestOlderDeletionIsDiscarded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		time.Sleep(time.Minute)
		api := &tampered{Backend: b}
		c := newClient(t, api)
		s := tenantSecret(t, c)
		var age time.Duration // of the answer
		api.describe = edit(func(out *secretsmanager.DescribeSecretOutput) {
			out.DeletedDate = aws.Time(time.Now().Add(24 * time.Hour))
			out.LastChangedDate = aws.Time(out.LastChangedDate.Add(-age))
		})
		age = time.Second
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, s, 0)
		age = 0
		time.Sleep(time.Second)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrPendingDeletion)
	})
}

// What confirms the version that is held moves the bound too.
func TestDeletionOlderThanItsRestorationIsDiscarded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		time.Sleep(time.Minute)
		deleteLater(t, b)
		time.Sleep(time.Minute)
		if _, err := b.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: aws.String(hmacName)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(ttl)
		b.ClearCalls()
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall)
		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Operation: describeCall, StaleBy: 2*ttl + 30*time.Second}) // between the two
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall)
	})
}

// A tenant that another process has created this second is read, and then a read
// lags behind: for 10 s after the first load that is what a not-found is.
func TestNotFoundJustAfterTheFirstLoad(t *testing.T) {
	for _, test := range []struct {
		age   time.Duration
		stays bool
	}{{time.Second, true}, {10*time.Second - 1, true}, {10 * time.Second, false}} {
		t.Run(test.age.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, s := warm(t, b)
				good := signed(t, b)
				time.Sleep(test.age)
				b.Inject(secretstest.Fault{StaleBy: time.Hour, Times: 1})
				v := verify(t.Context(), c, forged()) // asks for a load
				checkOperations(t, b, describeCall)
				if test.stays {
					v.refuses(t, 0, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable)
					verify(t.Context(), c, good).accepts(t, 0)
					ask(t.Context(), c).serves(t, s, 0)
				} else {
					v.refuses(t, 0, tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound)
					ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
				}
			})
		})
	}
}
