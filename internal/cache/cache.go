package cache

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// Config is what a cache is made of. For a duration or a number 0 is off.
type Config[S Subject, V any] struct {
	TTL         time.Duration // an item is served without waiting
	MaxStale    time.Duration // from this age on an item is not served without a load
	StaleWait   time.Duration // how long a call waits for a load between TTL and MaxStale
	NegativeTTL time.Duration // how long a definitive failure is remembered
	LoadTimeout time.Duration // of one load, and of the wait for its slot
	MaxLoads    int           // loads at once, in each of three groups
	Capacity    int           // known entries
	UnknownRate int           // lookups in vain of unknown IDs in a second; ten times as many at once
	Clock       *Clock        // nil: a new one

	// Known reports whether an owner is known to exist; nil: only what was loaded is.
	Known func(owner string) bool

	// Load finds out what is stored.
	Load LoadFunc[S, V]

	// Classify says what an error of Load means. It is not asked of an Error.
	Classify func(error) Class

	// Same reports whether two values are of one version.
	Same func(a, b *V) bool

	// Loaded is told of every load that has ended; nil: nobody is. i is nil after a
	// failure.
	Loaded func(e *Entry[S, V], began time.Time, i *Item[S, V], err error)
}

// LoadFunc finds out what is stored. It returns cached.Item where that still says
// everything, or else a NewItem of the entry with its value filled in; and the stamp of
// what it found, which grows with every change. 0 is no stamp. It is called by many
// goroutines at once, but for one entry by one at a time, and need not end with ctx.
type LoadFunc[S Subject, V any] func(ctx context.Context, e *Entry[S, V], cached Cached[S, V]) (i *Item[S, V], stamp int64, err error)

// Cached is what a load begins with.
type Cached[S Subject, V any] struct {
	Item     *Item[S, V] // nil: none
	Reread   bool        // read the value also of the version that is cached
	Mismatch bool        // no key has matched a message: look for every key there is
	Stamp    int64       // the largest stamp seen: a smaller one is a read that lags behind
}

// Cache keeps one item per key, and decides who loads it and when. Make one with New. It
// may be used by any number of goroutines. No lock is held while a load runs.
type Cache[S Subject, V any] struct {
	config    Config[S, V]
	clock     *Clock
	freshness freshness
	groups    groups
	table     *table[S, V]
	flights   singleflight.Group // one load of an entry at a time, by its key
	counts    counts

	lastSuccess, recovered atomic.Int64 // clock readings, see succeeded

	ctx    context.Context // of all loads, ended by Close
	cancel context.CancelFunc
}

// New returns an empty cache.
func New[S Subject, V any](config Config[S, V]) *Cache[S, V] {
	c := &Cache[S, V]{
		config:    config,
		clock:     config.Clock,
		freshness: freshness{config.TTL, config.MaxStale, config.StaleWait, config.NegativeTTL},
		groups:    newGroups(config.MaxLoads, config.UnknownRate),
		table:     newTable[S, V](config.Capacity),
	}
	if c.clock == nil {
		c.clock = NewClock(nil)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends the loads that are running and forgets every item. Every call from then on,
// and every call that waits, returns ErrClosed. It may be called more than once.
func (c *Cache[S, V]) Close() {
	c.cancel()
	c.table.close()
}

// Closed reports whether Close was called.
func (c *Cache[S, V]) Closed() bool { return c.ctx.Err() != nil }

// Clock returns the clock that ages are counted with.
func (c *Cache[S, V]) Clock() *Clock { return c.clock }

// Stats returns the counters. It looks at every item, a matter of milliseconds for
// 100,000, and takes no lock: counts that belong together may differ by what happens
// meanwhile.
func (c *Cache[S, V]) Stats() Stats {
	// A part is read before its whole, and counted after it: it is never larger.
	s := Stats{Stale: c.counts.stale.Load(), Failures: c.counts.failures.Load()}
	s.Hits, s.Loads = c.counts.hits.sum(), c.counts.loads.Load()
	s.Negatives, s.Evictions = c.counts.negatives.Load(), c.table.evictions.Load()
	s.Oldest, s.Cached = c.table.oldest(c.clock.Elapsed())
	return s
}

// Bounded returns a context that ends when ctx does, when the cache closes, or after
// LoadTimeout.
func (c *Cache[S, V]) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := c.timed(ctx)
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

func (c *Cache[S, V]) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.config.LoadTimeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.config.LoadTimeout)
}

// AfterClose calls f when the cache closes, unless stop is called before.
func (c *Cache[S, V]) AfterClose(f func()) (stop func() bool) { return context.AfterFunc(c.ctx, f) }

// Sleep waits for d. The error is an Error around ctx's, or ErrClosed.
func (c *Cache[S, V]) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return c.Stopped(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// Stopped returns why a call that waits with ctx stopped: ErrClosed, or an Error around
// the context's.
func (c *Cache[S, V]) Stopped(ctx context.Context) error {
	if c.Closed() {
		return ErrClosed
	}
	return abandoned(ctx)
}
