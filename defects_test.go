package tenantsecrets_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// The defects tests show, one by one, what aws-secretsmanager-caching-go v2.2.0
// does to who uses it as it is ("naive"), and that it does not reach the users of
// this library ("here"). Where a naive part fails, upstream has mended the
// defect: then look whether the reader still needs its guard.

// naiveClient is the client that secretcache wants, of which it calls two
// methods.
type naiveClient struct {
	secretcache.SecretsManagerAPIClient // nil
	api                                 tenantsecrets.API
}

func (c naiveClient) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return c.api.DescribeSecret(ctx, in, optFns...)
}

func (c naiveClient) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return c.api.GetSecretValue(ctx, in, optFns...)
}

func naiveCache(t *testing.T, api tenantsecrets.API, optFns ...func(*secretcache.Cache)) *secretcache.Cache {
	t.Helper()
	optFns = append(optFns, func(c *secretcache.Cache) { c.Client = naiveClient{api: api} })
	cache, err := secretcache.New(optFns...)
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// refreshing makes a naive cache look again as often as this library does.
func refreshing(c *secretcache.Cache) { c.CacheItemTTL = int64(ttl) }

// naiveRead wants the tenant's secret.
func naiveRead(t *testing.T, cache *secretcache.Cache) string {
	t.Helper()
	text, err := cache.GetSecretStringWithContext(t.Context(), hmacName)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// inBubbles runs both parts of a test as inBubble does.
func inBubbles(t *testing.T, naive, here func(*testing.T, *secretstest.Backend)) {
	t.Helper()
	t.Run("naive", func(t *testing.T) { inBubble(t, naive) })
	t.Run("here", func(t *testing.T) { inBubble(t, here) })
}

// Putting an entry in and getting it again are two steps, and the second finds
// nothing where the entry was evicted in between: by a burst of ids, or always
// where there is no room at all.
func TestDefect1PanicOnEviction(t *testing.T) {
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b, func(c *secretcache.Cache) { c.MaxCacheSize = 0 })
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		naiveRead(t, cache)
	}, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ids := storeTenants(t, b, 1000)
		readAll(t, c, ids)
		readAll(t, c, ids)
		if n := len(b.Calls()); n != 2*len(ids) {
			t.Errorf("%d calls for %d tenants", n, len(ids))
		}
	})
}

// A failing DescribeSecret leaves what is cached, whatever it says, and
// DeletedDate is not looked at.
func TestDefect2DeletedSecretServedForEver(t *testing.T) {
	for _, r := range refusals[:3] { // deleted, scheduled for deletion, access denied
		t.Run(r.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
				cache := naiveCache(t, b, refreshing)
				old := naiveRead(t, cache)
				r.start(t, b)
				poll(24*time.Hour, 10*time.Minute, func() {
					if naiveRead(t, cache) != old {
						t.Fatal("not the old value")
					}
				})
			}, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				r.start(t, b)
				time.Sleep(ttl)
				poll(24*time.Hour, 10*time.Minute, func() { ask(t.Context(), c).fails(t, 0, r.want) })
			})
		})
	}
}

// A new version whose value cannot be read displaces the old one, which is there,
// and is asked for on every call, for the pause after a failure is nanoseconds.
func TestDefect3OldValueLostWhileTheNewOneCannotBeRead(t *testing.T) {
	const reads = 1000
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b, refreshing)
		naiveRead(t, cache)
		put(t, b, hmacName, document(t, nil))
		b.Inject(secretstest.Fault{Operation: getCall, Err: secretstest.Throttling()})
		time.Sleep(ttl)
		b.ClearCalls()
		poll(reads*time.Millisecond-1, time.Millisecond, func() {
			if _, err := cache.GetSecretString(hmacName); err == nil {
				t.Fatal("served")
			}
		})
		if n := len(b.Calls()); n != 1+reads {
			t.Errorf("%d calls in a second, want a DescribeSecret and one for each of %d reads", n, reads)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		rotate(t, b, old)
		b.Inject(secretstest.Fault{Operation: getCall, Err: secretstest.Throttling()})
		time.Sleep(ttl)
		poll(reads*time.Millisecond-1, time.Millisecond, func() { ask(t.Context(), c).serves(t, old, 0) })
		checkOperations(t, b, describeCall, getCall)
	})
}

// The end of one caller's context is remembered as the secret's error.
func TestDefect4CancellationHandedToOthers(t *testing.T) {
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := cache.GetSecretStringWithContext(ended, hmacName)
		checkIs(t, err, context.Canceled)
		_, err = cache.GetSecretStringWithContext(t.Context(), hmacName)
		checkIs(t, err, context.Canceled) // though this one's context is live
	}, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		ask(ended, c).fails(t, 0, context.Canceled)
		if a := ask(t.Context(), c); a.err != nil {
			t.Error(a.err)
		}
	})
}

// A mutex is held while the network is asked, so that a waiter's context does not
// matter. A waiter on a mutex would hang a bubble: the naive part runs outside.
func TestDefect5DeadlineOfAWaiterIgnored(t *testing.T) {
	t.Run("naive", func(t *testing.T) {
		b := secretstest.New()
		store(t, b, hmacName, document(t, nil))
		entered, release := make(chan struct{}), make(chan struct{})
		cache := naiveCache(t, &tapped{Backend: b, before: func(_ context.Context, operation string) {
			if operation == describeCall {
				close(entered)
				<-release
			}
		}})
		outcome := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := cache.GetSecretStringWithContext(ctx, hmacName)
				done <- err
			}()
			return done
		}
		leader := outcome(t.Context())
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		waiter := outcome(ctx)
		<-ctx.Done()
		select {
		case err := <-waiter:
			t.Errorf("the waiter's deadline counts: %v", err)
			waiter = nil
		case <-time.After(50 * time.Millisecond): // ten times its deadline
		}
		close(release)
		if err := <-leader; err != nil {
			t.Error(err)
		}
		if waiter != nil {
			if err := <-waiter; err != nil {
				t.Errorf("long after its deadline the waiter got %v, want no error", err)
			}
		}
	})
	t.Run("here", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			slowLoads(b, time.Second)
			c := newClient(t, b)
			leader := askAsync(t.Context(), c)
			askWithin(t, c, 5*time.Millisecond).fails(t, 5*time.Millisecond, context.DeadlineExceeded)
			(<-leader).ends(t, 2*time.Second)
		})
	})
}

// RefreshNow sleeps before it refreshes, whatever its context says: for seconds,
// and after an error for decades, nanoseconds being taken for milliseconds.
func TestDefect6RefreshSleeps(t *testing.T) {
	const decade = 10 * 365 * 24 * time.Hour
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		refresh := func() time.Duration {
			began := time.Now()
			cache.RefreshNowWithContext(ended, hmacName)
			return time.Since(began)
		}
		if took := refresh(); took < 2500*time.Millisecond || took > 5*time.Second+time.Millisecond {
			t.Errorf("the refresh took %v", took)
		}
		if took := refresh(); took < decade {
			t.Errorf("the refresh after an error took %v", took)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		refresh := func() verdict { // which is what a mismatch asks for
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			return verify(ctx, c, forged())
		}
		slowLoads(b, 3*time.Millisecond)
		time.Sleep(time.Minute)
		refresh().refuses(t, 3*time.Millisecond, tenantsecrets.ErrMismatch)
		b.Inject(secretstest.Fault{Delay: time.Second, Err: secretstest.Throttling()})
		time.Sleep(time.Minute)
		refresh().refuses(t, 5*time.Millisecond, tenantsecrets.ErrUnconfirmed)
		time.Sleep(time.Second)
		synctest.Wait()
		refresh().refuses(t, 5*time.Millisecond, tenantsecrets.ErrUnconfirmed)
	})
}

// The configured stage is not asked for, and that a stage is missing is believed
// for the whole TTL.
func TestDefect7StageIgnoredOrMissing(t *testing.T) {
	const previous = "AWSPREVIOUS"
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b, func(c *secretcache.Cache) { c.VersionStage = previous })
		if _, err := cache.GetSecretString(hmacName); err != nil {
			t.Errorf("error is %v, though what is current was expected", err)
		}
		_, before := cache.GetSecretStringWithStage(hmacName, previous)
		put(t, b, hmacName, document(t, nil))
		time.Sleep(25 * time.Minute) // half the default TTL is the shortest
		_, after := cache.GetSecretStringWithStage(hmacName, previous)
		if before == nil || after == nil {
			t.Errorf("errors are %v and %v, want the second to be the first's", before, after)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		before := signed(t, b)
		put(t, b, hmacName, document(t, nil))
		after := signed(t, b)
		time.Sleep(time.Minute)
		verify(t.Context(), c, after).accepts(t, 0)
		verify(t.Context(), c, before).accepts(t, 0) // by AWSPREVIOUS, which was not there before
	})
}

// What is current and what was before are two reads, and a rotation may come
// between them.
func TestDefect8StagesStraddleARotation(t *testing.T) {
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b, func(c *secretcache.Cache) { c.CacheItemTTL = 1 })
		current := naiveRead(t, cache)
		put(t, b, hmacName, document(t, nil))
		time.Sleep(time.Millisecond)
		previous, err := cache.GetSecretStringWithStage(hmacName, "AWSPREVIOUS")
		if err != nil || previous != current {
			t.Errorf("error is %v; the same version as both: %v", err, previous == current)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		first := signed(t, b)
		put(t, b, hmacName, document(t, nil))
		second := signed(t, b)
		third := "" // the version that comes after the description, and before the values
		c := newClient(t, &tapped{Backend: b, after: func(_ context.Context, operation string) {
			if operation == describeCall && third == "" {
				third = put(t, b, hmacName, document(t, nil))
			}
		}})
		verify(t.Context(), c, first).accepts(t, 0)
		verify(t.Context(), c, second).accepts(t, 0)
		time.Sleep(ttl)
		ask(t.Context(), c).servesVersion(t, third, 0)
		verify(t.Context(), c, second).accepts(t, 0)
	})
}
