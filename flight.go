package tenantsecrets

import (
	"context"
	"errors"
	"time"
)

// known is what a load begins with.
type known struct {
	held     *snapshot // may be nil
	reread   bool      // read the plaintext even of the version that is held
	mismatch bool      // a signature asks for it: look for every key there is
	changed  int64     // what changed last before that is a read that lags behind; see entry.changed
}

// bounded ends when ctx does, or after LoadTimeout.
func (c *cache) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}

// load pays for a load, waits for its slot, and loads. It is called through the
// flights alone, as loadNow is.
func (c *cache) load(g *group, e *entry, n need) (*snapshot, error) {
	if s, err, answered := c.answered(e, n); answered {
		return s, err
	}
	ctx, cancel := c.bounded(c.ctx)
	defer cancel()
	leave, err := c.enter(ctx, g, e, n)
	if err != nil {
		return nil, err
	}
	s, err := c.loadNow(e, n, c.fetch)
	leave(err)
	return s, err
}

// answered reports whether no load is needed, or none may begin, and what the answer
// is then.
func (c *cache) answered(e *entry, n need) (s *snapshot, err error, answered bool) { //nolint:revive,staticcheck // the error is the answer
	e.mu.Lock()
	defer e.mu.Unlock()
	held, now := e.held.Load(), c.clock.elapsed()
	switch {
	case c.suffices(held, now, n.after):
		return held, nil, true
	case c.backsOff(e, now):
		return nil, e.failure, true
	}
	return nil, nil, false
}

// loading is one load of an entry.
type loading struct {
	known
	need
	began  time.Duration
	number int64
	writes int
}

// loadNow fetches and stores, unless what is held has become good enough since
// its callers looked: fresh, or of a load with a higher number than after.
func (c *cache) loadNow(e *entry, n need, fetch fetch) (*snapshot, error) {
	observed := c.beganAt()
	l, s, err := c.begin(e, n)
	if l == nil {
		return s, err
	}
	found, err := c.fetchSafely(e, l, fetch)
	s, err = c.end(e, l, found, err)
	c.loaded(e, observed, s, err)
	return s, err
}

// begin notes that a load begins. Where none is to begin it is nil, and the rest
// is the answer.
func (c *cache) begin(e *entry, n need) (*loading, *snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	held, now := e.held.Load(), c.clock.elapsed()
	if c.suffices(held, now, n.after) {
		return nil, held, nil
	}
	if c.backsOff(e, now) {
		return nil, nil, e.failure
	}
	l := &loading{need: n, began: now, writes: e.writes}
	e.begun = now
	e.running.Add(1)
	c.table.readmit(e)
	l.number = e.number.Add(1)
	l.known = known{
		held: held, changed: e.changed, mismatch: n.mismatch,
		reread: held == nil || c.freshness.rereads(held, now),
	}
	return l, nil, nil
}

// end notes how it ended.
func (c *cache) end(e *entry, l *loading, found found, err error) (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running.Add(-1)
	if e.writes != l.writes {
		return nil, errSuperseded
	}
	if err != nil && c.ctx.Err() != nil {
		return nil, ErrClosed // which is what ended it
	}
	if errors.Is(err, errNotBatched) {
		return nil, err
	}
	if err != nil {
		return nil, c.settleFailure(e, err)
	}
	s := found.snapshot
	e.countMismatch(l.need, l.held, s)
	e.changed = max(e.changed, found.changed)
	if l.held == nil {
		e.appeared = c.clock.elapsed()
	}
	if s == l.held {
		s.confirm(l.number, l.began, l.readAt())
	} else {
		s.early = c.freshness.early()
		s.confirm(l.number, l.began, l.began)
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
	return held != nil && held.number.Load() > after
}

// readAt returns when the plaintext of what was confirmed was read. Its caller
// holds the entry's mu.
func (l *loading) readAt() time.Duration {
	if l.reread {
		return l.began
	}
	return l.held.read
}

func (c *cache) fetchSafely(e *entry, l *loading, fetch fetch) (found, error) {
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if !l.batched {
		ctx, cancel = c.bounded(c.ctx)
	}
	defer cancel()
	return safely(ctx, func() (found, error) { return fetch(ctx, e, l.known) })
}

// safely ends with its context, also where f does not. It makes an error of a
// panic, whose value may hold anything and is dropped, and of a goroutine that
// ends, as testing.T.FailNow ends one.
func safely[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
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
		r.value, r.err = f()
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, transient("no answer in time")
	}
}

// settle stores a success. Its caller holds e.mu.
func (c *cache) settle(e *entry, s *snapshot) *snapshot {
	c.table.keep(e)
	if was := e.held.Load(); was != s {
		s.seen.Store(was != nil && was.seen.Load())
		e.hold(c.table, s)
	}
	e.forgive()
	e.late.Store(false)
	e.evicted.Store(false)
	e.asked.Store(0)
	c.succeeded(c.clock.elapsed())
	return s
}

// hold makes s, or nothing, what is held. Its caller holds e.mu.
func (e *entry) hold(t *table, s *snapshot) {
	e.held.Store(s)
	t.publish(e, e.latest())
}

// forgive forgets the failures so far. Its caller holds e.mu.
func (e *entry) forgive() {
	e.failure, e.failures = nil, 0
	e.pause.Store(nil)
}

// void keeps a load that is under way from being stored, and from being joined.
// Its caller holds e.mu.
func (c *cache) void(e *entry) {
	e.writes++
	c.flights.Forget(e.name)
}

// settleFailure remembers a failure. A definite no evicts what is held, any other
// leaves it. Its caller holds e.mu.
func (c *cache) settleFailure(e *entry, err error) error {
	now := c.clock.elapsed()
	var f *failure
	if !errors.As(err, &f) {
		f = transient("%T", err)
	}
	if e.lags(now) && (errors.Is(f, ErrNotFound) || errors.Is(f, ErrPendingDeletion)) {
		f = &failure{Sentinel: ErrUnavailable, Detail: "not readable yet, just after it was created", Cause: f.Cause}
	}
	e.failure = f
	if f.Definite {
		e.hold(c.table, nil)
		e.failures = 0
		e.pauseFor(now, c.freshness.negativeTTL, true)
		return f
	}
	e.failures++
	e.pauseFor(now, backoff(int(e.failures)), false)
	return f
}
