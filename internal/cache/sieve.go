package cache

// sieve decides which known entry is evicted: SIEVE (Zhang et al., NSDI 2024). A hand
// moves from the oldest entry to the newest. An entry that was visited since the hand
// last passed stays, and stays where it is. So a scan of entries that are used once does
// not evict those in regular use, and a hit moves nothing.
type sieve[S Subject, V any] struct {
	newest, oldest, hand *Entry[S, V]
	size                 int
}

func (q *sieve[S, V]) insert(e *Entry[S, V]) {
	e.older, e.newer = q.newest, nil
	if q.newest != nil {
		q.newest.newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
	q.size++
}

func (q *sieve[S, V]) remove(e *Entry[S, V]) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		q.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		q.oldest = e.newer
	}
	if q.hand == e {
		q.hand = e.newer
	}
	e.newer, e.older = nil, nil
	q.size--
}

// victim moves the hand to the entry that is evicted next. An entry that is being loaded
// stays, or its load would find no place. nil: all are being loaded.
func (q *sieve[S, V]) victim() *Entry[S, V] {
	var spare *Entry[S, V] // where all are visited again faster than the hand goes round
	for range 2 * q.size {
		e := q.hand
		if e == nil {
			e = q.oldest
		}
		i := e.item.Load()
		if used := i != nil && i.visited.Swap(false); !used && !e.loading() {
			q.hand = e
			return e
		}
		if spare == nil && !e.loading() {
			spare = e
		}
		q.hand = e.newer
	}
	return spare
}
