package tenantsecrets_test

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestTTLOffAsksEveryTime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b, func(o *tenantsecrets.Options) { o.TTL = -1 })
		for range 3 {
			ask(t.Context(), c).serves(t, s, 0)
			checkOperations(t, b, describeCall)
		}
		version := rotate(t, b, s)
		ask(t.Context(), c).servesVersion(t, version, 0)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(maxStale - 1)
		ask(t.Context(), c).servesVersion(t, version, 0)
	})
}

func TestMaxStaleOffServesNothingPastTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b, func(o *tenantsecrets.Options) { o.MaxStale = -1 })
		b.Inject(secretstest.Fault{Delay: 2 * time.Second})
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, s, 4*time.Second) // also reads the plaintext again
		checkOperations(t, b, describeCall, getCall)

		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(ttl - 4*time.Second - 1)
		ask(t.Context(), c).serves(t, s, 0)
		time.Sleep(time.Nanosecond)
		a := ask(t.Context(), c) // joins the background load
		a.fails(t, 2*time.Second-1, tenantsecrets.ErrStale)
	})
}

func TestTTLAndMaxStaleOffServeNothingHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b, func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = -1, -1 })
		time.Sleep(time.Nanosecond)
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, describeCall, getCall)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale)
	})
}

func TestStaleWaitOffNeverWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b, func(o *tenantsecrets.Options) { o.StaleWait = -1 })
		version := rotate(t, b, old)
		b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, old, 0)
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		ask(t.Context(), c).servesVersion(t, version, 0)
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestNegativeTTLOffForgetsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.NegativeTTL = -1 })
		for range 3 {
			ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
			checkOperations(t, b, describeCall)
		}
		store(t, b, hmacName, document(t, nil))
		tenantSecret(t, c)

		deleteNow(t, b)
		b.ClearCalls()
		time.Sleep(ttl)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b, describeCall) // the caller that meets it asks no second time
	})
}

func TestLoadTimeoutOffWaitsForTheAPI(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: time.Hour})
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.LoadTimeout = -1 })
		if a := ask(t.Context(), c); a.err != nil || a.took != 2*time.Hour {
			t.Errorf("got %v after %v", a.err, a.took)
		}
	})
}

// Each option means what it says when it is set, and the others keep theirs.
func TestOptionsThatAreSet(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b, func(o *tenantsecrets.Options) {
			o.TTL, o.MaxStale, o.StaleWait = time.Minute, 2*time.Minute, time.Second
			o.NegativeTTL, o.LoadTimeout = time.Minute, 2*time.Second
		})
		slow := b.Inject(secretstest.Fault{Delay: time.Hour})
		time.Sleep(time.Minute)
		ask(t.Context(), c).serves(t, old, time.Second)
		time.Sleep(59 * time.Second)
		ask(t.Context(), c).fails(t, 2*time.Second, tenantsecrets.ErrStale)
		slow()

		deleteNow(t, b)
		time.Sleep(time.Minute)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		b.ClearCalls()
		time.Sleep(time.Minute - 1)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b)
		time.Sleep(time.Nanosecond)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b, describeCall)
	})
}

func TestContradictingOptions(t *testing.T) {
	for _, test := range []struct {
		name          string
		ttl, maxStale time.Duration
		ok            bool
	}{
		{"defaults", 0, 0, true},
		{"MaxStale below TTL", 2 * time.Minute, 2*time.Minute - 1, false},
		{"MaxStale equal to TTL", 2 * time.Minute, 2 * time.Minute, true},
		{"MaxStale below the default TTL", 0, ttl - 1, false},
		{"TTL above the default MaxStale", maxStale + 1, 0, false},
		{"TTL above the default MaxStale, and that off", maxStale + 1, -1, true},
		{"MaxStale short, and TTL off", -1, 1, true},
		{"both off", -1, -1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := secretstest.New()
			c, err := tenantsecrets.New(b, naming, func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = test.ttl, test.maxStale })
			if test.ok {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				return
			}
			if c != nil {
				t.Error("a client in spite of it")
			}
			checkIs(t, err, tenantsecrets.ErrInvalidOption)
		})
	}
}

// The longest durations are for ever, and not so long that they overflow.
func TestForever(t *testing.T) {
	const long = 50 * 365 * 24 * time.Hour
	t.Run("MaxStale", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			time.Sleep(time.Second)
			c, s := warm(t, b, func(o *tenantsecrets.Options) { o.MaxStale = math.MaxInt64 })
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			for _, age := range []time.Duration{0, agesLatest, long} {
				time.Sleep(age)
				ask(t.Context(), c).serves(t, s, 0)
			}
		})
	})
	t.Run("TTL", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			time.Sleep(time.Second)
			c, s := warm(t, b, func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = math.MaxInt64, math.MaxInt64 })
			for _, age := range []time.Duration{0, agesLatest, long} {
				time.Sleep(age)
				ask(t.Context(), c).serves(t, s, 0)
			}
			synctest.Wait()
			checkOperations(t, b)
		})
	})
	t.Run("NegativeTTL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := secretstest.New()
			c := newClient(t, b, func(o *tenantsecrets.Options) { o.NegativeTTL = math.MaxInt64 })
			for _, age := range []time.Duration{time.Second, negativeTTL, long} {
				time.Sleep(age)
				ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
			}
			checkOperations(t, b, describeCall)
		})
	})
	t.Run("waits", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			time.Sleep(time.Second)
			c, s := warm(t, b, func(o *tenantsecrets.Options) { o.StaleWait, o.LoadTimeout = math.MaxInt64, math.MaxInt64 })
			b.Inject(secretstest.Fault{Delay: time.Minute})
			time.Sleep(ttl)
			ask(t.Context(), c).serves(t, s, time.Minute)
		})
	})
}

// A place that no ARN can have would refuse every secret.
func TestPlaceOptions(t *testing.T) {
	for _, test := range []struct {
		partition, account, region string
		ok                         bool
	}{
		{"", "", "", true},
		{"aws-us-gov", "123456789012", "us-gov-west-1", true},
		{"", "123", "", false},
		{"", "1234567890123", "", false},
		{"", "12345678901x", "", false},
		{"", " 123456789012", "", false},
		{"", "", "eu central", false},
		{"", "", "EU-CENTRAL-1", false},
		{"", "", "eu-central-1\n", false},
		{"arn:aws", "", "", false},
	} {
		c, err := tenantsecrets.New(secretstest.New(), naming, func(o *tenantsecrets.Options) {
			o.Partition, o.Account, o.Region = test.partition, test.account, test.region
		})
		if (c != nil) != test.ok || errors.Is(err, tenantsecrets.ErrInvalidOption) == test.ok {
			t.Errorf("partition %q, account %q, Region %q: %v", test.partition, test.account, test.region, err)
		}
		c.Close()
	}
}
