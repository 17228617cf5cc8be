package tenantsecrets

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// place is where a secret is found.
type place struct{ tenant, path string }

func snapshotAt(p place) *snapshot {
	kind := tenantSecretKind
	if p.path != hmacPath {
		kind = &secretKind{path: p.path}
	}
	return newSnapshot(newEntry(secret{name: "prod/formbridge/" + p.tenant + "/" + p.path, tenant: p.tenant, kind: kind}))
}

// indexModel is an index beside a plain map.
type indexModel struct {
	table  *table // whose index it is
	places []place
	hash   func(place) uint64
	insert func(h uint64, s *snapshot)
	held   map[place]*snapshot
}

func (m *indexModel) index() *index { return m.table.index.Load() }

func (m *indexModel) draw(t *rapid.T) (place, uint64) {
	p := rapid.SampledFrom(m.places).Draw(t, "place")
	return p, m.hash(p)
}

func (m *indexModel) add(t *rapid.T) {
	p, h := m.draw(t)
	if m.held[p] == nil {
		m.held[p] = snapshotAt(p)
		m.insert(h, m.held[p])
	}
}

func (m *indexModel) remove(t *rapid.T) {
	p, h := m.draw(t)
	e := snapshotAt(p).entry // an entry that is not there: nothing happens
	if s := m.held[p]; s != nil && rapid.IntRange(0, 4).Draw(t, "its own") > 0 {
		e = s.entry
		delete(m.held, p)
	}
	m.index().remove(h, e)
}

// replace is what a publication does.
func (m *indexModel) replace(t *rapid.T) {
	p, h := m.draw(t)
	if s := m.held[p]; s != nil {
		at, _ := m.index().locate(h, p.tenant, p.path)
		m.held[p] = newSnapshot(s.entry)
		m.index().snapshots[at].Store(m.held[p])
	}
}

func (m *indexModel) check(t *rapid.T) {
	x := m.index()
	for _, p := range m.places {
		want := m.held[p]
		if got := x.find(m.hash(p), p.tenant, p.path); got != want {
			t.Fatalf("find(%v) = %p, want %p", p, got, want)
		}
		at, found := x.locate(m.hash(p), p.tenant, p.path)
		if found != (want != nil) || found && x.snapshots[at].Load() != want {
			t.Fatalf("locate(%v) = %d, %v", p, at, found)
		}
	}
	m.checkCounts(t)
}

func (m *indexModel) checkCounts(t *rapid.T) {
	x, used := m.index(), 0
	for i := range x.tags {
		if x.tags[i].Load() != free {
			used++
		}
	}
	if x.used != used || x.live != len(m.held) {
		t.Fatalf("counts %d used and %d live, has %d and %d", x.used, x.live, used, len(m.held))
	}
	var all []*snapshot
	m.table.all(func(s *snapshot) { all = append(all, s) })
	if len(all) != len(m.held) || len(all) != len(slices.Compact(slices.SortedFunc(maps.Values(m.held), byPlace))) {
		t.Fatalf("all gives %d of %d", len(all), len(m.held))
	}
}

func byPlace(a, b *snapshot) int { return strings.Compare(a.entry.name, b.entry.name) }

func (m *indexModel) run(t *rapid.T) {
	for _, p := range m.places[:rapid.IntRange(0, len(m.places)).Draw(t, "at first")] {
		m.held[p] = snapshotAt(p)
		m.insert(m.hash(p), m.held[p])
	}
	t.Repeat(map[string]func(*rapid.T){"": m.check, "add": m.add, "remove": m.remove, "replace": m.replace})
}

// placesOf are so many tenants, each with a secret at two paths.
func placesOf(tenants []string) (places []place) {
	for _, tenant := range tenants {
		places = append(places, place{tenant, hmacPath}, place{tenant, "api_key"})
	}
	return places
}

func tenantIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("t_%d", i)
	}
	return ids
}

// Hashes that are alike, wholly or in the part where a probe begins, at both ends
// of the index.
func TestIndexIsAMapWhereHashesCollide(t *testing.T) {
	places := placesOf(tenantIDs(14))
	rapid.Check(t, func(t *rapid.T) {
		hashes := map[place]uint64{}
		for _, p := range places {
			begin := rapid.SampledFrom([]uint64{0, 1, minIndex - 2, minIndex - 1, minIndex}).Draw(t, "begin")
			tag := rapid.SampledFrom([]uint64{0, 1, 2, 1<<32 - 1}).Draw(t, "tag")
			hashes[p] = tag<<32 | begin
		}
		m := &indexModel{table: newTable(0), places: places, held: map[place]*snapshot{}}
		m.hash = func(p place) uint64 { return hashes[p] }
		m.insert = m.index().insert
		m.run(t)
	})
}

// crowded are tenants whose probes begin at few places under that seed.
func crowded(table *table, n int) (ids []string) {
	for i := 0; len(ids) < n; i++ {
		id := fmt.Sprintf("t_%d", i)
		if begin := table.hash(id, hmacPath) % 32; begin == 0 || begin == 31 {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestIndexIsAMapWhileItGrows(t *testing.T) {
	seed := maphash.MakeSeed()
	places := placesOf(crowded(&table{seed: seed}, 60))
	rapid.Check(t, func(t *rapid.T) {
		table := newTable(0)
		table.seed = seed
		m := &indexModel{table: table, places: places, held: map[place]*snapshot{}}
		m.hash = func(p place) uint64 { return table.hash(p.tenant, p.path) }
		m.insert = func(h uint64, s *snapshot) {
			table.insert(h, s)
			if x := m.index(); 2*x.used > len(x.tags) {
				t.Fatalf("%d of %d places are used", x.used, len(x.tags))
			}
		}
		m.run(t)
	})
}

// What comes and goes takes the places of what has gone.
func TestIndexUsesPlacesAgain(t *testing.T) {
	x, table := newIndex(0), newTable(0)
	s := snapshotAt(place{tenant: "t_1", path: hmacPath})
	for range 10 * minIndex {
		x.insert(7, s)
		x.remove(7, s.entry)
	}
	if x.used != 1 || x.live != 0 {
		t.Errorf("%d places are used for one secret", x.used)
	}
	for i := range 10_000 {
		e := table.add(stranger(i))
		table.drop(e)
	}
	if n := len(table.index.Load().tags); n != minIndex {
		t.Errorf("the index has %d places for one secret at a time", n)
	}
}

func TestIndexGrowsWithWhatIsThere(t *testing.T) {
	table := newTable(0)
	var entries []*entry
	for i := range 5000 {
		entries = append(entries, table.add(stranger(i)))
		if x := table.index.Load(); 2*x.used > len(x.tags) || len(x.tags) > max(minIndex, 8*x.live) {
			t.Fatalf("%d places for %d", len(x.tags), x.live)
		}
	}
	for _, e := range entries[10:] {
		table.drop(e)
	}
	x := table.index.Load().copy(table)
	if len(x.tags) != minIndex || x.used != 10 || x.live != 10 {
		t.Errorf("%d places, %d used, %d live, for 10", len(x.tags), x.used, x.live)
	}
	for i, e := range entries[:10] {
		if s := x.find(table.hash(e.tenant, hmacPath), e.tenant, hmacPath); s == nil || s.entry != e {
			t.Errorf("%d was lost", i)
		}
	}
}

// Tenants of every length, each the beginning of the next, and beside each one
// that differs in its last character, all under one hash: an id that is too long
// to stand in the snapshot is told apart all the same.
func TestIndexTellsTenantsOfEveryLengthApart(t *testing.T) {
	x := newIndex(2 * maxPart)
	var snapshots []*snapshot
	for n := range maxPart {
		for _, last := range []string{"a", "b"} {
			s := snapshotAt(place{strings.Repeat("a", n) + last, hmacPath})
			x.insert(1, s)
			snapshots = append(snapshots, s)
		}
	}
	for _, s := range snapshots {
		tenant := s.entry.tenant
		if got := x.find(1, tenant, hmacPath); got != s {
			t.Errorf("a tenant of %d characters is not found", len(tenant))
		}
		if x.find(1, tenant[:len(tenant)-1]+"c", hmacPath) != nil {
			t.Errorf("another tenant's of %d characters is found", len(tenant))
		}
		x.remove(1, s.entry)
		if x.find(1, tenant, hmacPath) != nil {
			t.Errorf("a tenant of %d characters cannot be removed", len(tenant))
		}
	}
}

// A tenant may be called as a path is, and have secrets at many.
func TestTableTellsTenantsFromPaths(t *testing.T) {
	table := newTable(0)
	entries := map[place]*entry{}
	words := []string{hmacPath, "api_key", "a", strings.Repeat("x", maxPart)}
	paths := append(words, "destinations/a/hmac_key", "destinations/a/api_key", "a/a")
	for _, tenant := range words {
		for _, path := range paths {
			p := place{tenant, path}
			entries[p] = table.add(snapshotAt(p).entry)
		}
	}
	for p, e := range entries {
		if s := table.find(p.tenant, p.path); s == nil || s.entry != e || e.tenant != p.tenant || e.kind.path != p.path {
			t.Errorf("%v is not found, or another's is", p)
		}
	}
	if s := table.find("a", "destinations/b/hmac_key"); s != nil {
		t.Errorf("found %v", s.entry.name)
	}
}
