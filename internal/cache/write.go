package cache

import (
	"context"
	"errors"
)

// Put keeps an item that this process has just written, and returns it.
func (c *Cache[S, V]) Put(i *Item[S, V]) *Item[S, V] {
	e := i.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.clock.Elapsed()
	c.supersede(e)
	e.appeared = now
	e.forget()
	i.refreshAt = c.freshness.refreshAt()
	i.confirm(0, now, now)
	c.store(e, i)
	return i
}

// Keep notes that an entry exists, and returns the entry of its key.
func (c *Cache[S, V]) Keep(e *Entry[S, V]) *Entry[S, V] { return c.table.keep(e) }

// MayExist notes that an entry exists, or may: an earlier not-found is not repeated, and
// a new one is not believed at once.
func (c *Cache[S, V]) MayExist(e *Entry[S, V]) {
	e = c.table.keep(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.appeared = c.clock.Elapsed()
	if e.failure != nil && e.class == NotFound {
		e.forget()
	}
}

// Reload loads what another writer, or an attempt of this process whose answer was lost,
// has written.
func (c *Cache[S, V]) Reload(ctx context.Context, e *Entry[S, V]) (*Item[S, V], error) {
	e = c.table.keep(e)
	e.mu.Lock()
	c.supersede(e)
	e.appeared = c.clock.Elapsed()
	e.forget()
	e.mu.Unlock()
	return c.loadAfter(ctx, e, e.number.Load())
}

// Refresh loads an entry, however fresh its item is. A definitive failure that is
// remembered does not keep it from loading; the pause after a transient one does.
func (c *Cache[S, V]) Refresh(ctx context.Context, e *Entry[S, V]) (*Item[S, V], error) {
	if c.Closed() {
		return nil, ErrClosed
	}
	number := e.number.Load()
	if e.loading() { // it may have read what was there before the change
		if _, err := c.join(ctx, e, forCaller, noLimit); errors.Is(err, ErrClosed) {
			return nil, err
		}
		if ctx.Err() != nil { // also where that load has just succeeded: it proves nothing here
			return nil, abandoned(ctx)
		}
	}
	e.mu.Lock()
	e.reconsider()
	e.mu.Unlock()
	return c.loadAfter(ctx, e, number)
}

// loadAfter returns the item of a load with a higher number.
func (c *Cache[S, V]) loadAfter(ctx context.Context, e *Entry[S, V], number int64) (*Item[S, V], error) {
	for {
		i, err := c.join(ctx, e, need{after: number}, noLimit)
		if err != nil || i.entry == e && i.number.Load() > number {
			return i, err
		}
	}
}

// Of returns the entries of an owner.
func (c *Cache[S, V]) Of(owner string) []*Entry[S, V] { return c.table.of(owner) }

// Invalidate forgets the item of an entry. A load that is running is not stored. The
// pause after a transient failure stays: what is invalidated often is not loaded more
// often for it.
func (c *Cache[S, V]) Invalidate(e *Entry[S, V]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.supersede(e)
	c.table.clear(e)
	e.reconsider()
}
