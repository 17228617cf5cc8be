package cache

import (
	"context"
	"time"
)

// What a message that does not match may cause, for anybody can send one.
const (
	checkWait = time.Second // for a load after a mismatch

	// checkGrace is added where a load begins at the end of checkWait, so that its calls
	// have time: three where the previous version has to be read. Without it a valid
	// message would be refused wherever forged ones decide when loads begin.
	checkGrace = 500 * time.Millisecond

	// maxChecking is how many calls may wait for one entry's next load. The rest of a
	// flood is refused at once.
	maxChecking = 512
)

// Newer waits for an item that may have what tried lacks, and returns it. It is tried
// itself where a load that began after the call came has confirmed it. m is when the call
// came.
//
// Loads that mismatches cause begin at least checkGap apart, and up to maxCheckGap while
// they find nothing new. Where none may begin in time, the error comes at once, and
// without a lock.
func (c *Cache[S, V]) Newer(ctx context.Context, tried *Item[S, V], m Mark) (*Item[S, V], error) {
	e := tried.entry
	if !e.loading() && e.item.Load() == tried && !tried.confirmedAfter(m) && c.nextCheck(e, c.clock.Elapsed()) > c.clock.Elapsed()+checkWait {
		return nil, errTimedOut
	}
	return c.newer(ctx, e, tried, e.lastBefore(m))
}

// confirmedAfter reports whether a load that began after the mark has confirmed the item.
func (i *Item[S, V]) confirmedAfter(m Mark) bool {
	if m.counted {
		return i.number.Load() > m.number
	}
	return time.Duration(i.began.Load()) > m.at
}

// lastBefore returns the number of the last load that began before the mark. A load that
// began in the same instant counts as such.
func (e *Entry[S, V]) lastBefore(m Mark) int64 {
	if m.counted {
		return m.number
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Duration(e.begun.Load()) > m.at {
		return e.number.Load() - 1
	}
	return e.number.Load()
}

func (c *Cache[S, V]) newer(ctx context.Context, e *Entry[S, V], tried *Item[S, V], after int64) (*Item[S, V], error) {
	end := c.clock.Elapsed() + checkWait
	if e.loading() { // since before the call, perhaps, but it may have seen enough
		if _, err := c.join(ctx, e, forMessage, checkWait); err != nil {
			return nil, err
		}
	}
	for {
		if i := e.item.Load(); i != nil && (i != tried || i.number.Load() > after) {
			return i, nil
		}
		now := c.clock.Elapsed()
		next := now
		if e.number.Load() <= after {
			next = c.nextCheck(e, now)
		}
		if next > end {
			return nil, errTimedOut
		}
		if err := c.awaitCheck(ctx, e, next-now); err != nil {
			return nil, err
		}
		n := need{after: after, mismatch: true, message: true}
		if _, err := c.join(ctx, e, n, max(checkGrace, end-next)); err != nil {
			return nil, err
		}
	}
}

// awaitCheck waits until a mismatch may cause a load, unless many wait already.
func (c *Cache[S, V]) awaitCheck(ctx context.Context, e *Entry[S, V], d time.Duration) error {
	if d <= 0 {
		return nil
	}
	defer e.checking.Add(-1)
	if e.checking.Add(1) > maxChecking {
		return errTimedOut
	}
	return c.Sleep(ctx, d)
}

// nextCheck returns when a mismatch may cause a load.
func (c *Cache[S, V]) nextCheck(e *Entry[S, V], now time.Duration) time.Duration {
	next := now
	if s := (span{time.Duration(e.begun.Load()), time.Duration(e.nextCheck.Load())}); s.holds(now) {
		next = s.until
	}
	if p := e.pause.Load(); p != nil && c.backsOff(e, now) {
		next = max(next, p.until)
	}
	return next
}
