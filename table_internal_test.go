package tenantsecrets

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func stranger(i int) *entry {
	tenant := fmt.Sprint("t_", i)
	return newEntry(secret{name: "prod/formbridge/" + tenant + "/" + hmacPath, tenant: tenant, kind: tenantSecretKind})
}

// entryOf returns the entry in a stranger's place, or nil.
func (t *table) entryOf(i int) *entry {
	if s := t.find(fmt.Sprint("t_", i), hmacPath); s != nil {
		return s.entry
	}
	return nil
}

// otherKind is an entry of another kind than the tenant's HMAC secret.
func otherKind(i int) *entry {
	e := stranger(i)
	e.name += "_other"
	e.kind = &secretKind{path: "other", of: tenantSecretKind.of}
	return e
}

func (t *table) drop(e *entry) {
	t.index.Load().remove(t.hash(e.tenant, e.kind.path), e)
	t.removeSibling(e)
}

func TestTableHasRoomForSoManyStrangers(t *testing.T) {
	table := newTable(0)
	first := table.keep(table.add(stranger(0)))
	for i := range 3 * maxStrangers {
		table.add(stranger(i + 1))
	}
	if n := table.index.Load().live; n > maxStrangers+1 || n < maxStrangers-1 {
		t.Errorf("%d entries", n)
	}
	if table.entryOf(0) != first {
		t.Error("a secret that exists has lost its place")
	}
	if table.entryOf(1) != nil {
		t.Error("the oldest stranger is still there")
	}
	if table.entryOf(3*maxStrangers) == nil {
		t.Error("the latest stranger is not there")
	}
	table.close()
	if table.add(stranger(1)); table.index.Load().live != 0 || table.strangers != nil {
		t.Error("something is left, or taken in, after close")
	}
}

// A stranger that has lost its place while it was loaded gets one when it turns
// out to exist, unless its successor has been seen to exist before it.
func TestTableKeepsWhatTurnsOutToExist(t *testing.T) {
	table := newTable(0)
	dropped, successor := table.add(stranger(1)), stranger(1)
	table.drop(dropped)
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it is not kept")
	}
	if there := table.add(successor); there != dropped {
		t.Error("it has no place")
	}

	table = newTable(0)
	dropped = table.add(stranger(1))
	table.drop(dropped)
	table.add(successor)
	if kept := table.keep(dropped); kept != dropped {
		t.Error("it does not take the place of one that is not known to exist")
	}

	table, dropped, successor = newTable(0), stranger(1), stranger(1)
	table.add(dropped)
	table.drop(dropped)
	table.keep(table.add(successor))
	if kept := table.keep(dropped); kept != successor {
		t.Error("there are two entries of one secret")
	}
}

func TestTableConcurrently(t *testing.T) {
	table := newTable(0)
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
		if table.entryOf(i) == nil {
			t.Fatalf("%d exists and has no place", i)
		}
	}
}

// Looking for one tenant's secrets does not look at the others': a search through all of
// them would take 100 times as long for 100 times as many.
func TestOneTenantIsFoundAmongMany(t *testing.T) {
	took := func(tenants int) time.Duration {
		table := newTable(0)
		for i := range tenants {
			table.keep(table.add(stranger(i)))
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
		t.Errorf("%v among 500 tenants, %v among 50,000", few, many)
	}
}
