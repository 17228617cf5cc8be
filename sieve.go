package tenantsecrets

// sieve says which resident loses its place: SIEVE (Zhang et al., NSDI 2024). A
// hand moves from the oldest to the newest; who has been seen since it last
// passed stays, and stays where it is. So a scan of secrets that are used once
// passes through, and a hit moves nothing.
type sieve struct {
	newest, oldest, hand *entry
	size                 int
}

// neighbours are an entry's in the sieve, guarded by table.mu.
type neighbours struct{ newer, older *entry }

func (q *sieve) insert(e *entry) {
	e.older, e.newer = q.newest, nil
	if q.newest != nil {
		q.newest.newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
	q.size++
}

func (q *sieve) remove(e *entry) {
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

// victim moves the hand to the one that has to leave. One that is being loaded
// stays: its load would be nobody's. nil: all are.
func (q *sieve) victim() *entry {
	var spare *entry // where all are used again faster than the hand goes round
	for range 2 * q.size {
		e := q.hand
		if e == nil {
			e = q.oldest
		}
		s := e.held.Load()
		if used := s != nil && s.seen.Swap(false); !used && !e.loading() {
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
