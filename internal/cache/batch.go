package cache

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// seatWait is how long a batch waits for its loads to begin. A load that has not begun by
// then is somebody else's, however long that takes.
const seatWait = 10 * time.Millisecond

// Batch reads many entries with one call. It returns a load for each entry that was
// answered, which has the type of Config.Load; the error is that of the others.
type Batch[S Subject, V any] func(ctx context.Context, entries []*Entry[S, V]) (map[*Entry[S, V]]LoadFunc[S, V], error)

// LoadBatch loads entries with one read. It calls ended for each of them, one after the
// other, when its load or ctx has ended.
//
// Each entry has its own single flight, so other calls can join its load. An entry that is
// already being loaded is left out of the read: waiting for it would delay the whole
// batch. One that was loaded before is loaded by itself: a batch does not show whether it
// lags behind.
func (c *Cache[S, V]) LoadBatch(ctx context.Context, entries []*Entry[S, V], read Batch[S, V], ended func(*Entry[S, V], *Item[S, V], error)) {
	b := &batch[S, V]{Cache: c, read: read, answered: make(chan struct{})}
	seats := make([]*seat[S, V], len(entries))
	for n, e := range entries {
		e.named.Store(true)
		seats[n] = b.seat(e)
	}
	b.answer(ctx, b.await(seats, ended))
	for _, s := range seats {
		if s.result == nil {
			continue
		}
		var r singleflight.Result
		select {
		case r = <-s.result:
		case <-ctx.Done(): // another caller's load goes on
			r.Err = ctx.Err()
		}
		if r.Err != nil && ctx.Err() != nil {
			r.Err = c.Stopped(ctx)
		}
		report(ended, s.entry, r)
	}
}

func report[S Subject, V any](ended func(*Entry[S, V], *Item[S, V], error), e *Entry[S, V], r singleflight.Result) {
	if r.Err == nil {
		if i := e.item.Load(); i != nil {
			i.Visit() // or it would be evicted before its first call
		}
	}
	i, _ := r.Val.(*Item[S, V])
	ended(e, i, r.Err)
}

// batch is one call of LoadBatch.
type batch[S Subject, V any] struct {
	*Cache[S, V]
	read     Batch[S, V]
	answered chan struct{} // closed when loads and err are there
	loads    map[*Entry[S, V]]LoadFunc[S, V]
	err      error
}

// seat is one entry's place in a batch.
type seat[S Subject, V any] struct {
	entry  *Entry[S, V]
	taken  chan struct{} // closed when the entry's load waits for the batch
	result <-chan singleflight.Result
}

// seat begins an entry's load, unless one is running.
func (b *batch[S, V]) seat(e *Entry[S, V]) *seat[S, V] {
	s := &seat[S, V]{entry: e, taken: make(chan struct{})}
	s.result = b.flights.DoChan(e.Subject.ID(), func() (any, error) {
		if e.stamped() {
			return b.load(&b.groups.known, e, vouched)
		}
		return b.loadNow(e, inBatch, func(ctx context.Context, e *Entry[S, V], cached Cached[S, V]) (*Item[S, V], int64, error) {
			close(s.taken)
			return b.wait(ctx, e, cached)
		})
	})
	return s
}

func (e *Entry[S, V]) stamped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stamp != 0
}

// await returns the entries whose loads have begun.
func (b *batch[S, V]) await(seats []*seat[S, V], ended func(*Entry[S, V], *Item[S, V], error)) (begun []*Entry[S, V]) {
	waited, cancel := context.WithTimeout(context.Background(), seatWait) // one wait for all of them
	defer cancel()
	for _, s := range seats {
		select {
		case <-s.taken:
			begun = append(begun, s.entry)
			continue
		default:
		}
		select {
		case <-s.taken:
			begun = append(begun, s.entry)
		case r := <-s.result:
			s.result = nil
			report(ended, s.entry, r)
		case <-waited.Done():
		}
	}
	return begun
}

// answer makes the read, with one slot. The loads that wait for it end with LoadTimeout,
// and so does it.
func (b *batch[S, V]) answer(ctx context.Context, entries []*Entry[S, V]) {
	defer close(b.answered)
	if len(entries) == 0 {
		return
	}
	ctx, cancel := b.Bounded(ctx)
	defer cancel()
	slots := b.groups.known.slots
	if b.err = slots.take(ctx, len(entries), nil); b.err != nil {
		return
	}
	defer slots.free()
	b.loads, b.err = safely(ctx, func() (map[*Entry[S, V]]LoadFunc[S, V], error) { return b.read(ctx, entries) })
}

// wait is the load of an entry in the batch.
func (b *batch[S, V]) wait(ctx context.Context, e *Entry[S, V], cached Cached[S, V]) (*Item[S, V], int64, error) {
	select {
	case <-b.answered:
	case <-ctx.Done():
		return nil, 0, notInBatch(errNoAnswer)
	}
	if load, answered := b.loads[e]; answered {
		ctx, cancel := b.timed(ctx)
		defer cancel()
		return call(ctx, e, cached, load)
	}
	return nil, 0, notInBatch(b.err)
}

// notInBatch wraps the error of the read, if it has one.
func notInBatch(err error) error {
	if err == nil {
		err = errNoAnswer
	}
	return &NotInBatch{err}
}
