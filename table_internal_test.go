package tenantsecrets

import (
	"fmt"
	"sync"
	"testing"
)

func stranger(i int) *entry { return newEntry(secret{tenant: fmt.Sprint("t_", i), path: hmacPath}) }

func TestTableHasRoomForSoManyStrangers(t *testing.T) {
	table := newTable()
	first := table.keep(table.add(stranger(0)))
	for i := range 3 * maxStrangers {
		table.add(stranger(i + 1))
	}
	if n := table.entries.Size(); n > maxStrangers+1 || n < maxStrangers-1 {
		t.Errorf("%d entries", n)
	}
	if e, _ := table.find(first.key()); e != first {
		t.Error("a secret that exists has lost its place")
	}
	if e, found := table.find(stranger(1).key()); found {
		t.Errorf("the oldest stranger is still there: %v", e.key())
	}
	if _, found := table.find(stranger(3 * maxStrangers).key()); !found {
		t.Error("the latest stranger is not there")
	}
	table.clear()
	if table.entries.Size() != 0 || table.strangers != nil {
		t.Error("clear leaves entries")
	}
}

// A stranger that has lost its place while it was loaded gets one when it turns
// out to exist, unless its successor has been seen to exist before it.
func TestTableKeepsWhatTurnsOutToExist(t *testing.T) {
	table := newTable()
	dropped, successor := table.add(stranger(1)), stranger(1)
	table.drop(dropped.key())
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it is not kept")
	}
	if there := table.add(successor); there != dropped {
		t.Error("it has no place")
	}

	table = newTable()
	dropped = table.add(stranger(1))
	table.drop(dropped.key())
	table.add(successor)
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it does not take the place of one that is not known to exist")
	}

	table, dropped, successor = newTable(), stranger(1), stranger(1)
	table.add(dropped)
	table.drop(dropped.key())
	table.keep(table.add(successor))
	if kept := table.keep(dropped); kept != successor {
		t.Error("there are two entries of one secret")
	}
}

func TestTableConcurrently(t *testing.T) {
	table := newTable()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2 * maxStrangers {
				e := table.add(stranger(i))
				if i%100 == 0 {
					table.keep(e)
				}
			}
		})
	}
	wg.Wait()
	for i := 0; i < 2*maxStrangers; i += 100 {
		if _, found := table.find(stranger(i).key()); !found {
			t.Fatalf("%d exists and has no place", i)
		}
	}
}
