package tenantsecrets

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// atInternalDepth is how much a test does: little, or all where the environment
// asks for it.
func atInternalDepth(small, full int) int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}

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

// checkReader wants to find the secret, where it has to be there, or nothing, but
// never another's.
func checkReader(t *testing.T, p place, got *snapshot, there bool) {
	t.Helper()
	switch {
	case got == nil && there:
		t.Errorf("%v was missed", p)
	case got != nil && (got.entry.tenant != p.tenant || got.path != p.path):
		t.Errorf("%v was found for %v", got.entry.name, p)
	}
}

// One index under one hash for all: every probe passes what comes and goes.
func TestIndexIsReadWhileItChanges(t *testing.T) {
	x := newIndex(0)
	places := placesOf(tenantIDs(16))
	come, stay := places[:16], places[16:]
	var coming []*snapshot
	for i := range come { // before one another, so that what stays is behind places that are freed
		coming = append(coming, snapshotAt(come[i]))
		x.insert(5, coming[i])
		x.insert(5, snapshotAt(stay[i]))
	}
	whileChanging(func() {
		for range atInternalDepth(2000, 200_000) {
			for _, s := range coming {
				x.remove(5, s.entry)
			}
			for i := range coming { // each time at another's place
				x.insert(5, coming[len(coming)-1-i])
			}
		}
	}, func() {
		for i := range come {
			checkReader(t, come[i], x.find(5, come[i].tenant, come[i].path), false)
			checkReader(t, stay[i], x.find(5, stay[i].tenant, stay[i].path), true)
		}
		checkReader(t, place{}, x.find(5, "t_absent", hmacPath), false)
	})
}

// A table that grows, and drops what it was grown for.
func TestTableIsReadWhileItGrows(t *testing.T) {
	table := newTable(0)
	const stay = 50
	for i := range stay {
		table.keep(table.add(stranger(i)))
	}
	whileChanging(func() {
		for round := range atInternalDepth(5, 200) {
			var entries []*entry
			for i := range 2000 {
				entries = append(entries, table.add(stranger(stay+2000*round+i)))
			}
			table.mu.Lock()
			for _, e := range entries {
				table.drop(e)
			}
			table.mu.Unlock()
		}
	}, func() {
		for i := range stay {
			p := place{stranger(i).tenant, hmacPath}
			checkReader(t, p, table.find(p.tenant, p.path), true)
		}
		table.all(func(s *snapshot) {
			if s.entry == nil {
				t.Error("a snapshot of nobody")
			}
		})
	})
}
