package tenantsecrets

import (
	"context"
	"errors"
	"time"
)

// known is what a load begins with.
type known struct {
	held    *snapshot // may be nil
	reread  bool      // read the plaintext even of the version that is held
	changed time.Time // what changed last before that is a read that lags behind
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
func (c *cache) load(e *entry, n need) (*snapshot, error) {
	if err := c.awaitTurn(); err != nil {
		return nil, err
	}
	defer c.slots.free()
	return c.loadNow(e, n)
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
func (c *cache) loadNow(e *entry, n need) (*snapshot, error) {
	e.mu.Lock()
	began, held, writes := c.clock.elapsed(), e.held.Load(), e.writes
	if c.suffices(held, began, n.after) {
		e.mu.Unlock()
		return held, nil
	}
	if e.backsOff(began) {
		defer e.mu.Unlock()
		return nil, e.failure
	}
	stranger := !e.exists.Load()
	if err := c.charge(n, stranger, began); err != nil {
		e.mu.Unlock()
		return nil, err
	}
	e.begun = began
	e.running++
	number := e.number.Add(1)
	k := known{held: held, changed: e.changed, reread: held == nil || c.freshness.rereads(held, began)}
	e.mu.Unlock()

	found, err := c.fetchSafely(&e.secret, k)
	if stranger && !errors.Is(err, ErrNotFound) {
		c.strangers.giveBack()
	}

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
	e.countMismatch(n, held, s)
	c.table.keep(e)
	if held == nil {
		e.lags = newSpan(c.clock.elapsed(), creationLag)
	}
	return c.settle(e, s), nil
}

var (
	errTooManyStrangers = transient("too many ids that nobody has seen to exist are asked for")
	errTooManyForgeries = transient("too many signatures that no key made are looked into")
)

// charge takes what a load costs from the budget that it is for.
func (c *cache) charge(n need, stranger bool, now time.Duration) error {
	switch {
	case n.mismatch && !c.forgeries.take(now):
		return errTooManyForgeries
	case stranger && !c.strangers.take(now):
		return errTooManyStrangers
	}
	return nil
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
