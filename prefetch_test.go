package tenantsecrets_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Of a prefetch: its call, how many tenants one has, how many begin in a second
// and are under way at most, and the times at which a tenant is asked for.
const (
	batchCall       = "BatchGetSecretValue"
	batchSize       = 20
	prefetchGap     = time.Second / 20
	prefetchBatches = 8
)

var prefetchRounds = []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}

// prefetched is what a prefetch returned and reported, and when.
type prefetched struct {
	err   error
	took  time.Duration
	told  int
	fates map[string][]error // by tenant
}

// prefetch notes the reports without a lock of its own: only one goroutine at a
// time may bring them, as the race detector sees.
func prefetch(ctx context.Context, c *tenantsecrets.Client, ids []string, optFns ...func(*tenantsecrets.PrefetchOptions)) prefetched {
	p := prefetched{fates: map[string][]error{}}
	began := time.Now()
	p.err = c.Prefetch(ctx, slices.Values(ids), append(optFns, func(o *tenantsecrets.PrefetchOptions) {
		o.Progress = func(id string, err error) {
			p.told++
			p.fates[id] = append(p.fates[id], err)
		}
	})...)
	p.took = time.Since(began)
	return p
}

// prefetchAsync returns once everything waits.
func prefetchAsync(ctx context.Context, c *tenantsecrets.Client, ids []string, optFns ...func(*tenantsecrets.PrefetchOptions)) <-chan prefetched {
	done := make(chan prefetched, 1)
	go func() { done <- prefetch(ctx, c, ids, optFns...) }()
	synctest.Wait()
	return done
}

func unlimited(o *tenantsecrets.PrefetchOptions) { o.Rate = -1 }

// loads wants every tenant to be held, after exactly that time.
func (p prefetched) loads(t *testing.T, took time.Duration, ids ...string) {
	t.Helper()
	if p.err != nil || p.took != took || p.told != len(ids) {
		t.Errorf("%v after %v and %d reports, want none after %v and %d", p.err, p.took, p.told, took, len(ids))
	}
	for _, id := range ids {
		p.ends(t, id, nil)
	}
}

// ends wants one report about a tenant, which the whole's error agrees with.
func (p prefetched) ends(t *testing.T, id string, want error) {
	t.Helper()
	if len(p.fates[id]) != 1 || !errors.Is(p.fates[id][0], want) {
		t.Errorf("%q is reported with %v, want %v once", id, p.fates[id], want)
		return
	}
	var e *tenantsecrets.Error
	if err := p.fates[id][0]; want != nil && (!errors.As(err, &e) || e.Op != "Prefetch" || e.Tenant != id || !errors.Is(p.err, want)) {
		t.Errorf("%v is no *Error about %q that is part of %v", err, id, p.err)
	}
}

// failAll wants every tenant to be refused with all of those, after exactly that time.
func (p prefetched) failAll(t *testing.T, took time.Duration, ids []string, want ...error) {
	t.Helper()
	if p.took != took || p.told != len(ids) {
		t.Errorf("%d reports after %v, want %d after %v", p.told, p.took, len(ids), took)
	}
	for _, id := range ids {
		for _, w := range want {
			p.ends(t, id, w)
		}
	}
}

// nameOf is the name of a tenant's HMAC secret.
func nameOf(id string) string { return "prod/formbridge/" + id + "/hmac_key" }

// checkServed wants all tenants to be served without a call.
func checkServed(t *testing.T, b *secretstest.Backend, c *tenantsecrets.Client, ids ...string) {
	t.Helper()
	b.ClearCalls()
	for _, id := range ids {
		if s, err := c.TenantSecret(t.Context(), id); err != nil || s.Name() != nameOf(id) {
			t.Errorf("%s: got %v, %v", id, s, err)
		}
	}
	checkOperations(t, b)
}

// checkBatches wants batches alone, which began at those times since then.
func checkBatches(t *testing.T, b *secretstest.Backend, since time.Time, want ...time.Duration) {
	t.Helper()
	var got []time.Duration
	for _, call := range b.Calls() {
		if call.Operation != batchCall {
			t.Errorf("a call of %s", call.Operation)
		}
		got = append(got, call.At.Sub(since))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("batches began at %v, want %v", got, want)
	}
	b.ClearCalls()
}

// A twentieth of a call a tenant, and none when they are asked for.
func TestPrefetchCostsOneCallForTwentyTenants(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		const tenants = 10_000
		ids := storeTenants(t, b, tenants)
		c := newClient(t, b)
		prefetch(t.Context(), c, ids, unlimited).loads(t, 0, ids...)
		asked := map[string]bool{}
		for _, call := range b.Calls() {
			if call.Operation != batchCall || len(call.SecretIDs) != batchSize {
				t.Fatalf("%s of %d secrets", call.Operation, len(call.SecretIDs))
			}
			for _, id := range call.SecretIDs {
				asked[id] = true
			}
		}
		if n := len(b.Calls()); n != tenants/batchSize || len(asked) != tenants {
			t.Errorf("%d calls for %d secrets", n, len(asked))
		}
		checkServed(t, b, c, ids...)
	})
}

func TestPrefetchOfAnyNumber(t *testing.T) {
	for tenants, batches := range map[int]int{0: 0, 1: 1, 19: 1, 20: 1, 21: 2, 40: 2, 41: 3} {
		t.Run(fmt.Sprint(tenants), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				ids := storeTenants(t, b, tenants)
				c := newClient(t, b)
				began := time.Now()
				var at []time.Duration
				for i := range batches {
					at = append(at, time.Duration(i)*prefetchGap)
				}
				prefetch(t.Context(), c, ids).loads(t, time.Duration(max(0, batches-1))*prefetchGap, ids...)
				checkBatches(t, b, began, at...)
				checkServed(t, b, c, ids...)
			})
		})
	}
}

// The rate says when batches begin, and where it leaves too many under way, their
// ends do.
func TestPrefetchRate(t *testing.T) {
	const call = 300 * time.Millisecond
	for _, test := range []struct {
		rate int
		gap  time.Duration
	}{{0, 50 * time.Millisecond}, {1, time.Second}, {50, 20 * time.Millisecond}, {-1, 0}} {
		t.Run(fmt.Sprint(test.rate), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				const batches = prefetchBatches + 2
				ids := storeTenants(t, b, batches*batchSize)
				b.Inject(secretstest.Fault{Operation: batchCall, Delay: call})
				c := newClient(t, b)
				var at []time.Duration
				for i := range batches {
					begins := time.Duration(i) * test.gap
					if i >= prefetchBatches { // the place of an earlier one
						begins = max(begins, at[i-prefetchBatches]+call)
					}
					at = append(at, begins)
				}
				began := time.Now()
				p := prefetch(t.Context(), c, ids, func(o *tenantsecrets.PrefetchOptions) { o.Rate = test.rate })
				p.loads(t, at[batches-1]+call, ids...)
				checkBatches(t, b, began, at...)
			})
		})
	}
}

func TestPrefetchOfFreshTenantsCostsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 21)
		c, s := warm(t, b)
		prefetch(t.Context(), c, []string{tenant}).loads(t, 0, tenant)
		checkOperations(t, b)
		prefetch(t.Context(), c, append([]string{tenant}, ids[:20]...)).loads(t, 0, append(ids[:20:20], tenant)...)
		checkOperations(t, b, batchCall) // without the one that is held
		p := prefetch(t.Context(), c, slices.Concat(ids[:20], ids[:20], ids[:20]))
		if p.err != nil || p.told != 60 {
			t.Errorf("%d reports and %v", p.told, p.err)
		}
		checkOperations(t, b)
		ask(t.Context(), c).serves(t, s, 0)
	})
}

// An iterator of nothing, and what is no tenant, cost nothing.
func TestPrefetchOfNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		var none iter.Seq[string] = func(func(string) bool) {}
		if err := c.Prefetch(t.Context(), none); err != nil {
			t.Error(err)
		}
		invalid := []string{"", "t a", tenantsecrets.Global, "t_" + strings.Repeat("x", 1000), "t_a/b", "t_ä"}
		prefetch(t.Context(), c, invalid).failAll(t, 0, invalid, tenantsecrets.ErrInvalidTenant)
		checkOperations(t, b)
		p := prefetch(t.Context(), c, append(invalid, tenant))
		p.ends(t, tenant, nil)
		p.ends(t, "t a", tenantsecrets.ErrInvalidTenant)
		checkServed(t, b, c, tenant)
	})
}

// The reports of eight batches that end in one instant come one after the other.
func TestPrefetchReportsOneAfterTheOther(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 10*batchSize)
		b.Inject(secretstest.Fault{Delay: time.Second})
		c := newClient(t, b)
		var inside, reports atomic.Int32
		err := c.Prefetch(t.Context(), slices.Values(ids), unlimited, func(o *tenantsecrets.PrefetchOptions) {
			o.Progress = func(string, error) {
				if inside.Add(1) > 1 {
					t.Error("two reports at once")
				}
				for range 10 {
					runtime.Gosched()
				}
				inside.Add(-1)
				reports.Add(1)
			}
		})
		if err != nil || int(reports.Load()) != len(ids) {
			t.Errorf("%d reports, and %v", reports.Load(), err)
		}
	})
}

// Who is prefetched and waits for its first call keeps its place while a scan
// passes; and what does not fit is no error.
func TestPrefetchAndCapacity(t *testing.T) {
	const capacity = 40
	bounded := func(o *tenantsecrets.Options) { o.Capacity = capacity }
	t.Run("a scan", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			ids := storeTenants(t, b, 200)
			c := newClient(t, b, bounded)
			prefetch(t.Context(), c, ids[:20]).loads(t, 0, ids[:20]...)
			readAll(t, c, ids[20:])
			checkServed(t, b, c, ids[:20]...)
		})
	})
	t.Run("too many", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			ids := storeTenants(t, b, 100)
			c := newClient(t, b, bounded)
			prefetch(t.Context(), c, ids, unlimited).loads(t, 0, ids...)
			if s := c.Stats(); s.Held != capacity || s.Evictions != 60 {
				t.Errorf("%d are held and %d evicted", s.Held, s.Evictions)
			}
			readAll(t, c, ids)
		})
	})
}
