package tenantsecrets

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// creationLag is how long a not-found may be a read that lags behind the creation.
const creationLag = 10 * time.Second

// cache keeps a snapshot per secret, and decides who fetches it and when. No
// lock is held across a fetch.
type cache struct {
	clock     *clock
	freshness freshness
	timeout   time.Duration // of a load; 0: none
	groups    groups
	known     func(tenant string) bool // Options.Known; may be nil
	table     *table
	flights   singleflight.Group // one load at a time, by the secret's name
	fetch     fetch
	counts    counts
	observe   func(context.Context, Event) // may be nil

	lastSuccess, recovered atomic.Int64 // clock readings, see succeeded

	ctx   context.Context // of all loads, ended by close
	close context.CancelFunc
}

func newCache(o *Options) *cache {
	c := &cache{
		clock:     newClock(o.Now),
		freshness: freshness{o.TTL, o.MaxStale, o.StaleWait, o.NegativeTTL},
		timeout:   o.LoadTimeout,
		table:     newTable(o.Capacity),
		observe:   o.Observe,
		known:     o.Known,
		groups:    newGroups(o),
	}
	c.ctx, c.close = context.WithCancel(context.Background())
	return c
}

// fetch finds out what a secret is now.
type fetch func(ctx context.Context, e *entry, k known) (found, error)

// found is what a load found: a new snapshot, or the one that was held and still
// says it all.
type found struct {
	snapshot *snapshot
	changed  int64 // see entry.changed
}

// entry is one secret's place in the cache.
type entry struct {
	secret
	held       atomic.Pointer[snapshot]
	pause      atomic.Pointer[pause]  // in which no load begins; nil: none
	number     atomic.Int64           // of the last load that began
	running    atomic.Int32           // loads: one, or also one that a write of this process has made void
	refreshing atomic.Bool            // a background load is on its way
	late       atomic.Bool            // a call has waited StaleWait in vain since the last success
	exists     atomic.Bool            // it was seen to, by a load or by its creation
	named      atomic.Bool            // the user says that the tenant exists
	evicted    atomic.Bool            // it lost its place, and was not loaded since
	onTrial    atomic.Bool            // it was loaded after its eviction, for a signature that is not verified yet
	asked      atomic.Int32           // how many calls have asked for a load since the last success
	queued     atomic.Pointer[waiter] // while its load waits for a slot
	resident   atomic.Bool            // it has a place in the table that strangers cannot take
	inLine     int32                  // its place among the strangers, from 1; 0: none; guarded by table.mu
	neighbours

	mu       sync.Mutex    // never held across a fetch
	begun    time.Duration // when the last load did
	failure  *failure      // of the last load; nil if it succeeded
	failures int32         // in a row
	inVain   int32         // loads in a row that a mismatch asked for and that found nothing new
	writes   int           // of this process to the secret; a load that began before the last is not stored
	changed  int64         // newest LastChangedDate seen, in microseconds; it outlives what is held
	appeared time.Duration // when it was created or first found: then a not-found may be a read that lags behind
}

// newEntry makes an entry that has never been loaded: a load may begin at once.
func newEntry(s secret) *entry { return &entry{secret: s, begun: -mismatchGap, appeared: -creationLag} }

// latest returns what is held, or a snapshot that holds nothing.
func (e *entry) latest() *snapshot {
	if s := e.held.Load(); s != nil {
		return s
	}
	return newSnapshot(e)
}

func (e *entry) loading() bool { return e.running.Load() > 0 }

// lags tells whether a not-found may be a read that lags behind the creation.
func (e *entry) lags(now time.Duration) bool { return newSpan(e.appeared, creationLag).holds(now) }

// pause is a time after a failure in which no load begins.
type pause struct {
	span
	definite bool // after a definitive failure
}

// backsOff reports whether no load may begin.
func (c *cache) backsOff(e *entry, now time.Duration) bool {
	p := e.pause.Load()
	if p == nil || !p.holds(now) {
		return false
	}
	outlived := !p.definite && p.from < time.Duration(c.recovered.Load()) // an outage that is over caused it
	return !outlived || now < p.from+minBackoff
}

// pauseFor lets no load begin for a while. Its caller holds e.mu.
func (e *entry) pauseFor(now, d time.Duration, definite bool) {
	e.pause.Store(&pause{newSpan(now, d), definite})
}

// refusal returns what the last load failed with, while no other may begin.
func (c *cache) refusal(e *entry, now time.Duration) *failure {
	if !c.backsOff(e, now) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failure
}

var (
	errTimedOut   = error(transient("the wait for a load is over"))
	errSuperseded = errors.New("the secret was written while it was being read")
)

// find returns a secret's entry and, where that needs no thought, what may be
// served of it. It is a hit's whole way.
func (c *cache) find(tenant, path string) (e *entry, s *snapshot, now time.Duration) {
	now = c.clock.elapsed() // before the table is read, whose cache misses then overlap
	s = c.table.find(tenant, path)
	switch {
	case s == nil:
		return nil, nil, now
	case !s.isFresh(now):
		return s.entry, nil, now
	}
	return s.entry, c.hit(s), now
}

// get returns what may be served of an entry. n is what a load of it would be for.
func (c *cache) get(ctx context.Context, e *entry, n need) (*snapshot, error) {
	for {
		if c.ctx.Err() != nil {
			return nil, ErrClosed
		}
		s, now := e.held.Load(), c.clock.elapsed()
		switch c.freshness.stage(s, now) {
		case fresh:
			return c.hit(s), nil

		case aging:
			c.refresh(e, now)
			return c.hit(s), nil

		case stale:
			if c.freshness.staleWait == 0 || e.late.Load() || c.backsOff(e, now) {
				c.refresh(e, now)
				return c.stale(s), nil
			}
			number := s.number.Load()
			found, err := c.join(ctx, e, n, c.freshness.staleWait)
			if err == nil || isDefinite(err) || errors.Is(err, ErrClosed) {
				return found, err
			}
			if errors.Is(err, errTimedOut) {
				e.waitedInVain(s, number)
			}
			if s = e.held.Load(); c.freshness.stage(s, c.clock.elapsed()) != dead {
				return c.stale(s), nil
			}

		case dead:
			if f := c.refusal(e, now); f != nil {
				c.counts.negatives.Add(1)
				return nil, outdated(f, s)
			}
			if g := c.group(e, n); g.refuses(now) {
				c.counts.negatives.Add(1)
				return nil, g.refusal
			}
			found, err := c.join(ctx, e, n, noLimit)
			return found, outdated(err, s)
		}
	}
}

func (c *cache) hit(s *snapshot) *snapshot {
	s.see()
	c.counts.hits.add()
	return s
}

// stale is a hit past TTL.
func (c *cache) stale(s *snapshot) *snapshot {
	c.counts.stale.Add(1)
	return c.hit(s)
}

// waitedInVain notes a StaleWait that ended without an answer, unless one has
// come at that very moment.
func (e *entry) waitedInVain(s *snapshot, number int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held.Load() == s && s.number.Load() == number {
		e.late.Store(true)
	}
}

func isDefinite(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.Definite
}

// outdated makes ErrStale of an ErrUnavailable where something is held.
func outdated(err error, s *snapshot) error {
	var f *failure
	if s == nil || !errors.As(err, &f) || !errors.Is(f, ErrUnavailable) {
		return err
	}
	return &failure{Sentinel: ErrStale, Detail: f.Detail, Cause: f.Cause}
}

// refresh starts a load that nobody waits for, unless one is on its way, the last
// one has failed too recently, or it would take the place of one that somebody
// waits for.
func (c *cache) refresh(e *entry, now time.Duration) {
	if c.backsOff(e, now) || !e.refreshing.CompareAndSwap(false, true) {
		return
	}
	slots := c.groups.known.slots
	if !slots.tryTake() {
		e.refreshing.Store(false)
		return
	}
	go func() {
		defer e.refreshing.Store(false)
		defer slots.free()
		_, _, _ = c.flights.Do(e.name, func() (any, error) { return c.loadNow(e, wanted, c.fetch) })
	}()
}

const noLimit = time.Duration(-1) // a wait that only the caller's context bounds

// need is what a load is for.
type need struct {
	after    int64 // the number that the snapshot's must be above; anyFresh: none
	mismatch bool  // no key has matched a signature: look for every key there is
	webhook  bool  // a message's signature asks for it, which anybody can send
	vouched  bool  // an operator has named the secret: it is known to exist
	batched  bool  // it waits for a batch, which ends in time
}

const anyFresh = int64(-1)

var (
	wanted  = need{after: anyFresh} // by a call
	webhook = need{after: anyFresh, webhook: true}
	vouched = need{after: anyFresh, vouched: true}
	batched = need{after: anyFresh, vouched: true, batched: true}
)

// outlives reports whether a load that ended with err must be followed by another: what
// it read is outdated, or it was refused for the limits of another group than g.
func (c *cache) outlives(g *group, err error) bool {
	return errors.Is(err, errSuperseded) || errors.Is(err, errNotBatched) || errors.Is(err, errTooManyWebhooks) && g != &c.groups.webhooks
}

// join waits for the load that is under way, or begins one. Its caller's context
// bounds its wait and nothing else: the load goes on for whoever comes next.
func (c *cache) join(ctx context.Context, e *entry, n need, wait time.Duration) (*snapshot, error) {
	var over <-chan time.Time
	if wait != noLimit {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	g := c.group(e, n)
	e.asked.Add(1)
	if w := e.queued.Load(); w != nil {
		w.raise()
	}
	for {
		if ctx.Err() != nil {
			return nil, abandoned(ctx)
		}
		select {
		case result := <-c.flights.DoChan(e.name, func() (any, error) { return c.load(g, e, n) }):
			if c.outlives(g, result.Err) {
				continue
			}
			s, _ := result.Val.(*snapshot)
			return s, result.Err
		case <-over:
			return nil, errTimedOut
		case <-ctx.Done():
			return nil, abandoned(ctx)
		case <-c.ctx.Done():
			return nil, ErrClosed
		}
	}
}

func abandoned(ctx context.Context) error {
	return &failure{Sentinel: ErrUnavailable, Detail: "the caller stopped waiting", Cause: ctx.Err()}
}

func (c *cache) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return abandoned(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// put stores what this process has just written.
func (c *cache) put(e *entry, s *snapshot) *snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.clock.elapsed()
	c.void(e)
	e.appeared = now
	e.forgive()
	s.early = c.freshness.early()
	s.confirm(0, now, now)
	return c.settle(e, s)
}

// mayExist notes that a secret exists, or may: a not-found is not repeated from
// before, nor believed at once.
func (c *cache) mayExist(e *entry) {
	e = c.table.keep(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.appeared = c.clock.elapsed()
	if e.failure != nil && errors.Is(e.failure.Sentinel, ErrNotFound) {
		e.forgive()
	}
}

// reload loads what another writer, or an attempt of ours whose answer was lost,
// has written.
func (c *cache) reload(ctx context.Context, e *entry) (*snapshot, error) {
	e = c.table.keep(e)
	e.mu.Lock()
	c.void(e)
	e.appeared = c.clock.elapsed()
	e.forgive()
	e.mu.Unlock()
	return c.loadAfter(ctx, e, e.number.Load())
}

// loadAfter loads, however fresh what is held is.
func (c *cache) loadAfter(ctx context.Context, e *entry, number int64) (*snapshot, error) {
	for {
		s, err := c.join(ctx, e, need{after: number}, noLimit)
		if err != nil || s.entry == e && s.number.Load() > number {
			return s, err
		}
	}
}
