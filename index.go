package tenantsecrets

import "sync/atomic"

// index is open addressing with linear probing. The tags, a part of the hash, are
// apart from the snapshots: they stay in the CPU's cache where those do not. Any
// number of goroutines may find while one changes it.
type index struct {
	tags      []atomic.Uint32
	snapshots []atomic.Pointer[snapshot]
	used      int // tags that are not free
	live      int // of which those that are not removed
}

const (
	free    = 0 // ends a probe
	removed = 1 // does not

	minIndex = 64
)

// newIndex returns one with room for so many.
func newIndex(n int) *index {
	size := minIndex
	for size < 3*n {
		size *= 2
	}
	return &index{tags: make([]atomic.Uint32, size), snapshots: make([]atomic.Pointer[snapshot], size)}
}

// tagOf takes the bits that do not say where a probe begins.
func tagOf(h uint64) uint32 { return uint32(h>>32) | 2 }

func (x *index) find(h uint64, tenant, path string) *snapshot {
	tag := tagOf(h)
	for i := h; ; i++ {
		at := i & uint64(len(x.tags)-1)
		switch x.tags[at].Load() {
		case tag:
			if s := x.snapshots[at].Load(); s != nil && s.is(tenant, path) {
				return s
			}
		case free:
			return nil
		}
	}
}

// locate is find for those who change the place itself.
func (x *index) locate(h uint64, tenant, path string) (at int, found bool) {
	for i := h; ; i++ {
		at := int(i & uint64(len(x.tags)-1))
		switch x.tags[at].Load() {
		case tagOf(h):
			if x.snapshots[at].Load().is(tenant, path) {
				return at, true
			}
		case free:
			return 0, false
		}
	}
}

// insert takes the first place of the probe. A reader that meets the tag of
// another in between asks the snapshot whose it is.
func (x *index) insert(h uint64, s *snapshot) {
	for i := h; ; i++ {
		at := i & uint64(len(x.tags)-1)
		tag := x.tags[at].Load()
		if tag > removed {
			continue
		}
		if tag == free {
			x.used++
		}
		x.live++
		x.snapshots[at].Store(s)
		x.tags[at].Store(tagOf(h))
		return
	}
}

// remove frees the place of an entry, where it has one.
func (x *index) remove(h uint64, e *entry) {
	at, found := x.locate(h, e.tenant, e.kind.path)
	if !found || x.snapshots[at].Load().entry != e {
		return
	}
	x.live--
	x.tags[at].Store(removed)
	x.snapshots[at].Store(nil)
}

// copy returns one with room for more, and without what was removed.
func (x *index) copy(t *table) *index {
	larger := newIndex(x.live + 1)
	for i := range x.snapshots {
		if s := x.snapshots[i].Load(); s != nil {
			larger.insert(t.hash(s.entry.tenant, s.path), s)
		}
	}
	return larger
}
