package tenantsecrets_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// longestSeatWait is what a batch may wait for loads that are not its own.
const longestSeatWait = 50 * time.Millisecond

// soon wants every yield to be reported as loaded, with hardly a wait.
func (p prefetched) soon(t *testing.T, yields int) {
	t.Helper()
	if p.err != nil || p.told != yields || p.took > longestSeatWait {
		t.Errorf("%v after %v and %d reports, want none and %d at once", p.err, p.took, p.told, yields)
	}
}

// A tenant may come twice, also among twenty: it is loaded once and reported each
// time.
func TestPrefetchOfATenantTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 15)
		c := newClient(t, b)
		p := prefetch(t.Context(), c, append([]string{tenant, tenant, ids[3]}, ids...))
		p.soon(t, 18)
		if len(p.fates[tenant]) != 2 || len(p.fates[ids[3]]) != 2 {
			t.Errorf("reports are %v", p.fates)
		}
		if n := len(b.Calls()); n > 2 {
			t.Errorf("%d calls", n)
		}
		checkServed(t, b, c, append(ids, tenant)...)
	})
}

// Prefetches of the same tenants do not wait for each other in a circle.
func TestPrefetchesOfTheSameTenants(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Operation: batchCall, Delay: time.Millisecond})
		ids := storeTenants(t, b, 3*batchSize)
		c := newClient(t, b)
		var all []<-chan prefetched
		for i := range 10 {
			order := slices.Concat(ids[6*i:], ids[:6*i])
			if i%2 == 1 {
				slices.Reverse(order)
			}
			done := make(chan prefetched, 1)
			go func() { done <- prefetch(t.Context(), c, order, unlimited) }()
			all = append(all, done)
		}
		for _, done := range all {
			if p := <-done; p.err != nil || p.took > 5*time.Second {
				t.Errorf("%v after %v", p.err, p.took)
			}
		}
		checkServed(t, b, c, ids...)
	})
}

// One tenant that is slow to load does not hold up those who ask for another.
func TestPrefetchDoesNotCoupleTenants(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, batchSize-1)
		b.Inject(secretstest.Fault{SecretID: hmacName, Operation: describeCall, Delay: 4 * time.Second})
		c := newClient(t, b)
		slow := askAsync(t.Context(), c)
		done := prefetchAsync(t.Context(), c, append(ids, tenant))
		began := time.Now()
		for _, id := range ids {
			if _, err := c.TenantSecret(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > longestSeatWait {
			t.Errorf("the other tenants took %v", took)
		}
		<-slow
		(<-done).loads(t, 4*time.Second, append(ids, tenant)...)
	})
}

// badBatches are APIs whose batches go wrong in ways that are not an answer.
var badBatches = map[string]func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error){
	"never answers": func(ctx context.Context, _ *batchInput, _ *secretstest.Backend) (*batchOutput, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	},
	"ignores its context": func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error) {
		time.Sleep(time.Hour)
		return &batchOutput{}, nil
	},
	"panics": func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error) { panic("at the API") },
	"ends its goroutine": func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error) {
		runtime.Goexit()
		return nil, nil
	},
	"has pages without end": func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error) {
		return &batchOutput{NextToken: aws.String("next")}, nil
	},
}

// Whoever has joined such a batch loads for himself and is not paused, and the
// prefetch ends in its time with an error.
func TestPrefetchWithABadAPI(t *testing.T) {
	for name, batch := range badBatches {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c := newClient(t, &batching{b, batch})
				done := prefetchAsync(t.Context(), c, []string{tenant, "t_other"})
				if a := ask(t.Context(), c); a.err != nil || a.took > loadTimeout+longestSeatWait {
					t.Errorf("a caller got %v after %v", a.err, a.took)
				}
				p := <-done
				if p.ends(t, "t_other", tenantsecrets.ErrUnavailable); p.took > time.Minute {
					t.Errorf("took %v", p.took)
				}
				time.Sleep(time.Hour) // for what ignores everything
			})
		})
	}
}

// A context, or Close, ends the wait for an API that neither ends.
func TestPrefetchIsEndedWhereTheAPIIsNot(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, &batching{b, badBatches["ignores its context"]})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		prefetch(ctx, c, []string{tenant}).failAll(t, time.Second, []string{tenant}, context.DeadlineExceeded)
		time.AfterFunc(time.Second, c.Close)
		prefetch(t.Context(), c, []string{tenant}).failAll(t, time.Second, []string{tenant}, tenantsecrets.ErrClosed)
		time.Sleep(time.Hour)
	})
}

// Whatever comes in between each time, the error is one that callers know.
func TestPrefetchOfATenantThatIsInvalidatedAllTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 4 * step})
		c := newClient(t, b)
		go poll(time.Minute, step, func() { invalidate(t, c, tenant) })
		prefetch(t.Context(), c, []string{tenant}).ends(t, tenant, tenantsecrets.ErrUnavailable)
		time.Sleep(time.Minute)
	})
}

// Progress may wait for what time brings, as one that hands its reports on does.
func TestPrefetchWaitsForProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 2*batchSize)
		c := newClient(t, b)
		began := time.Now()
		err := c.Prefetch(t.Context(), slices.Values(ids), unlimited, func(o *tenantsecrets.PrefetchOptions) {
			o.Progress = func(string, error) { time.Sleep(time.Millisecond) }
		})
		if took := time.Since(began); err != nil || took != 40*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// The events of a prefetch's tenants come with its caller's context, and with what
// was found.
func TestObserveGetsThePrefetchersContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		c := newClient(t, b, o.option)
		ctx := context.WithValue(t.Context(), askerKey{}, "the prefetcher")
		prefetch(ctx, c, []string{tenant})
		for i, e := range o.events {
			if e.Kind == tenantsecrets.EventCall && o.asker[i] != any("the prefetcher") {
				t.Errorf("%s has the context of %v", e.Op, o.asker[i])
			}
			if e.Kind == tenantsecrets.EventCall && e.VersionID == "" {
				t.Errorf("%s has no version", e.Op)
			}
		}
	})
}

// A refresh that meets a load under way, which began before the secret was there,
// is not content with its no.
func TestRefreshIsNotRefusedByAnEarlierLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, withFirstDescription(b, time.Second))
		early := askAsync(t.Context(), c)
		store(t, b, hmacName, document(t, nil))
		if a := refresh(t.Context(), c); a.err != nil || a.took != time.Second {
			t.Errorf("got %v after %v", a.err, a.took)
		}
		(<-early).fails(t, time.Second, tenantsecrets.ErrNotFound)
	})
}

// Made-up ids that come while a tenant is loaded for the first time do not hide
// that load from an Invalidate.
func TestInvalidateHitsALoadAmongStrangers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		old := tenantSecret(t, newClient(t, b))
		c := newClient(t, withFirstDescription(b, time.Second))
		early := askAsync(t.Context(), c)
		for i := range 9000 { // more than there are places for
			_, _ = c.TenantSecret(t.Context(), fmt.Sprintf("t_made_up_%d", i))
		}
		version := rotate(t, b, old)
		invalidate(t, c, tenant)
		<-early
		ask(t.Context(), c).servesVersion(t, version, 0)
	})
}
