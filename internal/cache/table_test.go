package cache

import (
	"sync"
	"testing"
	"time"
)

func TestTableBoundsUnknownEntries(t *testing.T) {
	table := newTable[subject, value](0)
	first := table.keep(table.place(numbered(table, 0)))
	for i := range 3 * maxUnknown {
		table.place(numbered(table, i+1))
	}
	if n := table.index.Load().live; n > maxUnknown+1 || n < maxUnknown-1 {
		t.Errorf("%d entries", n)
	}
	if entryAt(table, keyOf(0)) != first {
		t.Error("a known entry has lost its place")
	}
	if entryAt(table, keyOf(1)) != nil {
		t.Error("the oldest unknown entry still has a place")
	}
	if entryAt(table, keyOf(3*maxUnknown)) == nil {
		t.Error("the newest unknown entry has no place")
	}
	table.close()
	if table.place(numbered(table, 1)); table.index.Load().live != 0 || table.unknown != nil {
		t.Error("the table has entries after close")
	}
}

// An unknown entry that lost its place while it was being loaded gets one when it turns
// out to exist, unless another entry of its key is known by then.
func TestTableKeepsWhatTurnsOutToExist(t *testing.T) {
	table := newTable[subject, value](0)
	dropped, successor := table.place(numbered(table, 1)), numbered(table, 1)
	drop(table, dropped)
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it does not get its place back")
	}
	if there := table.place(successor); there != dropped {
		t.Error("it has no place")
	}

	table = newTable[subject, value](0)
	dropped = table.place(numbered(table, 1))
	drop(table, dropped)
	table.place(successor)
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it does not take the place of an unknown entry")
	}

	table, dropped, successor = newTable[subject, value](0), numbered(table, 1), numbered(table, 1)
	table.place(dropped)
	drop(table, dropped)
	table.keep(table.place(successor))
	if kept := table.keep(dropped); kept != successor {
		t.Error("one key has two entries")
	}
}

func TestTableKeepsKnownEntriesWhileManyAreAdded(t *testing.T) {
	table := newTable[subject, value](0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2 * maxUnknown {
				e := table.place(numbered(table, i))
				if i%100 == 0 {
					table.keep(e)
				}
			}
		})
	}
	wg.Wait()
	for i := 0; i < 2*maxUnknown; i += 100 {
		if entryAt(table, keyOf(i)) == nil {
			t.Fatalf("entry %d is known and has no place", i)
		}
	}
}

// To find the entries of one owner the table does not look at those of others: that would
// take 100 times as long among 100 times as many.
func TestEntriesOfOneOwnerAreFoundAmongMany(t *testing.T) {
	took := func(owners int) time.Duration {
		table := newTable[subject, value](0)
		for i := range owners {
			table.keep(table.place(numbered(table, i)))
		}
		best := time.Hour
		for range 5 {
			began := time.Now()
			for range 200 {
				if len(table.of("t_7")) != 1 {
					t.Fatal("not found")
				}
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if few, many := took(500), took(50_000); many > 10*few {
		t.Errorf("%v among 500 owners, %v among 50,000", few, many)
	}
}
