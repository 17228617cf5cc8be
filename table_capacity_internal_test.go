package tenantsecrets

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"
)

// holding makes a resident of an entry that holds something.
func (t *table) holding(e *entry) *entry {
	e = t.keep(t.add(e))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hold(t, newSnapshot(e))
	return e
}

// checkTable wants everything in a table to fit together.
func checkTable(t interface{ Fatalf(string, ...any) }, table *table) {
	residents, seen, live := 0, map[string]bool{}, 0
	for e := table.residents.oldest; e != nil; e = e.newer {
		residents++
		if residents > table.residents.size {
			t.Fatalf("the residents are more than the %d that are counted, or stand in a circle", table.residents.size)
		}
		if !e.resident.Load() || !e.exists.Load() || table.entryAt(e) != e {
			t.Fatalf("%s is a resident without a place", e.tenant)
		}
		if _, departed := table.departed[table.hash(e.tenant, e.kind.path)]; departed {
			t.Fatalf("%s is here and has left", e.tenant)
		}
	}
	if residents != table.residents.size {
		t.Fatalf("%d residents, counted %d", residents, table.residents.size)
	}
	strangers := 0
	table.all(func(s *snapshot) {
		live++
		if !slices.Contains(table.of(s.entry.tenant), s.entry) {
			t.Fatalf("%s is not among the entries of its tenant", s.entry.name)
		}
		if seen[s.entry.name] {
			t.Fatalf("%s has two places", s.entry.name)
		}
		seen[s.entry.name] = true
		if !s.entry.resident.Load() {
			strangers++
		}
	})
	for tenant, siblings := range table.siblings {
		for _, e := range siblings {
			if table.entryAt(e) != e {
				t.Fatalf("%s has the entry %s, which cannot be found", tenant, e.name)
			}
		}
	}
	if x := table.index.Load(); live != x.live || live != residents+strangers || strangers > maxStrangers {
		t.Fatalf("%d places, counted %d, for %d residents and %d strangers", live, x.live, residents, strangers)
	}
}

// checkRoom wants no more residents than there is room for, once e has become one,
// unless all the others are being loaded.
func checkRoom(t interface{ Fatalf(string, ...any) }, table *table, e *entry) {
	if table.capacity == 0 || table.residents.size <= table.capacity || !e.resident.Load() {
		return
	}
	for other := table.residents.oldest; other != nil; other = other.newer {
		if other != e && !other.loading() {
			t.Fatalf("%d residents with room for %d, and %s could leave", table.residents.size, table.capacity, other.tenant)
		}
	}
}

func (t *table) entryAt(e *entry) *entry {
	if s := t.find(e.tenant, e.kind.path); s != nil {
		return s.entry
	}
	return nil
}

// Entries that have lost their places come back, as loads that end late bring
// them; entries load, hold something, and hold nothing again.
func TestTableFitsTogether(t *testing.T) {
	const ids = 12
	rapid.Check(t, func(t *rapid.T) {
		table := newTable(rapid.IntRange(0, 4).Draw(t, "capacity"))
		made := []*entry{table.add(stranger(0))}
		draw := func(t *rapid.T) *entry { return rapid.SampledFrom(made).Draw(t, "entry") }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkTable(t, table) },
			"add": func(t *rapid.T) {
				e := stranger(rapid.IntRange(0, ids).Draw(t, "id"))
				if rapid.Bool().Draw(t, "of another kind") {
					e = otherKind(rapid.IntRange(0, 2).Draw(t, "id"))
				}
				if got := table.add(e); got == e || table.entryAt(e) != got {
					made = append(made, got)
				}
				if table.entryAt(e) == nil {
					t.Fatalf("what was added has no place")
				}
				if table.entryAt(e) == e {
					checkRoom(t, table, e)
				}
			},
			"keep": func(t *rapid.T) {
				drawn := draw(t)
				was := drawn.resident.Load()
				e := table.keep(drawn)
				if !e.resident.Load() || table.entryAt(e) != e {
					t.Fatalf("what was kept has no place")
				}
				if e == drawn && !was {
					checkRoom(t, table, e)
				}
			},
			"hold":         func(t *rapid.T) { e := draw(t); e.hold(table, newSnapshot(e)) },
			"hold nothing": func(t *rapid.T) { draw(t).hold(table, nil) },
			"see":          func(t *rapid.T) { draw(t).latest().see() },
			"load":         func(t *rapid.T) { e := draw(t); e.running.Store(1 - e.running.Load()) },
			"drop": func(t *rapid.T) {
				if e := draw(t); !e.exists.Load() {
					table.drop(e)
				}
			},
		})
	})
}

func TestTableHasRoomForSoManyResidents(t *testing.T) {
	const capacity = 100
	table := newTable(capacity)
	for i := range 10 * capacity {
		table.holding(stranger(i))
		if n := table.residents.size; n != min(i+1, capacity) {
			t.Fatalf("%d residents after %d", n, i+1)
		}
	}
	checkTable(t, table)
	if n := table.evictions.Load(); n != 9*capacity {
		t.Errorf("%d evictions, want %d", n, 9*capacity)
	}
	for i := range 10 * capacity {
		if e := table.entryOf(i); e != nil && e.held.Load() == nil {
			t.Errorf("%d has a place and holds nothing", i)
		}
	}
}

// Made-up ids cost neither a resident its place nor memory without end.
func TestStrangersTakeNoResidentsPlace(t *testing.T) {
	const capacity = 1000
	table := newTable(capacity)
	var residents [capacity]*entry
	for i := range residents {
		residents[i] = table.holding(stranger(i))
	}
	for i := range atInternalDepth(100_000, 1_000_000) {
		table.add(stranger(capacity + i))
	}
	for i, e := range residents {
		if table.entryOf(i) != e {
			t.Fatalf("resident %d lost its place", i)
		}
	}
	checkTable(t, table)
	x := table.index.Load()
	if x.live > capacity+maxStrangers || len(x.tags) > 8*(capacity+maxStrangers) || len(table.strangers) > maxStrangers || len(table.departed) > 0 {
		t.Errorf("%d entries, %d places, %d strangers, %d departed", x.live, len(x.tags), len(table.strangers), len(table.departed))
	}
	if table.evictions.Load() != 0 {
		t.Error("a resident was evicted")
	}
}

// Who has lost his place is no stranger: he takes another resident's, at once.
func TestEvictedIsNoStranger(t *testing.T) {
	table := newTable(1)
	first := table.holding(stranger(1))
	table.holding(stranger(2))
	if table.entryOf(1) != nil || first.resident.Load() {
		t.Fatal("it has not lost its place")
	}
	for i := range 3 * maxStrangers {
		table.add(stranger(10 + i))
	}
	again := table.add(stranger(1))
	if again == first || !again.exists.Load() || !again.resident.Load() || table.entryOf(1) != again {
		t.Error("it is treated as a stranger")
	}
	if table.entryOf(2) != nil {
		t.Error("there are two residents in one place")
	}
	checkTable(t, table)
}

// A load that ends after its entry was evicted brings it back, unless another
// entry of the secret is there by then: what that one holds is not touched.
func TestLoadEndsAfterItsEntryWasEvicted(t *testing.T) {
	table := newTable(1)
	e := table.holding(stranger(1))
	table.holding(stranger(2))
	if table.keep(e) != e || table.entryOf(1) != e || table.entryOf(2) != nil {
		t.Error("it does not come back")
	}
	checkTable(t, table)

	table.holding(stranger(2))
	again := table.holding(stranger(1))
	held := again.held.Load()
	if table.keep(e) != again {
		t.Error("there are two entries of one secret")
	}
	e.hold(table, newSnapshot(e))
	if table.entryOf(1) != again || table.find(again.tenant, hmacPath) != held {
		t.Error("what an evicted entry held is found")
	}
	checkTable(t, table)
}

// What is being loaded keeps its place, though there is one too many until the next
// one comes.
func TestLoadingKeepsAPlace(t *testing.T) {
	table := newTable(1)
	loading := table.holding(stranger(1))
	loading.running.Add(1)
	other := table.holding(stranger(2))
	if table.entryOf(1) != loading || table.entryOf(2) != other || table.evictions.Load() != 0 {
		t.Error("somebody has left")
	}
	checkTable(t, table)
	if table.holding(stranger(3)); table.entryOf(1) != loading || table.entryOf(2) != nil {
		t.Error("the wrong one has left")
	}
	loading.running.Add(-1)
	if table.holding(stranger(4)); table.residents.size != 1 || table.entryOf(4) == nil {
		t.Errorf("%d residents with room for 1", table.residents.size)
	}
	checkTable(t, table)
}

// Made-up ids do not push out a tenant that is about to turn out to exist.
func TestLoadingStrangerKeepsItsPlace(t *testing.T) {
	table := newTable(0)
	loading := table.add(stranger(0))
	loading.running.Add(1)
	for i := range 3 * maxStrangers {
		table.add(stranger(i + 1))
	}
	if table.entryOf(0) != loading {
		t.Error("it has lost its place")
	}
	checkTable(t, table)
	for _, e := range table.strangers { // where all are loading the line moves on
		e.running.Store(1)
	}
	table.add(stranger(-1))
	if table.entryOf(-1) == nil {
		t.Error("the latest stranger is not there")
	}
	checkTable(t, table)
}

func TestPublishingWithoutAPlaceStoresNothing(t *testing.T) {
	table := newTable(1)
	e := table.holding(stranger(1))
	table.holding(stranger(2))
	table.publish(e, newSnapshot(e))
	if table.entryOf(1) != nil {
		t.Error("an evicted entry is found")
	}
	never := stranger(3)
	table.publish(never, newSnapshot(never))
	if table.entryOf(3) != nil {
		t.Error("an entry that was never added is found")
	}
	checkTable(t, table)
}

// Two creations of one tenant, or a creation and a load, may see at the same time
// that it exists.
func TestKeepingOneEntryAtOnce(t *testing.T) {
	table := newTable(0)
	e, other := table.add(stranger(1)), table.add(stranger(2))
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
	if n := table.residents.size; n != 2 {
		t.Errorf("%d residents, want 2", n)
	}
}

// The capacity bounds what is in memory: an evicted secret's keys are let go of.
func TestEvictedIsForgotten(t *testing.T) {
	table := newTable(1)
	var held []weak.Pointer[snapshot]
	for i := range 100 {
		held = append(held, weak.Make(table.holding(stranger(i)).held.Load()))
	}
	runtime.GC()
	inMemory := 0
	for _, s := range held {
		if s.Value() != nil {
			inMemory++
		}
	}
	if inMemory > 1 {
		t.Errorf("%d secrets are in memory with room for 1", inMemory)
	}
	runtime.KeepAlive(table)
}

// Everything at once, and a close in the middle of it: then nothing is left.
func TestTableIsClosedWhileItIsUsed(t *testing.T) {
	for range atInternalDepth(5, 200) {
		table := newTable(10)
		var users sync.WaitGroup
		for worker := range 4 {
			users.Go(func() {
				for i := range 500 {
					e := table.add(stranger((i * (worker + 1)) % 50))
					if i%3 == 0 {
						e = table.keep(e)
					}
					e.mu.Lock()
					e.hold(table, newSnapshot(e))
					e.mu.Unlock()
					table.find(e.tenant, e.kind.path)
					table.oldest(0)
				}
			})
		}
		users.Go(table.close)
		users.Wait()
		x := table.index.Load()
		if x.live != 0 || table.residents.size != 0 || table.residents.oldest != nil || table.strangers != nil || table.departed != nil {
			t.Fatalf("%d entries and %d residents are left", x.live, table.residents.size)
		}
		if e := stranger(1); table.keep(table.add(e)) != e || table.entryOf(1) != nil {
			t.Fatal("something is taken in after close")
		}
	}
}

// The same without a close: it stays whole.
func TestTableStaysWholeWhileItIsUsed(t *testing.T) {
	table := newTable(10)
	whileChanging(func() {
		for i := range atInternalDepth(2000, 100_000) {
			table.holding(stranger(i % 70))
		}
	}, func() {
		e := table.keep(table.add(stranger(int(table.evictions.Load()) % 70)))
		e.mu.Lock()
		e.hold(table, nil)
		e.mu.Unlock()
	})
	checkTable(t, table)
}
