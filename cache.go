package tenantsecrets

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
	"golang.org/x/sync/singleflight"
)

// creationLag is how long a not-found may be a read that lags behind the creation.
const creationLag = 10 * time.Second

// cache keeps a snapshot per secret, and decides who fetches it and when. No
// lock is held across a fetch.
type cache struct {
	clock     clock
	freshness freshness
	timeout   time.Duration // of a load; 0: none
	slots     slots
	entries   *xsync.Map[key, *entry]
	fetch     func(ctx context.Context, s *secret, k known) (answer, error)

	ctx   context.Context // of all loads, ended by close
	close context.CancelFunc
}

// known is what a load begins with.
type known struct {
	held    *snapshot // may be nil
	reread  bool      // read the plaintext even of the version that is held
	changed time.Time // what changed last before that is a read that lags behind
}

// slots has one place per running load; nil has any number.
type slots chan struct{}

func (s slots) free() {
	if s != nil {
		<-s
	}
}

// take waits for a place until ctx ends.
func (s slots) take(ctx context.Context) error {
	if s == nil {
		return nil
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return transient("no turn in time: MaxLoads loads are under way")
	}
}

// tryTake does not wait.
func (s slots) tryTake() bool {
	if s == nil {
		return true
	}
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// key is what a secret is looked up by, so that a hit builds no name.
type key struct{ tenant, path string }

// entry is one secret's place in the cache.
type entry struct {
	secret
	held       atomic.Pointer[snapshot]
	flight     singleflight.Group   // one load at a time
	refreshing atomic.Bool          // a background load is on its way
	late       atomic.Bool          // a call has waited StaleWait in vain since the last success
	pause      atomic.Pointer[span] // in which no load begins; nil: none
	number     atomic.Int64         // of the last load that began

	mu       sync.Mutex    // never held across a fetch
	begun    time.Duration // when the last load did
	running  int           // loads: one, or also one that a write of this process has made void
	failure  *failure      // of the last load; nil if it succeeded
	failures int           // in a row
	writes   int           // of this process to the secret; a load that began before the last is not stored
	changed  time.Time     // newest LastChangedDate seen; it outlives what is held
	lags     span          // in which a not-found may be a read that lags behind the creation
}

// span is the time between two clock readings.
type span struct{ from, until time.Duration }

func newSpan(now, d time.Duration) span { return span{now, now + d} }

// holds is false before the span too: there the clock has gone back, and the rest
// would last longer by as much.
func (s span) holds(now time.Duration) bool { return s.from <= now && now < s.until }

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
	if s = e.held.Load(); s != nil && s.isFresh(c.clock.elapsed()) {
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
			found, err := c.join(ctx, e, anyFresh, c.freshness.staleWait)
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
			found, err := c.join(ctx, e, anyFresh, noLimit)
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
		_, _, _ = e.flight.Do("", func() (any, error) { return c.loadNow(e, anyFresh) })
	}()
}

const (
	noLimit  = time.Duration(-1) // a wait that only the caller's context bounds
	anyFresh = int64(-1)         // instead of a number: any fresh snapshot will do
)

// join waits for the load that is under way, or begins one. Its caller's context
// bounds its wait and nothing else: the load goes on for whoever comes next.
func (c *cache) join(ctx context.Context, e *entry, after int64, wait time.Duration) (*snapshot, error) {
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
		case result := <-e.flight.DoChan("", func() (any, error) { return c.load(e, after) }):
			if errors.Is(result.Err, errSuperseded) {
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

// bounded ends when ctx does, or after LoadTimeout.
func (c *cache) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}

// load waits for its turn and loads. It is called through the entry's flight
// alone, as loadNow is.
func (c *cache) load(e *entry, after int64) (*snapshot, error) {
	if err := c.awaitTurn(); err != nil {
		return nil, err
	}
	defer c.slots.free()
	return c.loadNow(e, after)
}

func (c *cache) awaitTurn() error {
	ctx, cancel := c.bounded(c.ctx)
	defer cancel()
	if err := c.slots.take(ctx); err != nil {
		return c.orClosed(err)
	}
	return nil
}

// loadNow fetches and stores, unless what is held has become good enough since
// its callers looked: fresh, or of a load with a higher number than after.
func (c *cache) loadNow(e *entry, after int64) (*snapshot, error) {
	e.mu.Lock()
	began, held, writes := c.clock.elapsed(), e.held.Load(), e.writes
	if c.suffices(held, began, after) {
		e.mu.Unlock()
		return held, nil
	}
	if e.backsOff(began) {
		defer e.mu.Unlock()
		return nil, e.failure
	}
	e.begun = began
	e.running++
	number := e.number.Add(1)
	k := known{held: held, changed: e.changed, reread: held == nil || c.freshness.rereads(held, began)}
	e.mu.Unlock()

	found, err := c.fetchSafely(&e.secret, k)

	e.mu.Lock()
	defer e.mu.Unlock()
	e.running--
	if e.writes != writes {
		return nil, errSuperseded
	}
	if err != nil && c.ctx.Err() != nil {
		return nil, ErrClosed // which is what ended it
	}
	if err != nil {
		return nil, c.settleFailure(e, err)
	}
	s := c.freshness.snapshot(found, began, k.readAt(&found, began))
	s.number = number
	if held == nil {
		e.lags = newSpan(c.clock.elapsed(), creationLag)
	}
	return c.settle(e, s), nil
}

// orClosed is err, unless Close is what ended it.
func (c *cache) orClosed(err error) error {
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	return err
}

func (c *cache) suffices(held *snapshot, now time.Duration, after int64) bool {
	if after == anyFresh {
		return c.freshness.stage(held, now) == fresh
	}
	return held != nil && held.number > after
}

// readAt returns when the plaintext of what was found was read.
func (k *known) readAt(found *answer, began time.Duration) time.Duration {
	if !k.reread && found.current == k.held.current {
		return k.held.read
	}
	return began
}

// fetchSafely ends with its context, also where the API does not. It makes an
// error of a panic, whose value may hold anything and is dropped, and of a
// goroutine that ends, as testing.T.FailNow ends one.
func (c *cache) fetchSafely(s *secret, k known) (answer, error) {
	ctx, cancel := c.bounded(c.ctx)
	defer cancel()
	type result struct {
		answer answer
		err    error
	}
	results := make(chan result, 1)
	go func() {
		r := result{err: transient("the load ended without an answer")}
		defer func() {
			if p := recover(); p != nil {
				r = result{err: transient("a panic of type %T while loading", p)}
			}
			results <- r
		}()
		r.answer, r.err = c.fetch(ctx, s, k)
	}()
	select {
	case r := <-results:
		return r.answer, r.err
	case <-ctx.Done():
		return answer{}, transient("no answer in time")
	}
}

// settle stores a success. Its caller holds e.mu.
func (c *cache) settle(e *entry, s *snapshot) *snapshot {
	e.held.Store(s)
	if s.changed.After(e.changed) {
		e.changed = s.changed
	}
	e.forgive()
	e.late.Store(false)
	return s
}

// forgive forgets the failures so far. Its caller holds e.mu.
func (e *entry) forgive() {
	e.failure, e.failures = nil, 0
	e.pause.Store(nil)
}

// wrote notes a write by this process. A load under way is not stored, nor is its
// result for those who ask from now on. Its caller holds e.mu.
func (e *entry) wrote(now time.Duration) {
	e.writes++
	e.flight.Forget("")
	e.lags = newSpan(now, creationLag)
	e.forgive()
}

// settleFailure remembers a failure. A definite no evicts what is held, any other
// leaves it. Its caller holds e.mu.
func (c *cache) settleFailure(e *entry, err error) error {
	now := c.clock.elapsed()
	var f *failure
	if !errors.As(err, &f) {
		f = transient("%T", err)
	}
	if e.lags.holds(now) && (errors.Is(f, ErrNotFound) || errors.Is(f, ErrPendingDeletion)) {
		f = &failure{sentinel: ErrUnavailable, detail: "not readable yet, just after it was created", cause: f.cause}
	}
	e.failure = f
	if f.definite {
		e.held.Store(nil)
		e.failures = 0
		e.pauseFor(now, c.freshness.negativeTTL)
		return f
	}
	e.failures++
	e.pauseFor(now, backoff(e.failures))
	return f
}

// put stores what this process has just written.
func (c *cache) put(e *entry, a answer) *snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.clock.elapsed()
	e.wrote(now)
	return c.settle(e, c.freshness.snapshot(a, now, now))
}

// mayExist notes that a secret exists, or may: a not-found is not repeated from
// before, nor believed at once.
func (c *cache) mayExist(e *entry) {
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
	e.mu.Lock()
	e.wrote(c.clock.elapsed())
	last := e.number.Load()
	e.mu.Unlock()
	for {
		s, err := c.join(ctx, e, last, noLimit)
		if err != nil || s.number > last {
			return s, err
		}
	}
}
