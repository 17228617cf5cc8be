package cache

import (
	"context"
	"errors"
	"time"
)

// Mark is when a call came, to tell which loads began after it. A hit reads the clock
// alone: the number of the last load is in its entry, and that in another cache line.
type Mark struct {
	at      time.Duration
	hash    uint64 // of the key
	number  int64  // of the last load that had begun, where it is counted
	counted bool
}

// Waited reports whether the call was no plain hit.
func (m Mark) Waited() bool { return m.counted }

// Find returns a key's entry, or nil, and its item where it is fresh. Where the item is
// used, Hit follows. The two are all that a hit does: one hash, no lock, no allocation.
func (c *Cache[S, V]) Find(k Key) (*Entry[S, V], *Item[S, V], Mark) {
	m := Mark{at: c.clock.Elapsed(), hash: k.hash(c.table.seed)} // before the table is read, whose cache misses then overlap
	i := c.table.find(m.hash, k)
	switch {
	case i == nil:
		return nil, nil, m
	case !i.isFresh(m.at):
		return i.entry, nil, m
	}
	return i.entry, i, m
}

// Hit notes that an item from the cache is used, and returns it. Where only a message asks
// for the item, it is not protected from eviction until Visit says that the message is
// valid: forged messages must not evict what valid ones use.
func (c *Cache[S, V]) Hit(i *Item[S, V], byMessage bool) *Item[S, V] {
	if !byMessage {
		i.Visit()
	}
	c.counts.hits.add()
	return i
}

// Entry returns the entry of a key that Find did not find. Where there is none still, it
// makes one of subject. m is what Find returned for the key.
func (c *Cache[S, V]) Entry(k Key, m Mark, subject S) *Entry[S, V] {
	return c.table.place(newEntry[S, V](k, m.hash, subject))
}

// Get returns the item of an entry: from the cache if it is fresh enough, or else after
// a load. byMessage tells that only a message which somebody has sent asks for it.
func (c *Cache[S, V]) Get(ctx context.Context, e *Entry[S, V], byMessage bool) (*Item[S, V], Mark, error) {
	n := forCaller
	if byMessage {
		n = forMessage
	}
	m := Mark{number: e.number.Load(), counted: true}
	i, err := c.get(ctx, e, n)
	return i, m, err
}

func (c *Cache[S, V]) get(ctx context.Context, e *Entry[S, V], n need) (*Item[S, V], error) {
	for {
		if c.Closed() {
			return nil, ErrClosed
		}
		i, now := e.item.Load(), c.clock.Elapsed()
		switch c.stage(i, now) {
		case fresh:
			return c.Hit(i, n.message), nil

		case refreshAhead:
			c.refresh(e, now)
			return c.Hit(i, n.message), nil

		case stale:
			if i, done, err := c.getStale(ctx, e, n, i, now); done {
				return i, err
			}

		case expired:
			return c.getExpired(ctx, e, n, i, now)
		}
	}
}

func (c *Cache[S, V]) stage(i *Item[S, V], now time.Duration) stage {
	if i == nil {
		return expired
	}
	return c.freshness.stage(i.Age(now), i.refreshAt)
}

// getStale waits a little for a load. It is not done where the item has expired
// meanwhile.
func (c *Cache[S, V]) getStale(ctx context.Context, e *Entry[S, V], n need, i *Item[S, V], now time.Duration) (_ *Item[S, V], done bool, err error) {
	if c.freshness.staleWait == 0 || e.late.Load() || c.backsOff(e, now) {
		c.refresh(e, now)
		return c.staleHit(i, n), true, nil
	}
	number := i.number.Load()
	loaded, err := c.join(ctx, e, n, c.freshness.staleWait)
	if err == nil || errors.Is(err, ErrClosed) || c.classify(err) != Transient {
		return loaded, true, err
	}
	if errors.Is(err, errTimedOut) {
		e.waitedInVain(i, number)
	}
	if i = e.item.Load(); c.stage(i, c.clock.Elapsed()) != expired {
		return c.staleHit(i, n), true, nil
	}
	return nil, false, nil
}

// getExpired waits for a load, unless none may begin.
func (c *Cache[S, V]) getExpired(ctx context.Context, e *Entry[S, V], n need, i *Item[S, V], now time.Duration) (*Item[S, V], error) {
	if err := c.refusal(e, n, now); err != nil {
		c.counts.negatives.Add(1)
		return nil, c.outdated(err, i)
	}
	loaded, err := c.join(ctx, e, n, noLimit)
	return loaded, c.outdated(err, i)
}

// refusal returns why no load may begin: what the last one failed with, or the limits.
func (c *Cache[S, V]) refusal(e *Entry[S, V], n need, now time.Duration) error {
	if c.backsOff(e, now) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.failure != nil {
			return e.failure
		}
	}
	if g := c.group(e, n); g.refuses(now) {
		return g.refusal
	}
	return nil
}

// outdated makes a Stale of a transient error where there is an item.
func (c *Cache[S, V]) outdated(err error, i *Item[S, V]) error {
	if err == nil || i == nil || errors.Is(err, ErrClosed) || c.classify(err) != Transient {
		return err
	}
	return &Stale{err}
}

// staleHit is a hit past the TTL.
func (c *Cache[S, V]) staleHit(i *Item[S, V], n need) *Item[S, V] {
	defer c.counts.stale.Add(1) // after the hit: there are never more stale hits than hits
	return c.Hit(i, n.message)
}

// waitedInVain notes a StaleWait that ended without an answer, unless one has come at
// that very time.
func (e *Entry[S, V]) waitedInVain(i *Item[S, V], number int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.item.Load() == i && i.number.Load() == number {
		e.late.Store(true)
	}
}
