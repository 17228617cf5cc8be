package cache

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// itemOf makes an item of a new entry of a key, under a given hash.
func itemOf(k Key, hash uint64) *testItem {
	return NewItem(newEntry[subject, value](k, hash, subject(k.Owner+"/"+k.Name)))
}

// indexModel is an index beside a plain map.
type indexModel struct {
	table  *testTable // whose index it is
	keys   []Key
	hash   func(Key) uint64
	insert func(*testItem)
	want   map[Key]*testItem
}

func (m *indexModel) index() *testIndex { return m.table.index.Load() }

func (m *indexModel) draw(t *rapid.T) Key { return rapid.SampledFrom(m.keys).Draw(t, "key") }

func (m *indexModel) add(t *rapid.T) {
	if k := m.draw(t); m.want[k] == nil {
		m.want[k] = itemOf(k, m.hash(k))
		m.insert(m.want[k])
	}
}

func (m *indexModel) remove(t *rapid.T) {
	k := m.draw(t)
	e := itemOf(k, m.hash(k)).entry // an entry without a place: nothing happens
	if i := m.want[k]; i != nil && rapid.IntRange(0, 4).Draw(t, "the entry that has a place") > 0 {
		e = i.entry
		delete(m.want, k)
	}
	m.index().remove(e)
}

// replace stores another item of an entry.
func (m *indexModel) replace(t *rapid.T) {
	k := m.draw(t)
	if i := m.want[k]; i != nil {
		at, _ := m.index().locate(m.hash(k), k)
		m.want[k] = NewItem(i.entry)
		m.index().items[at].Store(m.want[k])
	}
}

func (m *indexModel) check(t *rapid.T) {
	x := m.index()
	for _, k := range m.keys {
		want := m.want[k]
		if got := x.find(m.hash(k), k); got != want {
			t.Fatalf("find(%v) = %p, want %p", k, got, want)
		}
		at, found := x.locate(m.hash(k), k)
		if found != (want != nil) || found && x.items[at].Load() != want {
			t.Fatalf("locate(%v) = %d, %v", k, at, found)
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
	if x.used != used || x.live != len(m.want) {
		t.Fatalf("counts %d used and %d live, has %d and %d", x.used, x.live, used, len(m.want))
	}
	var all []*testItem
	m.table.all(func(s *testItem) { all = append(all, s) })
	if len(all) != len(m.want) || len(all) != len(slices.Compact(slices.SortedFunc(maps.Values(m.want), byKey))) {
		t.Fatalf("all gives %d of %d", len(all), len(m.want))
	}
}

func byKey(a, b *testItem) int {
	return strings.Compare(string(a.entry.Subject), string(b.entry.Subject))
}

func (m *indexModel) run(t *rapid.T) {
	for _, k := range m.keys[:rapid.IntRange(0, len(m.keys)).Draw(t, "at first")] {
		m.want[k] = itemOf(k, m.hash(k))
		m.insert(m.want[k])
	}
	t.Repeat(map[string]func(*rapid.T){"": m.check, "add": m.add, "remove": m.remove, "replace": m.replace})
}

// twoKeysEach returns two keys of every owner.
func twoKeysEach(owners []string) (keys []Key) {
	for _, owner := range owners {
		keys = append(keys, Key{Owner: owner}, Key{owner, "api_key"})
	}
	return keys
}

func ownerIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("t_%d", i)
	}
	return ids
}

// The hashes are equal, or equal in the part that says where a probe begins, which is at
// either end of the index.
func TestIndexIsAMapWhereHashesCollide(t *testing.T) {
	keys := twoKeysEach(ownerIDs(14))
	rapid.Check(t, func(t *rapid.T) {
		hashes := map[Key]uint64{}
		for _, k := range keys {
			begin := rapid.SampledFrom([]uint64{0, 1, minIndex - 2, minIndex - 1, minIndex}).Draw(t, "begin")
			tag := rapid.SampledFrom([]uint64{0, 1, 2, 1<<32 - 1}).Draw(t, "tag")
			hashes[k] = tag<<32 | begin
		}
		m := &indexModel{table: newTable[subject, value](0), keys: keys, want: map[Key]*testItem{}}
		m.hash = func(k Key) uint64 { return hashes[k] }
		m.insert = func(i *testItem) { m.index().insert(i.entry.hash, i) }
		m.run(t)
	})
}

// crowdedOwners returns owners whose probes begin at few places under a seed.
func crowdedOwners(seed maphash.Seed, n int) (ids []string) {
	for i := 0; len(ids) < n; i++ {
		id := fmt.Sprintf("t_%d", i)
		if begin := (Key{Owner: id}).hash(seed) % 32; begin == 0 || begin == 31 {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestIndexIsAMapWhileItGrows(t *testing.T) {
	seed := maphash.MakeSeed()
	keys := twoKeysEach(crowdedOwners(seed, 60))
	rapid.Check(t, func(t *rapid.T) {
		table := newTable[subject, value](0)
		table.seed = seed
		m := &indexModel{table: table, keys: keys, want: map[Key]*testItem{}}
		m.hash = func(k Key) uint64 { return k.hash(seed) }
		m.insert = func(i *testItem) {
			table.insert(i.entry, i)
			if x := m.index(); 2*x.used > len(x.tags) {
				t.Fatalf("%d of %d places are used", x.used, len(x.tags))
			}
		}
		m.run(t)
	})
}

// An insertion takes the place of a removed item.
func TestIndexUsesPlacesAgain(t *testing.T) {
	x, table := newIndex[subject, value](0), newTable[subject, value](0)
	item := itemOf(Key{Owner: "t_1"}, 7)
	for range 10 * minIndex {
		x.insert(7, item)
		x.remove(item.entry)
	}
	if x.used != 1 || x.live != 0 {
		t.Errorf("%d places are used for one item", x.used)
	}
	for i := range 10_000 {
		e := table.place(numbered(table, i))
		drop(table, e)
	}
	if n := len(table.index.Load().tags); n != minIndex {
		t.Errorf("the index has %d places for one item at a time", n)
	}
}

func TestIndexGrowsWithWhatIsThere(t *testing.T) {
	table := newTable[subject, value](0)
	var entries []*testEntry
	for i := range 5000 {
		entries = append(entries, table.place(numbered(table, i)))
		if x := table.index.Load(); 2*x.used > len(x.tags) || len(x.tags) > max(minIndex, 8*x.live) {
			t.Fatalf("%d places for %d", len(x.tags), x.live)
		}
	}
	for _, e := range entries[10:] {
		drop(table, e)
	}
	x := table.index.Load().grow()
	if len(x.tags) != minIndex || x.used != 10 || x.live != 10 {
		t.Errorf("%d places, %d used, %d live, for 10", len(x.tags), x.used, x.live)
	}
	for i, e := range entries[:10] {
		if item := x.find(e.hash, e.Key); item == nil || item.entry != e {
			t.Errorf("entry %d is not found", i)
		}
	}
}

// Owners of every length, each a prefix of the next, and beside each one that differs in
// its last character. All have one hash. An ID that is too long to be compared in the item
// is compared in the entry.
func TestIndexTellsOwnersOfEveryLengthApart(t *testing.T) {
	const longest = 64
	x := newIndex[subject, value](2 * longest)
	var items []*testItem
	for n := range longest {
		for _, last := range []string{"a", "b"} {
			i := itemOf(Key{Owner: strings.Repeat("a", n) + last}, 1)
			x.insert(1, i)
			items = append(items, i)
		}
	}
	for _, i := range items {
		k := i.entry.Key
		if got := x.find(1, k); got != i {
			t.Errorf("an owner of %d characters is not found", len(k.Owner))
		}
		if x.find(1, Key{Owner: k.Owner[:len(k.Owner)-1] + "c"}) != nil {
			t.Errorf("the item of another owner of %d characters is found", len(k.Owner))
		}
		x.remove(i.entry)
		if x.find(1, k) != nil {
			t.Errorf("an owner of %d characters cannot be removed", len(k.Owner))
		}
	}
}

// An owner may have the ID that is another's name, and many names.
func TestTableTellsOwnersFromNames(t *testing.T) {
	table := newTable[subject, value](0)
	entries := map[Key]*testEntry{}
	words := []string{"hmac_key", "api_key", "a", strings.Repeat("x", 64)}
	names := append(words, "", "destinations/a/hmac_key", "destinations/a/api_key", "a/a")
	for _, owner := range words {
		for _, name := range names {
			k := Key{owner, name}
			entries[k] = table.place(entryFor(table, k))
		}
	}
	for k, e := range entries {
		if entryAt(table, k) != e || e.Key != k {
			t.Errorf("the entry of %v is not found, or another one is", k)
		}
	}
	if e := entryAt(table, Key{"a", "destinations/b/hmac_key"}); e != nil {
		t.Errorf("found the entry of %v", e.Key)
	}
}
