package tenantsecrets

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sieveModel is SIEVE as its paper has it: a queue, a visited bit each, and a hand
// that goes from the tail to the head. Beyond the paper one that is loading is
// passed over.
type sieveModel struct {
	queue   []*entry // the tail first
	visited map[*entry]bool
	hand    *entry // nil: at the tail, once it is asked
}

func (m *sieveModel) insert(e *entry) { m.queue = append(m.queue, e) }

// next is the one before e in the paper's words, nil before the head.
func (m *sieveModel) next(e *entry) *entry {
	if at := slices.Index(m.queue, e) + 1; at < len(m.queue) {
		return m.queue[at]
	}
	return nil
}

func (m *sieveModel) remove(e *entry) {
	if m.hand == e {
		m.hand = m.next(e)
	}
	m.queue = slices.DeleteFunc(m.queue, func(other *entry) bool { return other == e })
	delete(m.visited, e)
}

func (m *sieveModel) victim() *entry {
	if !slices.ContainsFunc(m.queue, func(e *entry) bool { return !e.loading() }) {
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

// sieveTest is both.
type sieveTest struct {
	sieve sieve
	model sieveModel
	made  int
}

func (s *sieveTest) draw(t *rapid.T) *entry {
	if len(s.model.queue) == 0 {
		t.Skip("there is none")
	}
	return rapid.SampledFrom(s.model.queue).Draw(t, "entry")
}

func (s *sieveTest) insert(*rapid.T) {
	e := stranger(s.made)
	s.made++
	e.held.Store(newSnapshot(e))
	s.sieve.insert(e)
	s.model.insert(e)
}

func (s *sieveTest) visit(t *rapid.T) {
	e := s.draw(t)
	e.held.Load().see()
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
		t.Fatalf("%p has to leave, want %p", got, want)
	}
	if got != nil {
		s.sieve.remove(got)
		s.model.remove(want)
	}
}

func (s *sieveTest) check(t *rapid.T) {
	var up, down []*entry
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
				s := &sieveTest{model: sieveModel{visited: map[*entry]bool{}}}
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

// sieveOf returns one of n entries, the oldest first.
func sieveOf(n int) (*sieve, []*entry) {
	q, entries := &sieve{}, make([]*entry, n)
	for i := range entries {
		entries[i] = stranger(i)
		entries[i].held.Store(newSnapshot(entries[i]))
		q.insert(entries[i])
	}
	return q, entries
}

func TestSieveSparesWhatIsLoading(t *testing.T) {
	for name, prepare := range map[string]func(*entry){
		"unused":                      func(*entry) {},
		"used":                        func(e *entry) { e.held.Load().see() },
		"for the first time":          func(e *entry) { e.held.Store(nil) },
		"twice, one of them for void": func(e *entry) { e.running.Add(1) },
	} {
		t.Run(name, func(t *testing.T) {
			q, entries := sieveOf(5)
			for _, e := range entries[:4] {
				e.running.Add(1)
				prepare(e)
			}
			if got := q.victim(); got != entries[4] {
				t.Errorf("%s has to leave, want the one that is not loading", got.tenant)
			}
			for _, e := range slices.Concat(entries[4:], entries[:4]) {
				q.remove(e) // all that are left are loading, and at last there is none
				if got := q.victim(); got != nil {
					t.Errorf("%s has to leave, want nobody", got.tenant)
				}
			}
		})
	}
}

// One that is used all the time does not keep the hand from ending.
func TestSieveEndsWhileAllAreUsed(t *testing.T) {
	q, entries := sieveOf(3)
	whileChanging(func() {
		for range 1000 {
			if q.victim() == nil {
				t.Error("nobody has to leave")
			}
		}
	}, func() {
		for _, e := range entries {
			e.held.Load().see()
		}
	})
}

func TestSieveLetsGoFirstWhatHoldsNothing(t *testing.T) {
	q, entries := sieveOf(3)
	for _, e := range entries {
		e.held.Load().see()
	}
	entries[1].held.Store(nil)
	if got := q.victim(); got != entries[1] {
		t.Errorf("%s has to leave, want the one that holds nothing", got.tenant)
	}
}

// scan asks for a working set of 1,000 in random order, and as often for one of
// others, and returns the share of the working set that missed.
func scan(table *table, requests, others int) float64 {
	const working = 1000
	random := rand.New(rand.NewPCG(1, 2))
	misses, asked := 0, 0
	for n := range requests {
		id := random.IntN(working)
		if n%2 == 1 {
			id = working + n/2%others
		}
		e := table.entryOf(id)
		missed := e == nil || e.held.Load() == nil
		if missed {
			e = table.keep(table.add(stranger(id)))
			e.hold(table, newSnapshot(e))
		} else {
			e.held.Load().see()
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

// A tenth more than the working set is room enough beside a scan of any length;
// least-recently-used would miss half of the time.
func TestScanPassesThrough(t *testing.T) {
	requests, others := atInternalDepth(200_000, 400_000), atInternalDepth(20_000, 100_000)
	for _, tt := range []struct {
		capacity int
		most     float64
	}{{1100, 0.01}, {1000, 0.1}} {
		table := newTable(tt.capacity)
		if misses := scan(table, requests, others); misses > tt.most {
			t.Errorf("with room for %d, %.1f %% of the requests for the working set missed, want %.0f %% at most", tt.capacity, 100*misses, 100*tt.most)
		}
		if n := table.residents.size; n > tt.capacity {
			t.Errorf("%d residents with room for %d", n, tt.capacity)
		}
	}
}
