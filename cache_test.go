package tenantsecrets_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestColdReadCostsTwoCallsAndWarmOnesNone(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		checkOperations(t, b)
		s := tenantSecret(t, c)
		checkOperations(t, b, describeCall, getCall)
		for range 100 {
			ask(t.Context(), c).serves(t, s, 0)
		}
		checkOperations(t, b)
	})
}

func TestFreshSecretCausesNoLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		for _, age := range []time.Duration{0, time.Minute, agesEarliest - 1} {
			time.Sleep(age - time.Since(bubbleStart))
			ask(t.Context(), c).serves(t, s, 0)
			synctest.Wait()
			checkOperations(t, b)
		}
	})
}

func TestAgingSecretIsLoadedOnceInTheBackground(t *testing.T) {
	for _, age := range []time.Duration{agesLatest, ttl - 1} {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, s := warm(t, b)
			time.Sleep(age)
			b.Inject(secretstest.Fault{Delay: 2 * time.Second}) // past TTL, where it began below it
			goroutines := runtime.NumGoroutine()
			for range 1000 {
				ask(t.Context(), c).serves(t, s, 0)
			}
			if n := runtime.NumGoroutine() - goroutines; n > 2 { // those of one load
				t.Errorf("%d goroutines for 1000 hits", n)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			checkOperations(t, b, describeCall)

			time.Sleep(agesEarliest - 2*time.Second - 1) // age counts from when that load began
			ask(t.Context(), c).serves(t, s, 0)
			synctest.Wait()
			checkOperations(t, b)
		})
	}
}

// The background loads of secrets that were loaded together spread over 0.6 to
// 0.8 TTL, and none comes later.
func TestJitterOnlyShortens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		tenants := storeTenants(t, b, 200)
		loadsAt := func(age time.Duration) int {
			t.Helper()
			time.Sleep(age - time.Since(bubbleStart))
			b.ClearCalls()
			for _, id := range tenants {
				if _, err := c.TenantSecret(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			return len(b.Calls())
		}
		if n := loadsAt(0); n != 2*len(tenants) {
			t.Errorf("%d calls to load %d secrets", n, len(tenants))
		}
		if n := loadsAt(agesEarliest - 1); n != 0 {
			t.Errorf("%d loads before 0.6 TTL", n)
		}
		var sum int
		for age := agesEarliest; age <= agesLatest; age += 15 * time.Second {
			n := loadsAt(age)
			if age > agesEarliest && (n < 10 || n > 100) { // 50 are expected
				t.Errorf("%d loads in the 15 s before %v: not spread", n, age)
			}
			sum += n
		}
		if sum != len(tenants) {
			t.Errorf("%d loads until 0.8 TTL, want %d", sum, len(tenants))
		}
	})
}

func TestStaleReadWaitsForALoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		b.Inject(secretstest.Fault{Delay: 100 * time.Millisecond})

		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, old, 100*time.Millisecond)
		checkOperations(t, b, describeCall)

		version := rotate(t, b, old)
		time.Sleep(ttl) // one DescribeSecret ago
		ask(t.Context(), c).servesVersion(t, version, 200*time.Millisecond)
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestStaleReadWaitsNoLongerThanStaleWait(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Delay: staleWait + 1, Times: 1})
		ask(t.Context(), c).serves(t, old, staleWait)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		checkOperations(t, b, describeCall)

		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Delay: staleWait - 1, Times: 1})
		ask(t.Context(), c).serves(t, old, staleWait-1)
		checkOperations(t, b, describeCall)
	})
}

func TestStaleReadWaitsNoLongerThanItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Delay: time.Second})
		askWithin(t, c, 0).serves(t, old, 0)
		checkOperations(t, b) // nobody is there to wait for it

		askWithin(t, c, 5*time.Millisecond).serves(t, old, 5*time.Millisecond)
		askWithin(t, c, 5*time.Millisecond).serves(t, old, 5*time.Millisecond) // its end says nothing of the load
		ask(t.Context(), c).serves(t, old, staleWait)
		checkOperations(t, b, describeCall)
	})
}

func TestAgeCountsFromWhenTheLoadBegan(t *testing.T) {
	for name, slow := range map[string]string{"describe": describeCall, "get": getCall} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				b.Inject(secretstest.Fault{Operation: slow, Delay: 4 * time.Second, Times: 1})
				c, s := warm(t, b)
				b.Inject(secretstest.Fault{Delay: 100 * time.Millisecond})

				time.Sleep(ttl - 4*time.Second)
				ask(t.Context(), c).serves(t, s, 100*time.Millisecond)
			})
		})
	}
}

func TestUnchangedRefreshKeepsTheValue(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		for range 5 {
			time.Sleep(ttl)
			ask(t.Context(), c).serves(t, s, 0)
			checkOperations(t, b, describeCall)
		}
	})
}

// What changes beside the value makes no new value.
func TestForeignLabelKeepsTheValue(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		putUnder(t, b, "AWSPENDING")
		b.ClearCalls()
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall)
	})
}

func TestTenantsDoNotDelayEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		const other = "t_a"
		store(t, b, "prod/formbridge/t_a/hmac_key", document(t, map[string]any{"tenant_id": other}))
		b.Inject(
			secretstest.Fault{SecretID: hmacName, Delay: time.Second, Err: secretstest.Throttling()},
			secretstest.Fault{SecretID: "prod/formbridge/t_a/hmac_key", Delay: 10 * time.Millisecond},
		)
		c := newClient(t, b)
		slow := askAsync(t.Context(), c)

		began := time.Now()
		if _, err := c.TenantSecret(t.Context(), other); err != nil || time.Since(began) != 20*time.Millisecond {
			t.Errorf("the other tenant's secret took %v, %v", time.Since(began), err)
		}
		(<-slow).fails(t, time.Second, tenantsecrets.ErrUnavailable)
		if _, err := c.TenantSecret(t.Context(), other); err != nil {
			t.Errorf("another tenant's failure is %v", err)
		}
	})
}

func TestNowDrivesFreshness(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var clock offsetClock
		c, s := warm(t, b, clock.option)

		time.Sleep(maxStale) // and Now stands still
		ask(t.Context(), c).serves(t, s, 0)
		synctest.Wait()
		checkOperations(t, b)

		clock.set(agesLatest)
		ask(t.Context(), c).serves(t, s, 0)
		synctest.Wait()
		checkOperations(t, b, describeCall)

		remove := b.Inject(secretstest.Fault{Err: secretstest.InternalError()})
		clock.set(agesLatest + maxStale - 1)
		ask(t.Context(), c).serves(t, s, 0)
		clock.set(agesLatest + maxStale + time.Second)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale)
		remove()
		clock.set(agesLatest + 2*maxStale)
		ask(t.Context(), c).serves(t, s, 0)
	})
}

// A clock that is set back to before the client was made is odd, and no reason to
// refuse or to panic.
func TestNowBeforeTheClientsBirth(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var clock offsetClock
		c := newClient(t, b, clock.option)
		clock.set(-time.Hour)
		s := tenantSecret(t, c)
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall, getCall)
	})
}
