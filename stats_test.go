package tenantsecrets_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// calls are the counts by operation, where all that is not named is none.
func calls(some map[string]uint64) map[string]uint64 {
	all := map[string]uint64{describeCall: 0, getCall: 0, batchCall: 0, createCall: 0}
	maps.Copy(all, some)
	return all
}

// checkStats compares every field.
func checkStats(t *testing.T, c *tenantsecrets.Client, want tenantsecrets.Stats) {
	t.Helper()
	got := c.Stats()
	if !maps.Equal(got.Calls, calls(want.Calls)) {
		t.Errorf("calls are %v, want %v", got.Calls, calls(want.Calls))
	}
	got.Calls, want.Calls = nil, nil
	if g, w := got, want; g.Hits != w.Hits || g.Stale != w.Stale || g.Negatives != w.Negatives ||
		g.Loads != w.Loads || g.Failures != w.Failures || g.Evictions != w.Evictions ||
		g.WrongTenant != w.WrongTenant || g.Malformed != w.Malformed || g.BadPrevious != w.BadPrevious ||
		g.Held != w.Held || g.Oldest != w.Oldest {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestStatsOfAnUnusedClient(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		time.Sleep(time.Hour)
		checkStats(t, c, tenantsecrets.Stats{})
	})
}

func TestStatsOfAClosedClient(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		c.Close()
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrClosed)
		checkStats(t, c, tenantsecrets.Stats{Loads: 1, Calls: map[string]uint64{describeCall: 1, getCall: 1}})
	})
}

// The life of one secret, whose counts add up.
func TestStatsOfAgingAndOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		tenantSecret(t, c)
		want := tenantsecrets.Stats{Loads: 1, Held: 1, Calls: map[string]uint64{describeCall: 1, getCall: 1}}
		checkStats(t, c, want)

		for range 3 {
			tenantSecret(t, c)
		}
		verify(t.Context(), c, signed(t, b)).accepts(t, 0)
		want.Hits = 4
		checkStats(t, c, want)

		time.Sleep(ttl)
		want.Oldest = ttl
		checkStats(t, c, want)

		remove := b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		for range 3 { // the first one asks in vain, all are served
			tenantSecret(t, c)
		}
		want.Hits, want.Stale = want.Hits+3, 3
		want.Loads, want.Failures = 2, 1
		want.Calls[describeCall]++
		checkStats(t, c, want)

		time.Sleep(maxStale - ttl)
		want.Oldest = maxStale
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale) // and asks in vain
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale) // from memory
		want.Loads, want.Failures, want.Negatives = 3, 2, 1
		want.Calls[describeCall]++
		checkStats(t, c, want)

		remove()
		time.Sleep(time.Minute)
		tenantSecret(t, c)
		want.Loads, want.Oldest = 4, 0
		want.Calls[describeCall]++
		want.Calls[getCall]++ // the plaintext is read again
		checkStats(t, c, want)
	})
}

func TestStatsOfRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		begin func(*testing.T, *secretstest.Backend) func()
		want  tenantsecrets.Stats
	}{
		"not found":    {deleted, tenantsecrets.Stats{Calls: map[string]uint64{describeCall: 1}}},
		"denied":       {faulty(describeCall, secretstest.AccessDenied()), tenantsecrets.Stats{Calls: map[string]uint64{describeCall: 1}}},
		"wrong tenant": {written(map[string]any{"tenant_id": "t_other"}), tenantsecrets.Stats{WrongTenant: 1, Calls: map[string]uint64{describeCall: 1, getCall: 1}}},
		"malformed":    {written(map[string]any{"version": "9.0"}), tenantsecrets.Stats{Malformed: 1, Calls: map[string]uint64{describeCall: 1, getCall: 1}}},
		"suspended":    {written(map[string]any{"state": "suspended"}), tenantsecrets.Stats{Calls: map[string]uint64{describeCall: 1, getCall: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				test.begin(t, b)
				c := newClient(t, b, quiet)
				for range 3 {
					if _, err := c.TenantSecret(t.Context(), tenant); err == nil {
						t.Error("no error")
					}
				}
				want := test.want
				want.Loads, want.Failures, want.Negatives = 1, 1, 2
				checkStats(t, c, want)
			})
		})
	}
}

func TestStatsOfABadPreviousVersion(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		put(t, b, hmacName, "nothing of use")
		put(t, b, hmacName, document(t, nil))
		c := newClient(t, b, quiet)
		tenantSecret(t, c)
		checkStats(t, c, tenantsecrets.Stats{
			Loads: 1, BadPrevious: 1, Held: 1, Calls: map[string]uint64{describeCall: 1, getCall: 2},
		})
	})
}

// Every call of every kind is counted, by its operation, and what is held by age.
func TestStatsOfManyTenants(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 41)
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.Capacity = 42 })
		prefetch(t.Context(), c, ids, unlimited).loads(t, 0, ids...)
		want := tenantsecrets.Stats{Loads: 41, Held: 41, Calls: map[string]uint64{batchCall: 3}}
		checkStats(t, c, want)

		time.Sleep(time.Minute)
		if _, err := c.CreateTenant(t.Context(), "t_new"); err != nil {
			t.Fatal(err)
		}
		want.Calls[createCall]++
		want.Held, want.Oldest = 42, time.Minute
		checkStats(t, c, want)

		tenantSecret(t, c)
		want.Loads, want.Evictions = 42, 1
		want.Calls[describeCall], want.Calls[getCall] = 1, 1
		checkStats(t, c, want)

		refresh(t.Context(), c)
		want.Loads, want.Calls[describeCall] = 43, 2
		checkStats(t, c, want)

		invalidate(t, c, tenant)
		want.Held = 41
		checkStats(t, c, want)
	})
}

func TestStatsOfAFailedCreation(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		create(t.Context(), c).fails(t, 0, tenantsecrets.ErrExists)
		checkStats(t, c, tenantsecrets.Stats{Calls: map[string]uint64{createCall: 1, getCall: 1}})
	})
}

// No hit is lost, however many there are at once, and whoever counts them.
func TestStatsCountEveryHit(t *testing.T) {
	const goroutines, each = 64, 1000
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 8)
		c := newClient(t, b)
		readAll(t, c, ids)
		var callers sync.WaitGroup
		for i := range goroutines {
			callers.Go(func() {
				for n := range each {
					if _, err := c.TenantSecret(t.Context(), ids[(i+n)%len(ids)]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		callers.Go(func() {
			for last := uint64(0); last < goroutines*each; {
				hits := c.Stats().Hits
				if hits < last {
					t.Errorf("hits went from %d to %d", last, hits)
				}
				last = hits
			}
		})
		callers.Wait()
		checkStats(t, c, tenantsecrets.Stats{
			Hits: goroutines * each, Loads: 8, Held: 8, Calls: map[string]uint64{describeCall: 8, getCall: 8},
		})
	})
}

// Calls that share a load are one load, and those that share a refusal from
// memory are a refusal each.
func TestStatsOfSharedLoads(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		slowLoads(b, 10*time.Millisecond)
		c := newClient(t, b)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() { ask(t.Context(), c) })
		}
		callers.Wait()
		checkStats(t, c, tenantsecrets.Stats{
			Loads: 1, Held: 1, Oldest: 20 * time.Millisecond, Calls: map[string]uint64{describeCall: 1, getCall: 1},
		})
	})
}
