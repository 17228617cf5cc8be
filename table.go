package tenantsecrets

import (
	"sync"

	"github.com/puzpuzpuz/xsync/v4"
)

// key is what a secret is looked up by, so that a hit builds no name.
type key struct{ tenant, path string }

// maxStrangers is how many secrets that nobody has seen to exist have an entry.
const maxStrangers = 8192

// table finds the entries. A secret that exists keeps its entry until the client
// closes. Those of ids that may be made up share a number of places, of which the
// latest have one: they cost neither memory without end nor a tenant its place.
type table struct {
	entries *xsync.Map[key, *entry]

	mu        sync.Mutex
	strangers []key // as they were added, the oldest at next once there are maxStrangers
	next      int
}

func newTable() *table { return &table{entries: xsync.NewMap[key, *entry]()} }

func (t *table) find(k key) (*entry, bool) { return t.entries.Load(k) }

// add returns the entry of that key, which is e where there was none.
func (t *table) add(e *entry) *entry {
	there, found := t.entries.LoadOrStore(e.key(), e)
	if !found {
		t.lineUp(e.key())
	}
	return there
}

// lineUp puts a stranger at the end of the line and drops the one that has to
// leave it, unless it has been seen to exist.
func (t *table) lineUp(k key) {
	t.mu.Lock()
	if len(t.strangers) < maxStrangers {
		t.strangers = append(t.strangers, k)
		t.mu.Unlock()
		return
	}
	leaving := t.strangers[t.next]
	t.strangers[t.next] = k
	t.next = (t.next + 1) % maxStrangers
	t.mu.Unlock()
	t.drop(leaving)
}

func (t *table) drop(k key) {
	t.entries.Compute(k, func(there *entry, found bool) (*entry, xsync.ComputeOp) {
		if found && !there.exists.Load() {
			return nil, xsync.DeleteOp
		}
		return nil, xsync.CancelOp
	})
}

// keep notes that a secret exists. It returns its entry, which is another than e
// where e was dropped and the other has been seen to exist since.
func (t *table) keep(e *entry) *entry {
	if e.exists.Swap(true) {
		return e
	}
	there, _ := t.entries.Compute(e.key(), func(there *entry, found bool) (*entry, xsync.ComputeOp) {
		if found && there.exists.Load() {
			return nil, xsync.CancelOp
		}
		return e, xsync.UpdateOp
	})
	return there
}

func (t *table) clear() {
	t.entries.Clear()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strangers, t.next = nil, 0
}
