package cache

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxUnknown is how many entries of unknown IDs there may be.
const maxUnknown = 8192

// table finds items. Finding takes no lock. Changing takes mu, which is never held while
// a load runs or a call waits.
//
// A known entry is one that exists: it keeps its place until the cache closes, or until
// it is evicted where there is a capacity. Unknown IDs may be made up. They are kept in a
// ring of maxUnknown slots: they use bounded memory, and never evict a known entry.
type table[S Subject, V any] struct {
	seed      maphash.Seed
	capacity  int // of known entries; 0: no limit
	index     atomic.Pointer[index[S, V]]
	evictions atomic.Uint64

	mu      sync.Mutex
	known   sieve[S, V]
	unknown []*Entry[S, V]            // the ring, in the order in which they were added
	next    int                       // slot of the ring that is used next, once it is full
	evicted map[uint64]struct{}       // hashes of known entries that lost their place: they stay known
	named   map[string][]*Entry[S, V] // by owner: the entries whose key has a name
	closed  bool
}

func newTable[S Subject, V any](capacity int) *table[S, V] {
	t := &table[S, V]{
		seed: maphash.MakeSeed(), capacity: capacity,
		evicted: map[uint64]struct{}{}, named: map[string][]*Entry[S, V]{},
	}
	t.index.Store(newIndex[S, V](0))
	return t
}

func (t *table[S, V]) find(hash uint64, k Key) *Item[S, V] { return t.index.Load().find(hash, k) }

// place returns the entry of e's key, which is e where there was none.
func (t *table[S, V]) place(e *Entry[S, V]) *Entry[S, V] {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.index.Load().find(e.hash, e.Key); i != nil {
		return i.entry
	}
	if t.closed {
		return e
	}
	if _, known := t.evicted[e.hash]; known {
		e.evicted.Store(true)
		t.settle(e)
		return e
	}
	t.insert(e, NewItem(e))
	t.addUnknown(e)
	return e
}

// keep notes that an entry exists. It returns e, or another entry of its key where e has
// lost its place and the other has been found to exist since.
func (t *table[S, V]) keep(e *Entry[S, V]) *Entry[S, V] {
	if e.known.Load() {
		return e
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.index.Load().find(e.hash, e.Key); i != nil && i.entry.known.Load() {
		return i.entry
	}
	if !t.closed {
		t.settle(e)
	}
	return e
}

// readmit gives an entry that is about to be loaded its place back, where it lost it
// while the load waited for its slot: what is invalidated is found there.
//
// It takes mu also where e has its place: an eviction that has not seen the load ends
// first, and one that begins later sees it.
func (t *table[S, V]) readmit(e *Entry[S, V]) {
	t.mu.Lock()
	placed := e.placed
	t.mu.Unlock()
	if placed {
		return
	}
	if e.exists.Load() {
		t.keep(e)
	} else {
		t.place(e)
	}
}

// store lets calls find the item that e has, and notes that e exists.
func (t *table[S, V]) store(e *Entry[S, V], i *Item[S, V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.item.Store(i)
	x := t.index.Load()
	at, found := x.locate(e.hash, e.Key)
	switch {
	case found && x.items[at].Load().entry != e && x.items[at].Load().entry.known.Load():
	case !e.known.Load() && !t.closed:
		t.settle(e)
	case found && x.items[at].Load().entry == e:
		x.items[at].Store(i)
	}
}

// settle makes an entry a known one, and what it has can be found. Its caller holds t.mu.
func (t *table[S, V]) settle(e *Entry[S, V]) {
	e.exists.Store(true)
	e.known.Store(true)
	delete(t.evicted, e.hash)
	x := t.index.Load()
	switch at, found := x.locate(e.hash, e.Key); {
	case !found:
		t.insert(e, e.latest())
	case x.items[at].Load().entry != e:
		t.unname(x.items[at].Load().entry)
		x.items[at].Store(e.latest())
		t.name(e)
	default:
		x.items[at].Store(e.latest())
	}
	t.dropUnknown(e)
	for t.capacity > 0 && t.known.size >= t.capacity {
		if !t.evict() {
			break
		}
	}
	t.known.insert(e)
}

// evict takes the place of a known entry. It stays known, so that its next load needs no
// budget for unknown IDs. Where all are being loaded none is evicted: there is one more
// than the capacity until the next one comes. Its caller holds t.mu.
func (t *table[S, V]) evict() bool {
	e := t.known.victim()
	if e == nil {
		return false
	}
	t.known.remove(e)
	e.known.Store(false)
	e.evicted.Store(true)
	t.remove(e)
	t.evicted[e.hash] = struct{}{}
	t.evictions.Add(1)
	return true
}

// addUnknown gives an unknown entry a slot of the ring, and drops the entry that had it.
// Its caller holds t.mu.
func (t *table[S, V]) addUnknown(e *Entry[S, V]) {
	if len(t.unknown) < maxUnknown {
		t.unknown = append(t.unknown, e)
		e.slot = int32(len(t.unknown))
		return
	}
	for range maxUnknown { // one that is being loaded stays, or its load would find no place
		if old := t.unknown[t.next]; old == nil || !old.loading() {
			break
		}
		t.next = (t.next + 1) % maxUnknown
	}
	if old := t.unknown[t.next]; old != nil {
		t.remove(old)
		old.slot = 0
	}
	t.unknown[t.next] = e
	e.slot = int32(t.next + 1)
	t.next = (t.next + 1) % maxUnknown
}

// dropUnknown frees the slot of an entry that is not unknown any more. Its caller holds
// t.mu.
func (t *table[S, V]) dropUnknown(e *Entry[S, V]) {
	if e.slot > 0 {
		t.unknown[e.slot-1] = nil
		e.slot = 0
	}
}

// clear takes the item of an entry away.
func (t *table[S, V]) clear(e *Entry[S, V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.item.Store(nil)
	x := t.index.Load()
	at, found := x.locate(e.hash, e.Key)
	if found && x.items[at].Load().entry == e {
		x.items[at].Store(NewItem(e))
	}
}

// insert grows the index where it is half full. Its caller holds t.mu.
func (t *table[S, V]) insert(e *Entry[S, V], i *Item[S, V]) {
	x := t.index.Load()
	if 2*(x.used+1) > len(x.tags) {
		x = x.grow()
		t.index.Store(x)
	}
	x.insert(e.hash, i)
	t.name(e)
}

// remove makes an entry impossible to find. Its caller holds t.mu.
func (t *table[S, V]) remove(e *Entry[S, V]) {
	t.index.Load().remove(e)
	t.unname(e)
}

// name and unname note which entries can be found. Their caller holds t.mu.
func (t *table[S, V]) name(e *Entry[S, V]) {
	e.placed = true
	if e.Key.Name != "" {
		t.named[e.Key.Owner] = append(t.named[e.Key.Owner], e)
	}
}

func (t *table[S, V]) unname(e *Entry[S, V]) {
	e.placed = false
	rest := slices.DeleteFunc(t.named[e.Key.Owner], func(other *Entry[S, V]) bool { return other == e })
	if len(rest) == 0 {
		delete(t.named, e.Key.Owner)
	} else {
		t.named[e.Key.Owner] = rest
	}
}

// of returns the entries of an owner, without a look at any other.
func (t *table[S, V]) of(owner string) []*Entry[S, V] {
	t.mu.Lock()
	defer t.mu.Unlock()
	entries := slices.Clone(t.named[owner])
	k := Key{Owner: owner}
	if i := t.find(k.hash(t.seed), k); i != nil {
		entries = append(entries, i.entry)
	}
	return entries
}

// all calls f for every item that can be found, also those without a value.
func (t *table[S, V]) all(f func(*Item[S, V])) {
	x := t.index.Load()
	for n := range x.items {
		if i := x.items[n].Load(); i != nil {
			f(i)
		}
	}
}

// oldest returns the age of the oldest item that has a value, and their number.
func (t *table[S, V]) oldest(now time.Duration) (age time.Duration, cached int) {
	t.all(func(i *Item[S, V]) {
		if i.entry.item.Load() == i {
			cached++
			age = max(age, i.Age(now))
		}
	})
	return age, cached
}

// close forgets everything, and takes nothing in any more.
func (t *table[S, V]) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.index.Store(newIndex[S, V](0))
	t.known, t.unknown, t.next, t.evicted, t.named = sieve[S, V]{}, nil, 0, nil, nil
}
