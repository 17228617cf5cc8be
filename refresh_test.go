package tenantsecrets_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func refresh(ctx context.Context, c *tenantsecrets.Client) answer {
	began := time.Now()
	s, err := c.Refresh(ctx, tenant)
	return answer{s, err, time.Since(began)}
}

// However old what is held is, a refresh reads, and everybody gets what it found.
func TestRefreshReadsARotationAtOnce(t *testing.T) {
	const call = 10 * time.Millisecond
	for name, age := range map[string]time.Duration{"fresh": 0, "aging": agesLatest, "stale": ttl, "past MaxStale": maxStale} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				slowLoads(b, call)
				time.Sleep(age)
				version := rotate(t, b, old)
				refresh(t.Context(), c).servesVersion(t, version, 2*call)
				checkOperations(t, b, describeCall, getCall)
				ask(t.Context(), c).servesVersion(t, version, 0)
				time.Sleep(agesEarliest - 3*call) // it is fresh from when the load began
				ask(t.Context(), c).servesVersion(t, version, 0)
				synctest.Wait()
				checkOperations(t, b)
			})
		})
	}
}

func TestRefreshOfWhatIsUnchanged(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		for range 3 {
			refresh(t.Context(), c).serves(t, s, 0)
			checkOperations(t, b, describeCall)
		}
		ask(t.Context(), c).serves(t, s, 0)
	})
}

func TestRefreshOfWhatIsNotHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		if a := refresh(t.Context(), c); a.err != nil {
			t.Error(a.err)
		}
		checkOperations(t, b, describeCall, getCall)
		checkServed(t, b, c, tenant)
	})
}

// A definite no keeps a call from asking, and a refresh not.
func TestRefreshAsksAgainAfterADefiniteNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		b.ClearCalls()
		refresh(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b, describeCall)
		store(t, b, hmacName, document(t, nil))
		b.ClearCalls()
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b)
		a := refresh(t.Context(), c)
		if a.err != nil {
			t.Fatal(a.err)
		}
		checkOperations(t, b, describeCall, getCall)
		ask(t.Context(), c).serves(t, a.secret, 0)
	})
}

// A no that a refresh finds ends what is held.
func TestRefreshFindsADeletion(t *testing.T) {
	eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
		c := quietClient(t, b)
		tenantSecret(t, c)
		time.Sleep(time.Minute) // a secret that was just found is not believed to be gone
		r.start(t, b)
		checkFailed(t, refresh(t.Context(), c).err, "Refresh", r.want)
		b.ClearCalls()
		ask(t.Context(), c).fails(t, 0, r.want)
		checkOperations(t, b)
	})
}

// An outage leaves what is held, and refreshes begin no more loads than calls do.
func TestRefreshInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		poll(3*time.Minute, step, func() {
			a := refresh(t.Context(), c)
			a.fails(t, 0, tenantsecrets.ErrUnavailable)
			if errors.Is(a.err, tenantsecrets.ErrStale) {
				t.Fatalf("error is %v, where what is held is fresh", a.err)
			}
			ask(t.Context(), c).serves(t, s, 0)
		})
		if n := len(b.Calls()); n < 9 {
			t.Errorf("%d loads in 3 minutes", n)
		}
		checkBackoff(t, b.Calls())
	})
}

// Who refreshes at once shares what began after he came.
func TestRefreshesShareALoad(t *testing.T) {
	const call = 10 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		slowLoads(b, call)
		version := rotate(t, b, old)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				a := refresh(t.Context(), c)
				if a.err != nil || a.secret.VersionID() != version || a.took > 4*call {
					t.Errorf("got %v, %v after %v", a.secret, a.err, a.took)
				}
			})
		}
		callers.Wait()
		if n := len(b.Calls()); n > 3 { // a load, and one for who came when it had begun
			t.Errorf("calls are %v", operations(b))
		}
	})
}

// A load that began before may not have seen the change.
func TestRefreshIsNotSatisfiedByAnEarlierLoad(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		old := tenantSecret(t, newClient(t, b))
		c := newClient(t, withFirstDescription(b, call))
		early := askAsync(t.Context(), c)
		version := rotate(t, b, old)
		refresh(t.Context(), c).servesVersion(t, version, call)
		<-early
		ask(t.Context(), c).servesVersion(t, version, 0)
	})
}

func TestRefreshIsEnded(t *testing.T) {
	const call, end = time.Second, 10 * time.Millisecond
	for name, test := range map[string]struct {
		end  func(c *tenantsecrets.Client, cancel func())
		want []error
	}{
		"cancelled": {func(_ *tenantsecrets.Client, cancel func()) { cancel() }, []error{context.Canceled, tenantsecrets.ErrUnavailable}},
		"closed":    {func(c *tenantsecrets.Client, _ func()) { c.Close() }, []error{tenantsecrets.ErrClosed}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				slowLoads(b, call)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(end, func() { test.end(c, cancel) })
				refresh(ctx, c).fails(t, end, test.want...)
				refresh(ctx, c).fails(t, 0, test.want...)
				time.Sleep(call) // the load outlives its caller
			})
		})
	}
}

// ending is a context that ends after so many looks at its error, whatever else happens
// in that instant.
type ending struct {
	context.Context
	looks atomic.Int32
}

func (c *ending) Err() error {
	if c.looks.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// The context may end in the instant in which the load that Refresh has joined succeeds.
func TestRefreshEndsWithTheLoadThatItJoins(t *testing.T) {
	for looks := range int32(6) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			slowLoads(b, time.Second)
			time.Sleep(ttl)
			loading := askAsync(t.Context(), c)
			ctx := &ending{Context: t.Context()}
			ctx.looks.Store(looks)
			s, err := c.Refresh(ctx, tenant)
			if (s == nil) == (err == nil) {
				t.Errorf("after %d looks: %v, %v", looks, s, err)
			}
			if err != nil {
				checkIs(t, err, tenantsecrets.ErrUnavailable, context.Canceled)
			}
			<-loading
			time.Sleep(2 * time.Second) // the load goes on
		})
	}
}

func TestRefreshOfNoTenant(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	for _, id := range []string{"", "t a", tenantsecrets.Global} {
		_, err := c.Refresh(t.Context(), id)
		checkRefused(t, err, "Refresh", tenantsecrets.ErrInvalidTenant)
	}
	checkOperations(t, b)
	c.Close()
	_, err := c.Refresh(t.Context(), tenant)
	checkFailed(t, err, "Refresh", tenantsecrets.ErrClosed)
	checkOperations(t, b)
}

// A refresh of an id that nobody has seen to exist is a stranger's load.
func TestRefreshNeedsTheBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.UnknownIDs = 1 })
		notFound := 0
		for _, id := range unknownIDs(100) {
			if _, err := c.Refresh(t.Context(), id); errors.Is(err, tenantsecrets.ErrNotFound) {
				notFound++
			} else {
				checkIs(t, err, tenantsecrets.ErrUnavailable)
			}
		}
		if notFound != 10 || len(b.Calls()) != 10 {
			t.Errorf("%d were looked for with %d calls, want the burst of 10", notFound, len(b.Calls()))
		}
	})
}
