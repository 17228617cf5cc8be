package tenantsecrets

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// API is what a [Client] calls of Secrets Manager. A *secretsmanager.Client is
// one, and so is a secretstest.Backend. It has what the library will ever call, so
// that a fake of yours stays one; BatchGetSecretValue is called by Prefetch alone. Its
// methods are called by many goroutines at once.
type API interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	BatchGetSecretValue(context.Context, *secretsmanager.BatchGetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error)
	CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
}

// Options are what [New] can be told. For a duration 0 means the default and a
// negative value means off.
//
// Age is counted from the moment at which the last successful load began. It
// decides what a call gets:
//
//	below TTL               what is held; from 0.6 to 0.8 TTL on, one load runs in the background
//	from TTL to MaxStale    a load, waited for at most StaleWait; then what is held
//	from MaxStale on        a load, or an error
//
// After a load that failed the next one begins 1 s later at the earliest, then 2, 4
// and so on up to 30 s. Until then nobody waits: what is held is served, from
// MaxStale on the failure is.
type Options struct {
	// TTL is how long a secret is served without waiting; 5 min by default. Off:
	// every call asks for a load.
	TTL time.Duration

	// MaxStale is the age from which on nothing is served without a load; 1 h by
	// default. Off: nothing is served past TTL without a load. It must be the same
	// for all readers of a secret, and not below TTL: what rotates keys relies on
	// the largest.
	MaxStale time.Duration

	// StaleWait is how long a call waits for a load between TTL and MaxStale;
	// 250 ms by default. Off: it never waits.
	StaleWait time.Duration

	// NegativeTTL is how long a definite no (not found, access denied, deleted,
	// malformed, another tenant's) is remembered; 30 s by default. Off: it is not.
	NegativeTTL time.Duration

	// LoadTimeout bounds one load, whatever its callers wait for; 5 s by default. It
	// also bounds the wait for a turn before it, see MaxLoads, and each request of
	// CreateTenant. Off: only the API's own timeouts and the caller's context do.
	LoadTimeout time.Duration

	// MaxLoads is how many loads may run at once in each of three groups: loads of known
	// tenants, of tenant IDs that are not known to exist, and loads that only a message
	// with a wrong or new signature asks for. 64 by default. Loads that a call waits for
	// queue for a slot, the one that most calls ask for first; a load in the background
	// begins only if a slot is free. Negative: any number.
	MaxLoads int

	// Capacity is how many secrets that exist are cached; 0 means any number. When the
	// limit is reached, a secret that was not used recently is evicted (SIEVE). One scan
	// over many tenants does not evict those in regular use, and neither do forged
	// messages. Leave some room: 10 % more than are in use at a time.
	Capacity int

	// ValuesOnly reads with GetSecretValue alone, for a process that has no other
	// permission, with one call a load instead of two. It does not see what only
	// DescribeSecret shows, see "Three ways to read" in the package's documentation.
	ValuesOnly bool

	// UnknownIDs is how many secrets that are not known to exist may be looked for
	// in vain a second; 50 by default, and ten times as many at once. What goes
	// beyond gets ErrUnavailable, never ErrNotFound, and costs no call: ids that
	// somebody makes up cannot use up the account's quota. A secret that was read or
	// created once is known. Negative: any number.
	UnknownIDs int

	// Known reports whether a tenant ID is known to exist, for example from the list of
	// customers that the service keeps in memory. An ID that it knows is loaded as a
	// known tenant is: it needs no budget of UnknownIDs, so that a flood of made-up IDs
	// does not keep a process that has just started from loading real tenants. An ID
	// that it does not know is loaded within the budget, so that the list may lag
	// behind. nil by default: only secrets that this client has loaded, created or
	// prefetched are known. It is called only where no secret is cached, by many
	// goroutines at once. It must be fast and must not call the client.
	Known func(tenant string) bool

	// Partition, Account and Region are where every secret must be, as in its ARN:
	// "aws", "123456789012", "eu-central-1". Each that is empty is taken from the
	// first secret that is loaded, and must not change after that.
	Partition, Account, Region string

	// Now is the clock of dates and ages; time.Now by default. It must be safe for
	// concurrent use. Waits use the timers of package time: in tests prefer
	// testing/synctest, which moves both.
	Now func() time.Time

	// Observe is told of every call, load and request when it is over; nil is off, and
	// costs nothing. It is called on the goroutine that does the work, by many at
	// once, and must neither block nor panic, nor ask for a secret that is not held: a
	// load would wait for itself. Build metrics, traces and audit logs
	// on it.
	Observe func(context.Context, Event)

	// Logger is told what an operator should look at and no caller is: an answer
	// that belongs to another tenant, a previous version that cannot be used. It is
	// never given a secret. slog.Default() by default.
	Logger *slog.Logger
}

const (
	defaultTTL         = 5 * time.Minute
	defaultMaxStale    = time.Hour
	defaultStaleWait   = 250 * time.Millisecond
	defaultNegativeTTL = 30 * time.Second
	defaultLoadTimeout = 5 * time.Second
	defaultMaxLoads    = 64
	defaultUnknownIDs  = 50
)

// resolve applies the functions and puts a definite value in every field: after
// it, 0 means off.
func resolve(optFns []func(*Options)) (Options, error) {
	var o Options
	for _, fn := range optFns {
		fn(&o)
	}
	staleOff := o.MaxStale < 0
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.TTL, defaultTTL},
		{&o.MaxStale, defaultMaxStale},
		{&o.StaleWait, defaultStaleWait},
		{&o.NegativeTTL, defaultNegativeTTL},
		{&o.LoadTimeout, defaultLoadTimeout},
	} {
		*d.value = min(orDefault(*d.value, d.fallback), forever)
	}
	o.MaxLoads = orDefault(o.MaxLoads, defaultMaxLoads)
	o.UnknownIDs = orDefault(o.UnknownIDs, defaultUnknownIDs)
	if o.Capacity < 0 {
		return Options{}, fmt.Errorf("%w: Capacity %d is negative; 0 is any number", ErrInvalidOption, o.Capacity)
	}
	if staleOff {
		o.MaxStale = o.TTL
	}
	if o.MaxStale < o.TTL {
		return Options{}, fmt.Errorf("%w: MaxStale %v is below TTL %v", ErrInvalidOption, o.MaxStale, o.TTL)
	}
	for _, place := range []struct{ what, value, pattern string }{
		{"Partition", o.Partition, `^[a-z0-9-]*$`},
		{"Account", o.Account, `^([0-9]{12})?$`},
		{"Region", o.Region, `^[a-z0-9-]*$`},
	} {
		if !regexp.MustCompile(place.pattern).MatchString(place.value) {
			return Options{}, fmt.Errorf("%w: %s %s is not as in an ARN", ErrInvalidOption, place.what, quote(place.value))
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// asGiven is the inverse of resolve.
func (o Options) asGiven() Options {
	for _, d := range []*time.Duration{&o.TTL, &o.MaxStale, &o.StaleWait, &o.NegativeTTL, &o.LoadTimeout} {
		if *d == 0 {
			*d = -1
		}
	}
	for _, n := range []*int{&o.MaxLoads, &o.UnknownIDs} {
		if *n == 0 {
			*n = -1
		}
	}
	return o
}

// forever is as long as a duration gets: an option of more means as much, and
// arithmetic with it does not overflow.
const forever = 100 * 365 * 24 * time.Hour

func orDefault[N int | time.Duration](n, fallback N) N {
	switch {
	case n == 0:
		return fallback
	case n < 0:
		return 0
	}
	return n
}

// CreateOptions are what [Client.CreateTenant] can be told.
type CreateOptions struct {
	// KMSKeyID is the key ARN, key id or alias that encrypts the secret; at most
	// 2048 characters. Empty: the account's aws/secretsmanager key, which cannot be
	// used from another account.
	KMSKeyID string

	// Description is stored beside the secret in the clear; at most 2048
	// characters.
	Description string

	// Tags are stored beside TenantId, SecretType, Environment and Service, which
	// they must not name in any case. At most 46; keys have 1 to 128 characters, values at
	// most 256.
	Tags map[string]string

	// IdempotencyKey, where it is not empty, makes a repeated call return the
	// secret that the first one created, however that one ended. It is per name: one
	// key may serve any number of tenants. At most 256 bytes.
	IdempotencyKey string
}
