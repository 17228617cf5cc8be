package cache

import "sync/atomic"

// index is open addressing with linear probing. The tags, a part of the hash, are
// apart from the items: they stay in the CPU's cache where those do not. Any
// number of goroutines may find while one changes it.
type index[S Subject, V any] struct {
	tags  []atomic.Uint32
	items []atomic.Pointer[Item[S, V]]
	used  int // tags that are not free
	live  int // of which those that are not removed
}

const (
	free    = 0 // ends a probe
	removed = 1 // does not

	minIndex = 64
)

// newIndex returns one with room for so many.
func newIndex[S Subject, V any](n int) *index[S, V] {
	size := minIndex
	for size < 3*n {
		size *= 2
	}
	return &index[S, V]{tags: make([]atomic.Uint32, size), items: make([]atomic.Pointer[Item[S, V]], size)}
}

// tagOf takes the bits that do not say where a probe begins.
func tagOf(h uint64) uint32 { return uint32(h>>32) | 2 }

func (x *index[S, V]) find(h uint64, k Key) *Item[S, V] {
	tag := tagOf(h)
	for i := h; ; i++ {
		at := i & uint64(len(x.tags)-1)
		switch x.tags[at].Load() {
		case tag:
			if item := x.items[at].Load(); item != nil && item.is(k) {
				return item
			}
		case free:
			return nil
		}
	}
}

// locate is find for a caller that changes the place itself.
func (x *index[S, V]) locate(h uint64, k Key) (at int, found bool) {
	for i := h; ; i++ {
		at := int(i & uint64(len(x.tags)-1))
		switch x.tags[at].Load() {
		case tagOf(h):
			if x.items[at].Load().is(k) {
				return at, true
			}
		case free:
			return 0, false
		}
	}
}

// insert takes the first place of the probe. A reader that meets the tag of another item
// in between compares the key.
func (x *index[S, V]) insert(h uint64, s *Item[S, V]) {
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
		x.items[at].Store(s)
		x.tags[at].Store(tagOf(h))
		return
	}
}

// remove frees the place of an entry, where it has one.
func (x *index[S, V]) remove(e *Entry[S, V]) {
	at, found := x.locate(e.hash, e.Key)
	if !found || x.items[at].Load().entry != e {
		return
	}
	x.live--
	x.tags[at].Store(removed)
	x.items[at].Store(nil)
}

// grow returns one with room for more, and without what was removed.
func (x *index[S, V]) grow() *index[S, V] {
	larger := newIndex[S, V](x.live + 1)
	for n := range x.items {
		if i := x.items[n].Load(); i != nil {
			larger.insert(i.entry.hash, i)
		}
	}
	return larger
}
