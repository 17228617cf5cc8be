package cache

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"
)

// checkTable checks that all parts of a table agree.
func checkTable(t interface{ Fatalf(string, ...any) }, table *testTable) {
	known, seen, live := 0, map[Key]bool{}, 0
	for e := table.known.oldest; e != nil; e = e.newer {
		known++
		if known > table.known.size {
			t.Fatalf("the sieve has more known entries than the %d that are counted, or a cycle", table.known.size)
		}
		if !e.known.Load() || !e.exists.Load() || entryAt(table, e.Key) != e {
			t.Fatalf("%s is known and has no place", e.Key.Owner)
		}
		if _, evicted := table.evicted[e.hash]; evicted {
			t.Fatalf("%s has a place and counts as evicted", e.Key.Owner)
		}
	}
	if known != table.known.size {
		t.Fatalf("%d known entries, counted %d", known, table.known.size)
	}
	unknown := 0
	table.all(func(i *testItem) {
		live++
		if !slices.Contains(table.of(i.entry.Key.Owner), i.entry) {
			t.Fatalf("%v is not among the entries of its owner", i.entry.Key)
		}
		if seen[i.entry.Key] {
			t.Fatalf("%v has two places", i.entry.Key)
		}
		seen[i.entry.Key] = true
		if !i.entry.known.Load() {
			unknown++
		}
	})
	for owner, entries := range table.named {
		for _, e := range entries {
			if entryAt(table, e.Key) != e {
				t.Fatalf("%s has the entry %s, which cannot be found", owner, e.Subject)
			}
		}
	}
	if x := table.index.Load(); live != x.live || live != known+unknown || unknown > maxUnknown {
		t.Fatalf("%d places, counted %d, for %d known and %d unknown entries", live, x.live, known, unknown)
	}
}

// checkCapacity checks that there are no more known entries than the capacity, once e has
// become one, unless all others are being loaded.
func checkCapacity(t interface{ Fatalf(string, ...any) }, table *testTable, e *testEntry) {
	if table.capacity == 0 || table.known.size <= table.capacity || !e.known.Load() {
		return
	}
	for other := table.known.oldest; other != nil; other = other.newer {
		if other != e && !other.loading() {
			t.Fatalf("%d known entries with room for %d, and %s could be evicted", table.known.size, table.capacity, other.Key.Owner)
		}
	}
}

// Any order of calls: entries lose their places and get them back when a late load ends;
// they are loaded, and their items are stored and cleared.
func TestTableStaysConsistent(t *testing.T) {
	const ids = 12
	rapid.Check(t, func(t *rapid.T) {
		table := newTable[subject, value](rapid.IntRange(0, 4).Draw(t, "capacity"))
		made := []*testEntry{table.place(numbered(table, 0))}
		draw := func(t *rapid.T) *testEntry { return rapid.SampledFrom(made).Draw(t, "entry") }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkTable(t, table) },
			"place": func(t *rapid.T) {
				k := keyOf(rapid.IntRange(0, ids).Draw(t, "id"))
				if rapid.Bool().Draw(t, "with a name") {
					k = Key{keyOf(rapid.IntRange(0, 2).Draw(t, "id")).Owner, "other"}
				}
				e := entryFor(table, k)
				if got := table.place(e); got == e || entryAt(table, e.Key) != got {
					made = append(made, got)
				}
				if entryAt(table, e.Key) == nil {
					t.Fatalf("a new entry has no place")
				}
				if entryAt(table, e.Key) == e {
					checkCapacity(t, table, e)
				}
			},
			"keep": func(t *rapid.T) {
				drawn := draw(t)
				was := drawn.known.Load()
				e := table.keep(drawn)
				if !e.known.Load() || entryAt(table, e.Key) != e {
					t.Fatalf("a known entry has no place")
				}
				if e == drawn && !was {
					checkCapacity(t, table, e)
				}
			},
			"store": func(t *rapid.T) { e := draw(t); table.store(e, NewItem(e)) },
			"clear": func(t *rapid.T) { table.clear(draw(t)) },
			"visit": func(t *rapid.T) { draw(t).latest().Visit() },
			"load":  func(t *rapid.T) { e := draw(t); e.running.Store(1 - e.running.Load()) },
			"drop": func(t *rapid.T) {
				if e := draw(t); !e.exists.Load() {
					drop(table, e)
				}
			},
		})
	})
}

func TestTableHasAtMostItsCapacity(t *testing.T) {
	const capacity = 100
	table := newTable[subject, value](capacity)
	for i := range 10 * capacity {
		loadedEntry(table, keyOf(i))
		if n := table.known.size; n != min(i+1, capacity) {
			t.Fatalf("%d known entries after %d", n, i+1)
		}
	}
	checkTable(t, table)
	if n := table.evictions.Load(); n != 9*capacity {
		t.Errorf("%d evictions, want %d", n, 9*capacity)
	}
	for i := range 10 * capacity {
		if e := entryAt(table, keyOf(i)); e != nil && e.item.Load() == nil {
			t.Errorf("entry %d has a place and no item", i)
		}
	}
}

// Unknown IDs evict no known entry, and their memory is bounded.
func TestUnknownEntriesEvictNoKnownOne(t *testing.T) {
	const capacity = 1000
	table := newTable[subject, value](capacity)
	var known [capacity]*testEntry
	for i := range known {
		known[i] = loadedEntry(table, keyOf(i))
	}
	for i := range atDepth(15_000, 1_000_000) {
		table.place(numbered(table, capacity+i))
	}
	for i, e := range known {
		if entryAt(table, keyOf(i)) != e {
			t.Fatalf("known entry %d lost its place", i)
		}
	}
	checkTable(t, table)
	x := table.index.Load()
	if x.live > capacity+maxUnknown || len(x.tags) > 8*(capacity+maxUnknown) || len(table.unknown) > maxUnknown || len(table.evicted) > 0 {
		t.Errorf("%d entries, %d places, %d unknown, %d evicted", x.live, len(x.tags), len(table.unknown), len(table.evicted))
	}
	if table.evictions.Load() != 0 {
		t.Error("a known entry was evicted")
	}
}

// An evicted entry stays known: when it comes back, it takes the place of another known
// one at once.
func TestEvictedEntryStaysKnown(t *testing.T) {
	table := newTable[subject, value](1)
	first := loadedEntry(table, keyOf(1))
	loadedEntry(table, keyOf(2))
	if entryAt(table, keyOf(1)) != nil || first.known.Load() {
		t.Fatal("it has not lost its place")
	}
	for i := range 3 * maxUnknown {
		table.place(numbered(table, 10+i))
	}
	again := table.place(numbered(table, 1))
	if again == first || !again.exists.Load() || !again.known.Load() || entryAt(table, keyOf(1)) != again {
		t.Error("it is treated as unknown")
	}
	if entryAt(table, keyOf(2)) != nil {
		t.Error("there are two known entries with room for one")
	}
	checkTable(t, table)
}

// A load that ends after its entry was evicted brings the entry back, unless another entry
// of the key is known by then. Then that one's item stays.
func TestLoadEndsAfterItsEntryWasEvicted(t *testing.T) {
	table := newTable[subject, value](1)
	e := loadedEntry(table, keyOf(1))
	loadedEntry(table, keyOf(2))
	if table.keep(e) != e || entryAt(table, keyOf(1)) != e || entryAt(table, keyOf(2)) != nil {
		t.Error("the evicted entry does not come back")
	}
	checkTable(t, table)

	loadedEntry(table, keyOf(2))
	again := loadedEntry(table, keyOf(1))
	item := again.item.Load()
	if table.keep(e) != again {
		t.Error("one key has two entries")
	}
	table.store(e, NewItem(e))
	if entryAt(table, keyOf(1)) != again || table.find(again.hash, again.Key) != item {
		t.Error("the item of an evicted entry is found")
	}
	checkTable(t, table)
}

// An entry that is being loaded is not evicted. Then there is one more than the capacity
// until the next one comes.
func TestLoadingEntryIsNotEvicted(t *testing.T) {
	table := newTable[subject, value](1)
	loading := loadedEntry(table, keyOf(1))
	loading.running.Add(1)
	other := loadedEntry(table, keyOf(2))
	if entryAt(table, keyOf(1)) != loading || entryAt(table, keyOf(2)) != other || table.evictions.Load() != 0 {
		t.Error("an entry was evicted")
	}
	checkTable(t, table)
	if loadedEntry(table, keyOf(3)); entryAt(table, keyOf(1)) != loading || entryAt(table, keyOf(2)) != nil {
		t.Error("the wrong entry was evicted")
	}
	loading.running.Add(-1)
	if loadedEntry(table, keyOf(4)); table.known.size != 1 || entryAt(table, keyOf(4)) == nil {
		t.Errorf("%d known entries with room for 1", table.known.size)
	}
	checkTable(t, table)
}

// Unknown IDs do not take the place of an entry that is being loaded, which may turn out
// to exist.
func TestUnknownEntryKeepsItsPlaceWhileLoading(t *testing.T) {
	table := newTable[subject, value](0)
	loading := table.place(numbered(table, 0))
	loading.running.Add(1)
	for i := range 3 * maxUnknown {
		table.place(numbered(table, i+1))
	}
	if entryAt(table, keyOf(0)) != loading {
		t.Error("it has lost its place")
	}
	checkTable(t, table)
	for _, e := range table.unknown { // where all are loading, the oldest loses its place
		e.running.Store(1)
	}
	table.place(numbered(table, -1))
	if entryAt(table, keyOf(-1)) == nil {
		t.Error("the newest unknown entry has no place")
	}
	checkTable(t, table)
}

func TestClearingAnEntryWithoutAPlaceChangesNothing(t *testing.T) {
	table := newTable[subject, value](1)
	e := loadedEntry(table, keyOf(1))
	loadedEntry(table, keyOf(2))
	table.clear(e)
	if entryAt(table, keyOf(1)) != nil {
		t.Error("an evicted entry is found")
	}
	never := numbered(table, 3)
	table.clear(never)
	if entryAt(table, keyOf(3)) != nil {
		t.Error("an entry that never had a place is found")
	}
	checkTable(t, table)
}

// Two creations, or a creation and a load, may find out at the same time that an owner
// exists.
func TestOneEntryIsKeptByManyAtOnce(t *testing.T) {
	table := newTable[subject, value](0)
	e, other := table.place(numbered(table, 1)), table.place(numbered(table, 2))
	table.mu.Lock()
	var keepers sync.WaitGroup
	for range 4 {
		keepers.Go(func() { table.keep(e) })
	}
	time.Sleep(20 * time.Millisecond) // until all wait for the lock
	table.mu.Unlock()
	keepers.Wait()
	table.keep(other)
	checkTable(t, table)
	if n := table.known.size; n != 2 {
		t.Errorf("%d known entries, want 2", n)
	}
}

// The capacity bounds memory: nothing refers to an evicted item.
func TestEvictedItemIsCollected(t *testing.T) {
	table := newTable[subject, value](1)
	var items []weak.Pointer[testItem]
	for i := range 100 {
		items = append(items, weak.Make(loadedEntry(table, keyOf(i)).item.Load()))
	}
	runtime.GC()
	inMemory := 0
	for _, s := range items {
		if s.Value() != nil {
			inMemory++
		}
	}
	if inMemory > 1 {
		t.Errorf("%d items are in memory with room for 1", inMemory)
	}
	runtime.KeepAlive(table)
}

// All calls run at once, and the table is closed meanwhile. Then nothing is left.
func TestTableIsClosedWhileItIsUsed(t *testing.T) {
	for range atDepth(5, 200) {
		table := newTable[subject, value](10)
		var users sync.WaitGroup
		for worker := range 4 {
			users.Go(func() {
				for i := range 500 {
					e := table.place(numbered(table, (i*(worker+1))%50))
					if i%3 == 0 {
						e = table.keep(e)
					}
					e.mu.Lock()
					table.store(e, NewItem(e))
					e.mu.Unlock()
					table.find(e.hash, e.Key)
					table.oldest(0)
				}
			})
		}
		users.Go(table.close)
		users.Wait()
		x := table.index.Load()
		if x.live != 0 || table.known.size != 0 || table.known.oldest != nil || table.unknown != nil || table.evicted != nil {
			t.Fatalf("%d entries and %d known ones are left", x.live, table.known.size)
		}
		if e := numbered(table, 1); table.keep(table.place(e)) != e || entryAt(table, keyOf(1)) != nil {
			t.Fatal("a closed table takes an entry")
		}
	}
}

func TestTableStaysConsistentWhileItIsUsed(t *testing.T) {
	table := newTable[subject, value](10)
	whileChanging(func() {
		for i := range atDepth(2000, 100_000) {
			loadedEntry(table, keyOf(i%70))
		}
	}, func() {
		e := table.keep(table.place(numbered(table, int(table.evictions.Load())%70)))
		e.mu.Lock()
		table.clear(e)
		e.mu.Unlock()
	})
	checkTable(t, table)
}
