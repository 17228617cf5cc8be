package tenantsecrets

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxStrangers is how many secrets that nobody has seen to exist have an entry.
const maxStrangers = 8192

// table finds what is held of a secret. Finding takes no lock. Changing takes mu,
// which is never held across a call or a wait.
//
// A secret that exists is a resident: it keeps its place until the client closes,
// or until others need it where there is a capacity. Ids that may be made up are
// strangers. They share places of their own, of which the latest have one: they
// cost neither memory without end nor a resident its place.
type table struct {
	seed      maphash.Seed
	capacity  int // of residents; 0: no limit
	index     atomic.Pointer[index]
	evictions atomic.Uint64

	mu        sync.Mutex
	residents sieve
	strangers []*entry            // as they were added, the oldest at next once there are maxStrangers
	next      int                 // in strangers
	departed  map[uint64]struct{} // hashes of residents that lost their place: they are no strangers
	siblings  map[string][]*entry // by tenant: the entries of the other kinds than its HMAC secret
	closed    bool
}

func newTable(capacity int) *table {
	t := &table{seed: maphash.MakeSeed(), capacity: capacity, departed: map[uint64]struct{}{}, siblings: map[string][]*entry{}}
	t.index.Store(newIndex(0))
	return t
}

// hash need not be compared alone: the snapshot is asked whose it is.
func (t *table) hash(tenant, path string) uint64 {
	h := maphash.String(t.seed, tenant)
	if path != hmacPath {
		h ^= bits.RotateLeft64(maphash.String(t.seed, path), 1)
	}
	return h
}

func (t *table) find(tenant, path string) *snapshot {
	return t.index.Load().find(t.hash(tenant, path), tenant, path)
}

// add returns the entry of that secret, which is e where there was none.
func (t *table) add(e *entry) *entry {
	h := t.hash(e.tenant, e.kind.path)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.index.Load().find(h, e.tenant, e.kind.path); s != nil {
		return s.entry
	}
	if t.closed {
		return e
	}
	if _, known := t.departed[h]; known {
		e.evicted.Store(true)
		t.settleIn(e, h)
		return e
	}
	t.insert(h, newSnapshot(e))
	t.addSibling(e)
	t.lineUp(e)
	return e
}

// keep notes that a secret exists. It returns its entry, which is another than e
// where e has lost its place and the other has been seen to exist since.
func (t *table) keep(e *entry) *entry {
	if e.resident.Load() {
		return e
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hash(e.tenant, e.kind.path)
	if s := t.index.Load().find(h, e.tenant, e.kind.path); s != nil && s.entry.resident.Load() {
		return s.entry // e, or the other
	}
	if !t.closed {
		t.settleIn(e, h)
	}
	return e
}

// readmit gives an entry that is about to be loaded its place back, where it lost
// it while the load waited for its turn: what is invalidated is found there.
func (t *table) readmit(e *entry) {
	if e.exists.Load() {
		t.keep(e)
	} else {
		t.add(e)
	}
}

// settleIn makes a resident of an entry. Its caller holds t.mu.
func (t *table) settleIn(e *entry, h uint64) {
	e.exists.Store(true)
	e.resident.Store(true)
	delete(t.departed, h)
	x := t.index.Load()
	switch at, found := x.locate(h, e.tenant, e.kind.path); {
	case !found:
		t.insert(h, e.latest())
		t.addSibling(e)
	case x.snapshots[at].Load().entry != e:
		t.removeSibling(x.snapshots[at].Load().entry)
		x.snapshots[at].Store(e.latest())
		t.addSibling(e)
	}
	t.leaveLine(e)
	for t.capacity > 0 && t.residents.size >= t.capacity {
		if !t.evict() {
			break
		}
	}
	t.residents.insert(e)
}

// evict takes a resident's place. It stays known, so that it need not ask the
// strangers' budget for another. Where all are being loaded nobody goes: there is
// one more than the capacity until the next one comes. Its caller holds t.mu.
func (t *table) evict() bool {
	e := t.residents.victim()
	if e == nil {
		return false
	}
	t.residents.remove(e)
	e.resident.Store(false)
	e.evicted.Store(true)
	h := t.hash(e.tenant, e.kind.path)
	t.index.Load().remove(h, e)
	t.removeSibling(e)
	t.departed[h] = struct{}{}
	t.evictions.Add(1)
	return true
}

// lineUp puts a stranger at the end of the line and drops the one that has to
// leave it. Its caller holds t.mu.
func (t *table) lineUp(e *entry) {
	if len(t.strangers) < maxStrangers {
		t.strangers = append(t.strangers, e)
		e.inLine = int32(len(t.strangers))
		return
	}
	for range maxStrangers { // one that is being loaded stays: the load would be nobody's
		if leaving := t.strangers[t.next]; leaving == nil || !leaving.loading() {
			break
		}
		t.next = (t.next + 1) % maxStrangers
	}
	if leaving := t.strangers[t.next]; leaving != nil {
		t.index.Load().remove(t.hash(leaving.tenant, leaving.kind.path), leaving)
		t.removeSibling(leaving)
		leaving.inLine = 0
	}
	t.strangers[t.next] = e
	e.inLine = int32(t.next + 1)
	t.next = (t.next + 1) % maxStrangers
}

// leaveLine keeps the line from holding what is no stranger any more. Its caller
// holds t.mu.
func (t *table) leaveLine(e *entry) {
	if e.inLine > 0 {
		t.strangers[e.inLine-1] = nil
		e.inLine = 0
	}
}

// publish lets calls find what an entry holds, where it has a place.
func (t *table) publish(e *entry, s *snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.index.Load()
	at, found := x.locate(t.hash(e.tenant, e.kind.path), e.tenant, e.kind.path)
	if found && x.snapshots[at].Load().entry == e {
		x.snapshots[at].Store(s)
	}
}

// insert grows the index where it is half full. Its caller holds t.mu.
func (t *table) insert(h uint64, s *snapshot) {
	x := t.index.Load()
	if 2*(x.used+1) > len(x.tags) {
		x = x.copy(t)
		t.index.Store(x)
	}
	x.insert(h, s)
}

// all calls f for every snapshot that can be found, vacant ones too.
func (t *table) all(f func(*snapshot)) {
	x := t.index.Load()
	for i := range x.snapshots {
		if s := x.snapshots[i].Load(); s != nil {
			f(s)
		}
	}
}

// of returns the entries of a tenant, without a look at any other.
func (t *table) of(tenant string) []*entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	entries := slices.Clone(t.siblings[tenant])
	if s := t.find(tenant, hmacPath); s != nil {
		entries = append(entries, s.entry)
	}
	return entries
}

// addSibling and removeSibling keep siblings as the index is. Their caller holds t.mu.
func (t *table) addSibling(e *entry) {
	if e.kind.path != hmacPath {
		t.siblings[e.tenant] = append(t.siblings[e.tenant], e)
	}
}

func (t *table) removeSibling(e *entry) {
	rest := slices.DeleteFunc(t.siblings[e.tenant], func(other *entry) bool { return other == e })
	if len(rest) == 0 {
		delete(t.siblings, e.tenant)
	} else {
		t.siblings[e.tenant] = rest
	}
}

// close forgets everything, and takes nothing in any more.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.index.Store(newIndex(0))
	t.residents, t.strangers, t.next, t.departed, t.siblings = sieve{}, nil, 0, nil, nil
}

// oldest returns the age of the oldest snapshot that is held, and their number.
func (t *table) oldest(now time.Duration) (age time.Duration, held int) {
	t.all(func(s *snapshot) {
		if s.entry.held.Load() == s {
			held++
			age = max(age, s.age(now))
		}
	})
	return age, held
}
