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
	slots     slots
	strangers *bucket // of loads of secrets that nobody has seen to exist
	forgeries *bucket // of loads that a mismatch asks for
	table     *table
	fetch     func(ctx context.Context, s *secret, k known) (answer, error)

	ctx   context.Context // of all loads, ended by close
	close context.CancelFunc
}

// entry is one secret's place in the cache.
type entry struct {
	secret
	held       atomic.Pointer[snapshot]
	flight     singleflight.Group   // one load at a time
	refreshing atomic.Bool          // a background load is on its way
	late       atomic.Bool          // a call has waited StaleWait in vain since the last success
	pause      atomic.Pointer[span] // in which no load begins; nil: none
	number     atomic.Int64         // of the last load that began
	exists     atomic.Bool          // it was seen to, by a load or by its creation

	mu       sync.Mutex    // never held across a fetch
	begun    time.Duration // when the last load did
	running  int           // loads: one, or also one that a write of this process has made void
	failure  *failure      // of the last load; nil if it succeeded
	failures int           // in a row
	writes   int           // of this process to the secret; a load that began before the last is not stored
	changed  time.Time     // newest LastChangedDate seen; it outlives what is held
	lags     span          // in which a not-found may be a read that lags behind the creation
	inVain   int           // loads in a row that a mismatch asked for and that found nothing new
}

func (e *entry) key() key { return key{e.tenant, e.path} }

// newEntry makes an entry that has never been loaded: a load may begin at once.
func newEntry(s secret) *entry { return &entry{secret: s, begun: -mismatchGap} }

// backsOff tells whether no load may begin.
func (e *entry) backsOff(now time.Duration) bool {
	pause := e.pause.Load()
	return pause != nil && pause.holds(now)
}

// pauseFor lets no load begin for a while. Its caller holds e.mu.
func (e *entry) pauseFor(now, d time.Duration) {
	pause := newSpan(now, d)
	e.pause.Store(&pause)
}

// refusal returns what the last load failed with, while no other may begin.
func (e *entry) refusal(now time.Duration) *failure {
	if !e.backsOff(now) {
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

// get returns a snapshot that may be served, and the number of the last load that
// had begun when it was asked for. One of a higher number has seen all that was
// written before; times would not tell where Options.Now stands still.
func (c *cache) get(ctx context.Context, e *entry) (s *snapshot, asked int64, err error) {
	asked = e.number.Load()
	if s = e.held.Load(); s != nil && s.isFresh(c.clock.elapsed()) && c.ctx.Err() == nil {
		return s, asked, nil
	}
	s, err = c.freshen(ctx, e)
	return s, asked, err
}

// freshen is the policy: what a call gets at each stage.
func (c *cache) freshen(ctx context.Context, e *entry) (*snapshot, error) {
	for {
		if c.ctx.Err() != nil {
			return nil, ErrClosed
		}
		s, now := e.held.Load(), c.clock.elapsed()
		switch c.freshness.stage(s, now) {
		case fresh:
			return s, nil

		case aging:
			c.refresh(e, now)
			return s, nil

		case stale:
			if c.freshness.staleWait == 0 || e.late.Load() || e.backsOff(now) {
				c.refresh(e, now)
				return s, nil
			}
			found, err := c.join(ctx, e, wanted, c.freshness.staleWait)
			if err == nil || isDefinite(err) || errors.Is(err, ErrClosed) {
				return found, err
			}
			if errors.Is(err, errTimedOut) {
				e.waitedInVain(s)
			}
			if s = e.held.Load(); c.freshness.stage(s, c.clock.elapsed()) != dead {
				return s, nil
			}

		case dead:
			if f := e.refusal(now); f != nil {
				return nil, outdated(f, s)
			}
			if !e.exists.Load() && c.strangers.spent(now) {
				return nil, errTooManyStrangers
			}
			found, err := c.join(ctx, e, wanted, noLimit)
			return found, outdated(err, s)
		}
	}
}

// waitedInVain notes a StaleWait that ended without an answer, unless one has
// come at that very moment.
func (e *entry) waitedInVain(s *snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held.Load() == s {
		e.late.Store(true)
	}
}

func isDefinite(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.definite
}

// outdated makes ErrStale of an ErrUnavailable where something is held.
func outdated(err error, s *snapshot) error {
	var f *failure
	if s == nil || !errors.As(err, &f) || !errors.Is(f, ErrUnavailable) {
		return err
	}
	return &failure{sentinel: ErrStale, detail: f.detail, cause: f.cause}
}

// refresh starts a load that nobody waits for, unless one is on its way, the last
// one has failed too recently, or it would take the place of one that somebody
// waits for.
func (c *cache) refresh(e *entry, now time.Duration) {
	if e.backsOff(now) || !e.refreshing.CompareAndSwap(false, true) {
		return
	}
	if !c.slots.tryTake() {
		e.refreshing.Store(false)
		return
	}
	go func() {
		defer e.refreshing.Store(false)
		defer c.slots.free()
		_, _, _ = e.flight.Do("", func() (any, error) { return c.loadNow(e, wanted) })
	}()
}

const noLimit = time.Duration(-1) // a wait that only the caller's context bounds

// need is what a load is for.
type need struct {
	after    int64 // the number that the snapshot's must be above; anyFresh: none
	mismatch bool  // a signature asks for it, which anybody can send
}

const anyFresh = int64(-1)

// wanted is the need of a call that wants a secret.
var wanted = need{after: anyFresh}

// outlives tells whether a load that ended so has to be followed by another: what
// it read is outdated, or it was refused for a need that is not this one.
func (n need) outlives(err error) bool {
	return errors.Is(err, errSuperseded) || !n.mismatch && errors.Is(err, errTooManyForgeries)
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
	for {
		if ctx.Err() != nil {
			return nil, abandoned(ctx)
		}
		select {
		case result := <-e.flight.DoChan("", func() (any, error) { return c.load(e, n) }):
			if n.outlives(result.Err) {
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
	return &failure{sentinel: ErrUnavailable, detail: "the caller stopped waiting", cause: ctx.Err()}
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
func (c *cache) put(e *entry, a answer) *snapshot {
	e = c.table.keep(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.clock.elapsed()
	e.wrote(now)
	return c.settle(e, c.freshness.snapshot(a, now, now))
}

// mayExist notes that a secret exists, or may: a not-found is not repeated from
// before, nor believed at once.
func (c *cache) mayExist(e *entry) {
	e = c.table.keep(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lags = newSpan(c.clock.elapsed(), creationLag)
	if e.failure != nil && errors.Is(e.failure.sentinel, ErrNotFound) {
		e.forgive()
	}
}

// reload loads what another writer, or an attempt of ours whose answer was lost,
// has written.
func (c *cache) reload(ctx context.Context, e *entry) (*snapshot, error) {
	e = c.table.keep(e)
	e.mu.Lock()
	e.wrote(c.clock.elapsed())
	last := e.number.Load()
	e.mu.Unlock()
	for {
		s, err := c.join(ctx, e, need{after: last}, noLimit)
		if err != nil || s.number > last {
			return s, err
		}
	}
}
