package cache

import (
	"context"
	"errors"
	"time"
)

// need is what a load is for.
type need struct {
	after    int64 // the item must be of a load with a higher number; anyFresh: it must be fresh
	mismatch bool  // no key has matched a message: look for every key there is
	message  bool  // a message asks for it, which anybody can send
	vouched  bool  // an operator has named the owner: it is known to exist
	batched  bool  // it waits for a batch, which ends in time
}

const anyFresh = int64(-1)

var (
	forCaller  = need{after: anyFresh}
	forMessage = need{after: anyFresh, message: true}
	vouched    = need{after: anyFresh, vouched: true}
	inBatch    = need{after: anyFresh, vouched: true, batched: true}
)

// group returns the limits of a load.
func (c *Cache[S, V]) group(e *Entry[S, V], n need) *group {
	switch {
	case n.vouched:
		return &c.groups.known
	case !c.exists(e):
		return &c.groups.unknown
	case n.mismatch, n.message && e.evicted.Load():
		return &c.groups.checks
	}
	return &c.groups.known
}

// exists reports whether an entry is known to exist: it was loaded or created once, or
// the user says so.
func (c *Cache[S, V]) exists(e *Entry[S, V]) bool {
	if e.exists.Load() || e.named.Load() {
		return true
	}
	if c.config.Known == nil || !c.config.Known(e.Key.Owner) {
		return false
	}
	e.named.Store(true)
	return true
}

// enter waits until a load may begin. leave must be called after the load.
//
// A load after a mismatch does not wait: a load in the background would wait with it.
func (c *Cache[S, V]) enter(ctx context.Context, g *group, e *Entry[S, V], n need) (leave func(error), err error) {
	queued := func(w *waiter) { e.queued.Store(w) }
	if err := g.enter(ctx, c.clock.Elapsed, !n.mismatch, int(e.asked.Load()), queued); err != nil {
		return nil, c.orClosed(err)
	}
	return func(err error) {
		g.slots.free()
		switch {
		case g == &c.groups.unknown:
			g.judge(c.showsExistence(err))
		case g == &c.groups.checks && !n.mismatch && err != nil:
			g.judge(false)
		case g == &c.groups.checks && !n.mismatch:
			e.onTrial.Store(true) // until the message is verified
		}
	}, nil
}

func (c *Cache[S, V]) showsExistence(err error) bool {
	if err == nil || err == error(errSuperseded) { //nolint:errorlint // that very error
		return true
	}
	class := c.classify(err)
	return class == Definitive || class == Deleting
}

// classify says what an error of a load means.
func (c *Cache[S, V]) classify(err error) Class {
	var own *Error
	if errors.As(err, &own) || errors.Is(err, ErrClosed) || isNotInBatch(err) || c.config.Classify == nil {
		return Transient
	}
	return c.config.Classify(err)
}

// orClosed returns err, unless Close has caused it.
func (c *Cache[S, V]) orClosed(err error) error {
	if c.Closed() {
		return ErrClosed
	}
	return err
}

// Verified notes whether a message was valid for which an evicted entry was loaded: then
// the load was not in vain.
func (c *Cache[S, V]) Verified(e *Entry[S, V], valid bool) {
	if e.onTrial.CompareAndSwap(true, false) {
		c.groups.checks.judge(valid)
	}
}

// backsOff reports whether no load may begin.
func (c *Cache[S, V]) backsOff(e *Entry[S, V], now time.Duration) bool {
	p := e.pause.Load()
	if p == nil || !p.holds(now) {
		return false
	}
	ofAnOutage := !p.definitive && p.from < time.Duration(c.recovered.Load())
	return !ofAnOutage || now < p.from+minBackoff
}

// outageLength is the time without a success after which the first success ends an
// outage: it ends the backoff of every entry, but for minBackoff. Without it the busiest
// owners would be refused for up to maxBackoff more.
const outageLength = 10 * time.Second

// succeeded notes that a load has succeeded.
func (c *Cache[S, V]) succeeded(now time.Duration) {
	before := time.Duration(c.lastSuccess.Swap(int64(now)))
	if now-before >= outageLength {
		c.recovered.Store(int64(now))
	}
}
