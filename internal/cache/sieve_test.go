package cache

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sieveModel is SIEVE as its paper describes it: a queue, a visited bit for each entry,
// and a hand that moves from the tail to the head. Beyond the paper, the hand passes over
// entries that are being loaded.
type sieveModel struct {
	queue   []*testEntry // the tail first
	visited map[*testEntry]bool
	hand    *testEntry // nil: at the tail, when it moves next
}

func (m *sieveModel) insert(e *testEntry) { m.queue = append(m.queue, e) }

// next is the entry that the paper calls the one before e; nil at the head.
func (m *sieveModel) next(e *testEntry) *testEntry {
	if at := slices.Index(m.queue, e) + 1; at < len(m.queue) {
		return m.queue[at]
	}
	return nil
}

func (m *sieveModel) remove(e *testEntry) {
	if m.hand == e {
		m.hand = m.next(e)
	}
	m.queue = slices.DeleteFunc(m.queue, func(other *testEntry) bool { return other == e })
	delete(m.visited, e)
}

func (m *sieveModel) victim() *testEntry {
	if !slices.ContainsFunc(m.queue, func(e *testEntry) bool { return !e.loading() }) {
		clear(m.visited)
		return nil
	}
	for o := m.hand; ; o = m.next(o) {
		if o == nil {
			o = m.queue[0]
		}
		if !m.visited[o] && !o.loading() {
			m.hand = o
			return o
		}
		m.visited[o] = false
	}
}

// sieveTest is a sieve and its model.
type sieveTest struct {
	sieve testSieve
	model sieveModel
	made  int
}

func (s *sieveTest) draw(t *rapid.T) *testEntry {
	if len(s.model.queue) == 0 {
		t.Skip("there is none")
	}
	return rapid.SampledFrom(s.model.queue).Draw(t, "entry")
}

func (s *sieveTest) insert(*rapid.T) {
	e := numbered(nil, s.made)
	s.made++
	e.item.Store(NewItem(e))
	s.sieve.insert(e)
	s.model.insert(e)
}

func (s *sieveTest) visit(t *rapid.T) {
	e := s.draw(t)
	e.item.Load().Visit()
	s.model.visited[e] = true
}

func (s *sieveTest) remove(t *rapid.T) {
	e := s.draw(t)
	s.sieve.remove(e)
	s.model.remove(e)
}

func (s *sieveTest) removeAtHand(t *rapid.T) {
	if s.sieve.hand == nil {
		t.Skip("the hand is at no entry")
	}
	e := s.sieve.hand
	s.sieve.remove(e)
	s.model.remove(e)
}

func (s *sieveTest) load(t *rapid.T) {
	e := s.draw(t)
	e.running.Store(1 - e.running.Load())
}

func (s *sieveTest) evict(t *rapid.T) {
	got, want := s.sieve.victim(), s.model.victim()
	if got != want {
		t.Fatalf("the victim is %p, want %p", got, want)
	}
	if got != nil {
		s.sieve.remove(got)
		s.model.remove(want)
	}
}

func (s *sieveTest) check(t *rapid.T) {
	var up, down []*testEntry
	for e := s.sieve.oldest; e != nil; e = e.newer {
		up = append(up, e)
	}
	for e := s.sieve.newest; e != nil; e = e.older {
		down = append(down, e)
	}
	slices.Reverse(down)
	if !slices.Equal(up, s.model.queue) || !slices.Equal(down, s.model.queue) || s.sieve.size != len(up) {
		t.Fatalf("%d upwards, %d downwards, size %d, want %d", len(up), len(down), s.sieve.size, len(s.model.queue))
	}
}

func TestSieveIsTheOneOfThePaper(t *testing.T) {
	for name, more := range map[string]bool{"without loads": false, "with loads": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := &sieveTest{model: sieveModel{visited: map[*testEntry]bool{}}}
				actions := map[string]func(*rapid.T){
					"": s.check, "insert": s.insert, "insert another": s.insert, "visit": s.visit, "evict": s.evict,
					"remove": s.remove, "remove at the hand": s.removeAtHand,
				}
				for range rapid.IntRange(0, 20).Draw(t, "at first") {
					s.insert(t)
				}
				if more {
					actions["load"] = s.load
				}
				t.Repeat(actions)
			})
		})
	}
}

// sieveOf returns a sieve of n entries that have an item, the oldest first.
func sieveOf(n int) (*testSieve, []*testEntry) {
	q, entries := &testSieve{}, make([]*testEntry, n)
	for i := range entries {
		entries[i] = numbered(nil, i)
		entries[i].item.Store(NewItem(entries[i]))
		q.insert(entries[i])
	}
	return q, entries
}

func TestSieveSparesWhatIsLoading(t *testing.T) {
	for name, prepare := range map[string]func(*testEntry){
		"unused":                     func(*testEntry) {},
		"used":                       func(e *testEntry) { e.item.Load().Visit() },
		"for the first time":         func(e *testEntry) { e.item.Store(nil) },
		"twice, one load superseded": func(e *testEntry) { e.running.Add(1) },
	} {
		t.Run(name, func(t *testing.T) {
			q, entries := sieveOf(5)
			for _, e := range entries[:4] {
				e.running.Add(1)
				prepare(e)
			}
			if got := q.victim(); got != entries[4] {
				t.Errorf("%s is the victim, want the entry that is not loading", got.Key.Owner)
			}
			for _, e := range slices.Concat(entries[4:], entries[:4]) {
				q.remove(e) // the rest are all loading, and at the end there is none
				if got := q.victim(); got != nil {
					t.Errorf("%s is the victim, want none", got.Key.Owner)
				}
			}
		})
	}
}

// Entries that are used all the time do not keep the hand moving for ever.
func TestSieveEndsWhileAllAreUsed(t *testing.T) {
	q, entries := sieveOf(3)
	whileChanging(func() {
		for range 1000 {
			if q.victim() == nil {
				t.Error("there is no victim")
			}
		}
	}, func() {
		for _, e := range entries {
			e.item.Load().Visit()
		}
	})
}

func TestSieveEvictsAnEntryWithoutAnItemFirst(t *testing.T) {
	q, entries := sieveOf(3)
	for _, e := range entries {
		e.item.Load().Visit()
	}
	entries[1].item.Store(nil)
	if got := q.victim(); got != entries[1] {
		t.Errorf("%s is the victim, want the entry without an item", got.Key.Owner)
	}
}

// scan asks for a working set of 300 entries in random order, and as often for one of
// the others. It returns the share of the calls for the working set that missed.
func scan(table *testTable, requests, others int) float64 {
	const working = 300
	random := rand.New(rand.NewPCG(1, 2))
	misses, asked := 0, 0
	for n := range requests {
		id := random.IntN(working)
		if n%2 == 1 {
			id = working + n/2%others
		}
		e := entryAt(table, keyOf(id))
		missed := e == nil || e.item.Load() == nil
		if missed {
			loadedEntry(table, keyOf(id))
		} else {
			e.item.Load().Visit()
		}
		if id < working && n > requests/2 { // once it has settled
			asked++
			if missed {
				misses++
			}
		}
	}
	return float64(misses) / float64(asked)
}

// Room for a tenth more than the working set is enough beside a scan of any length.
// Least-recently-used would miss half of the time.
func TestScanDoesNotEvictTheWorkingSet(t *testing.T) {
	requests, others := atDepth(60_000, 400_000), atDepth(6_000, 100_000)
	for _, tt := range []struct {
		capacity int
		most     float64
	}{{330, 0.01}, {300, 0.1}} {
		table := newTable[subject, value](tt.capacity)
		if misses := scan(table, requests, others); misses > tt.most {
			t.Errorf("with room for %d, %.1f %% of the requests for the working set missed, want %.0f %% at most", tt.capacity, 100*misses, 100*tt.most)
		}
		if n := table.known.size; n > tt.capacity {
			t.Errorf("%d known entries with room for %d", n, tt.capacity)
		}
	}
}
