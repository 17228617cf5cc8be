package cache

import (
	"sync"
	"sync/atomic"
	"testing"
)

// whileChanging calls look on several goroutines, over and over, while change runs.
func whileChanging(change, look func()) {
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				look()
			}
		})
	}
	change()
	done.Store(true)
	readers.Wait()
}

// checkFound wants a reader to find the item of the key or, where it may be absent, none.
func checkFound(t *testing.T, k Key, got *testItem, mayBeAbsent bool) {
	t.Helper()
	switch {
	case got == nil && !mayBeAbsent:
		t.Errorf("the item of %v was not found", k)
	case got != nil && got.entry.Key != k:
		t.Errorf("the item of %v was found for %v", got.entry.Key, k)
	}
}

// All items have one hash, so that every probe passes items that are inserted and removed.
func TestIndexIsReadWhileItChanges(t *testing.T) {
	x := newIndex[subject, value](0)
	keys := twoKeysEach(ownerIDs(16))
	changing, staying := keys[:16], keys[16:]
	var items []*testItem
	for n := range changing { // alternately, so that items that stay are behind places that are freed
		items = append(items, itemOf(changing[n], 5))
		x.insert(5, items[n])
		x.insert(5, itemOf(staying[n], 5))
	}
	whileChanging(func() {
		for range atDepth(150, 200_000) {
			for _, i := range items {
				x.remove(i.entry)
			}
			for n := range items { // each time at another place
				x.insert(5, items[len(items)-1-n])
			}
		}
	}, func() {
		for n := range changing {
			checkFound(t, changing[n], x.find(5, changing[n]), true)
			checkFound(t, staying[n], x.find(5, staying[n]), false)
		}
		checkFound(t, Key{}, x.find(5, Key{Owner: "t_absent"}), true)
	})
}

// The table grows, and then loses the entries that it has grown for.
func TestTableIsReadWhileItGrows(t *testing.T) {
	table := newTable[subject, value](0)
	const staying = 50
	for i := range staying {
		table.keep(table.place(numbered(table, i)))
	}
	whileChanging(func() {
		for round := range atDepth(2, 200) {
			var entries []*testEntry
			for i := range 2000 {
				entries = append(entries, table.place(numbered(table, staying+2000*round+i)))
			}
			for _, e := range entries {
				drop(table, e)
			}
		}
	}, func() {
		for i := range staying {
			k := keyOf(i)
			checkFound(t, k, table.find(k.hash(table.seed), k), false)
		}
		table.all(func(i *testItem) {
			if i.entry == nil {
				t.Error("an item without an entry")
			}
		})
	})
}
