package cache

import (
	"context"
	"errors"
	"time"
)

// noLimit is a wait that only the caller's context bounds.
const noLimit = time.Duration(-1)

// join waits for the load that is running, or begins one. The caller's context bounds
// its wait and nothing else: the load goes on for the next caller.
func (c *Cache[S, V]) join(ctx context.Context, e *Entry[S, V], n need, wait time.Duration) (*Item[S, V], error) {
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
		case result := <-c.flights.DoChan(e.Subject.ID(), func() (any, error) { return c.load(g, e, n) }):
			if c.outlives(g, result.Err) {
				continue
			}
			i, _ := result.Val.(*Item[S, V])
			return i, result.Err
		case <-over:
			return nil, errTimedOut
		case <-ctx.Done():
			return nil, abandoned(ctx)
		case <-c.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// outlives reports whether a load that ended with err must be followed by another: what
// it read is outdated, it was in the background and found no slot, or the limits of
// another group than g refused it.
func (c *Cache[S, V]) outlives(g *group, err error) bool {
	return errors.Is(err, errSuperseded) || errors.Is(err, errBusy) || isNotInBatch(err) ||
		errors.Is(err, errTooManyChecks) && g != &c.groups.checks ||
		errors.Is(err, errTooManyUnknown) && g != &c.groups.unknown
}

// refresh starts a load in the background, unless one is on its way, the last one has
// failed too recently, or there is no slot that no caller waits for.
func (c *Cache[S, V]) refresh(e *Entry[S, V], now time.Duration) {
	if c.backsOff(e, now) || !e.refreshing.CompareAndSwap(false, true) {
		return
	}
	if c.groups.known.slots.full() {
		e.refreshing.Store(false)
		return
	}
	go func() {
		defer e.refreshing.Store(false)
		_, _, _ = c.flights.Do(e.Subject.ID(), func() (any, error) { return c.loadIfFree(e) })
	}()
}

// loadIfFree loads where there is a slot at once. It takes the slot inside the flight: a
// slot that is held while another flight is waited for may be the one that the other
// flight needs.
func (c *Cache[S, V]) loadIfFree(e *Entry[S, V]) (*Item[S, V], error) {
	slots := c.groups.known.slots
	if !slots.tryTake() {
		return nil, errBusy
	}
	defer slots.free()
	return c.loadNow(e, forCaller, c.config.Load)
}

// load waits until a load may begin, and loads. It is called by a flight alone, as
// loadNow is.
func (c *Cache[S, V]) load(g *group, e *Entry[S, V], n need) (*Item[S, V], error) {
	if i, answered, err := c.answered(e, n); answered {
		return i, err
	}
	ctx, cancel := c.timed(c.ctx)
	defer cancel()
	leave, err := c.enter(ctx, g, e, n)
	if err != nil {
		return nil, err
	}
	i, err := c.loadNow(e, n, c.config.Load)
	leave(err)
	return i, err
}

// answered reports whether no load is needed or none may begin, and what the answer is.
func (c *Cache[S, V]) answered(e *Entry[S, V], n need) (i *Item[S, V], answered bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return c.answer(e, n, c.clock.Elapsed())
}

// answer is answered for a caller that holds e.mu.
func (c *Cache[S, V]) answer(e *Entry[S, V], n need, now time.Duration) (i *Item[S, V], answered bool, err error) {
	i = e.item.Load()
	switch {
	case c.Closed():
		return nil, true, ErrClosed
	case c.suffices(i, now, n.after):
		return i, true, nil
	case c.backsOff(e, now):
		return nil, true, e.failure
	}
	return nil, false, nil
}

func (c *Cache[S, V]) suffices(i *Item[S, V], now time.Duration, after int64) bool {
	if after == anyFresh {
		return i != nil && i.isFresh(now)
	}
	return i != nil && i.number.Load() > after
}

// loading is one load of an entry.
type loading[S Subject, V any] struct {
	cached Cached[S, V]
	need   need
	began  time.Duration
	number int64
	writes int
}

// loadNow loads and stores, unless what is cached has become good enough since the
// callers looked.
func (c *Cache[S, V]) loadNow(e *Entry[S, V], n need, load LoadFunc[S, V]) (*Item[S, V], error) {
	var observed time.Time
	if c.config.Loaded != nil {
		observed = c.clock.Time()
	}
	l, i, err := c.begin(e, n)
	if l == nil {
		return i, err
	}
	i, stamp, err := c.run(e, l, load)
	i, err = c.end(e, l, i, stamp, err)
	c.counts.loads.Add(1)
	if err != nil {
		c.counts.failures.Add(1)
	}
	if c.config.Loaded != nil {
		c.config.Loaded(e, observed, i, err)
	}
	return i, err
}

// begin notes that a load begins. Where none is to begin, l is nil and the rest is the
// answer.
func (c *Cache[S, V]) begin(e *Entry[S, V], n need) (l *loading[S, V], i *Item[S, V], err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.clock.Elapsed()
	if i, answered, err := c.answer(e, n, now); answered {
		return nil, i, err
	}
	if now-time.Duration(e.begun.Load()) > 2*maxCheckGap {
		e.inVain = 0 // mismatches have not gone on
	}
	e.begun.Store(int64(now))
	e.running.Add(1)
	e.planCheck()
	c.table.readmit(e)
	cached := e.item.Load()
	return &loading[S, V]{
		need: n, began: now, writes: e.writes, number: e.number.Add(1),
		cached: Cached[S, V]{
			Item: cached, Stamp: e.stamp, Mismatch: n.mismatch,
			Reread: cached == nil || c.freshness.rereads(cached.read, now),
		},
	}, nil, nil
}

// run calls load. It ends in time, also where load does not.
func (c *Cache[S, V]) run(e *Entry[S, V], l *loading[S, V], load LoadFunc[S, V]) (*Item[S, V], int64, error) {
	if l.need.batched { // its batch ends in time
		return call(c.ctx, e, l.cached, load)
	}
	ctx, cancel := c.timed(c.ctx)
	defer cancel()
	return call(ctx, e, l.cached, load)
}

// call calls load, and ends with ctx.
func call[S Subject, V any](ctx context.Context, e *Entry[S, V], cached Cached[S, V], load LoadFunc[S, V]) (*Item[S, V], int64, error) {
	type result struct {
		item  *Item[S, V]
		stamp int64
	}
	r, err := safely(ctx, func() (r result, err error) {
		r.item, r.stamp, err = load(ctx, e, cached)
		return r, err
	})
	if err == nil && r.item == nil {
		err = errNoResult
	}
	return r.item, r.stamp, err
}

// safely ends with its context, also where f does not. It makes an error of a panic,
// whose value may hold anything and is dropped, and of a goroutine that ends, as
// testing.T.FailNow ends one.
func safely[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		r := result{err: errNoResult}
		defer func() {
			if p := recover(); p != nil {
				r = result{err: panicked(p)}
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
		return none, errNoAnswer
	}
}

// end notes how a load ended.
func (c *Cache[S, V]) end(e *Entry[S, V], l *loading[S, V], i *Item[S, V], stamp int64, err error) (*Item[S, V], error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running.Add(-1)
	switch {
	case e.writes != l.writes:
		return nil, errSuperseded
	case err != nil && c.Closed():
		return nil, ErrClosed // which is what ended it
	case isNotInBatch(err):
		return nil, err
	case err != nil:
		return nil, c.fail(e, err)
	}
	cached := l.cached.Item
	c.countCheck(e, l, i)
	e.stamp = max(e.stamp, stamp)
	if cached == nil {
		e.appeared = c.clock.Elapsed()
	}
	read := l.began
	if i == cached && !l.cached.Reread {
		read = i.read
	}
	if i != cached {
		i.refreshAt = c.freshness.refreshAt()
	}
	i.confirm(l.number, l.began, read)
	c.store(e, i)
	return i, nil
}

// countCheck counts the loads after a mismatch that found nothing new. Its caller holds
// e.mu.
func (c *Cache[S, V]) countCheck(e *Entry[S, V], l *loading[S, V], i *Item[S, V]) {
	cached := l.cached.Item
	switch {
	case cached == nil || i != cached && !c.config.Same(&i.Value, &cached.Value):
		e.inVain = 0
	case l.need.mismatch:
		e.inVain++
	}
	e.planCheck()
}

// store keeps an item. Its caller holds e.mu.
func (c *Cache[S, V]) store(e *Entry[S, V], i *Item[S, V]) {
	if was := e.item.Load(); was != i || !e.known.Load() {
		i.visited.Store(was != nil && was.visited.Load())
		c.table.store(e, i)
	}
	e.forget()
	e.late.Store(false)
	e.evicted.Store(false)
	e.asked.Store(0)
	c.succeeded(c.clock.Elapsed())
}

// fail remembers a failure. A definitive one evicts the item, a transient one leaves it.
// Its caller holds e.mu.
func (c *Cache[S, V]) fail(e *Entry[S, V], err error) error {
	now := c.clock.Elapsed()
	class := c.classify(err)
	if e.lags(now) && (class == NotFound || class == Deleting) {
		err, class = &Error{Reason: "not readable yet, just after it was created", Cause: err}, Transient
	}
	e.failure, e.class = err, class
	if class != Transient {
		c.table.clear(e)
		e.failures = 0
		e.pauseFor(now, c.freshness.negativeTTL, true)
		return err
	}
	e.failures++
	e.pauseFor(now, backoff(int(e.failures)), false)
	return err
}

// supersede keeps a load that is running from being stored, and from being joined. Its
// caller holds e.mu.
func (c *Cache[S, V]) supersede(e *Entry[S, V]) {
	e.writes++
	c.flights.Forget(e.Subject.ID())
}
