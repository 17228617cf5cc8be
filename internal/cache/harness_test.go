package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject is what the tests load.
type subject string

func (s subject) ID() string { return string(s) }

// value is what the tests cache: one version of a subject.
type value struct{ version int }

type (
	testCache = Cache[subject, value]
	testEntry = Entry[subject, value]
	testItem  = Item[subject, value]
	testTable = table[subject, value]
	testIndex = index[subject, value]
	testSieve = sieve[subject, value]
	testNeed  = Cached[subject, value]
)

// Errors of loads, one for each class.
var (
	errOutage   = errors.New("unavailable")
	errDenied   = errors.New("denied")
	errMissing  = errors.New("not found")
	errDeleting = errors.New("is being deleted")
)

func classifyTest(err error) Class {
	switch {
	case errors.Is(err, errDenied):
		return Definitive
	case errors.Is(err, errMissing):
		return NotFound
	case errors.Is(err, errDeleting):
		return Deleting
	}
	return Transient
}

// Durations of the caches that the tests make.
const (
	ttl         = 5 * time.Minute
	maxStale    = time.Hour
	staleWait   = 250 * time.Millisecond
	negativeTTL = 30 * time.Second
	loadTimeout = 10 * time.Second
)

// source is what the tests load from. Its version of every subject is 1 unless versions
// says otherwise.
type source struct {
	mu       sync.Mutex
	versions map[string]int
	missing  bool             // what versions does not name is not found
	errs     map[string]error // by subject; "" is for all
	stamp    int64
	delay    time.Duration
	deaf     bool // it does not end with its context
	calls    []sourceCall
	running  int
	most     int // loads at once

	instead func(ctx context.Context, e *testEntry, cached testNeed) (*testItem, int64, error)
}

type sourceCall struct {
	id      string
	version int // that it reads
	cached  testNeed
}

func (s *source) load(ctx context.Context, e *testEntry, cached testNeed) (*testItem, int64, error) {
	s.mu.Lock()
	version, err, delay, deaf, stamp, instead := s.read(e.Subject.ID())
	s.calls = append(s.calls, sourceCall{e.Subject.ID(), version, cached})
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	if instead != nil {
		return instead(ctx, e, cached)
	}
	if deaf {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	switch {
	case err != nil:
		return nil, stamp, err
	case cached.Item != nil && cached.Item.Value.version == version:
		return cached.Item, stamp, nil
	}
	i := NewItem(e)
	i.Value.version = version
	return i, stamp, nil
}

//nolint:revive,staticcheck // a bundle of what the source says now
func (s *source) read(id string) (version int, err error, delay time.Duration, deaf bool, stamp int64, instead func(context.Context, *testEntry, testNeed) (*testItem, int64, error)) {
	version, named := s.versions[id]
	if !named {
		version = 1
	}
	err = s.errs[id]
	if err == nil {
		err = s.errs[""]
	}
	if err == nil && s.missing && !named {
		err = errMissing
	}
	return version, err, s.delay, s.deaf, s.stamp, s.instead
}

func (s *source) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *source) write(id string, version int) {
	s.set(func() {
		if s.versions == nil {
			s.versions = map[string]int{}
		}
		s.versions[id] = version
	})
}

// fail makes every load fail, or none where err is nil.
func (s *source) fail(err error) { s.set(func() { s.errs = map[string]error{"": err} }) }

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// last returns the last load that has begun.
func (s *source) last() sourceCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[len(s.calls)-1]
}

func (s *source) checkLoads(t testing.TB, want int) {
	t.Helper()
	if got := s.count(); got != want {
		t.Errorf("%d loads, want %d", got, want)
	}
}

// newTestCache returns a cache that loads from s and is closed when the test ends.
func newTestCache(t testing.TB, s *source, change ...func(*Config[subject, value])) *testCache {
	config := Config[subject, value]{
		TTL: ttl, MaxStale: maxStale, StaleWait: staleWait, NegativeTTL: negativeTTL, LoadTimeout: loadTimeout,
		MaxLoads: 32, UnknownRate: 50,
		Load: s.load, Classify: classifyTest,
		Same: func(a, b *value) bool { return a.version == b.version },
	}
	for _, f := range change {
		f(&config)
	}
	c := New(config)
	t.Cleanup(c.Close)
	return c
}

// inBubble runs a test with virtual time, a source and a cache of it.
func inBubble(t *testing.T, test func(t *testing.T, c *testCache, s *source), change ...func(*Config[subject, value])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		test(t, newTestCache(t, s, change...), s)
	})
}

// eachInBubble runs one test a row, each with a cache of its own.
func eachInBubble[Row any](t *testing.T, rows map[string]Row, test func(t *testing.T, c *testCache, s *source, row Row)) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) { test(t, c, s, row) })
		})
	}
}

const owner = "t_1"

// entryIn returns the entry of an owner's first item, made where there was none.
func entryIn(c *testCache, owner string) *testEntry {
	k := Key{Owner: owner}
	e, _, m := c.Find(k)
	if e == nil {
		e = c.Entry(k, m, subject(owner))
	}
	return e
}

// ask is a call for an owner's first item, as a user of the cache makes it.
func ask(ctx context.Context, c *testCache, owner string) (*testItem, Mark, error) {
	return askBy(ctx, c, owner, false)
}

func askBy(ctx context.Context, c *testCache, owner string, byMessage bool) (*testItem, Mark, error) {
	k := Key{Owner: owner}
	e, i, m := c.Find(k)
	if i != nil {
		return c.Hit(i, byMessage), m, nil
	}
	if e == nil {
		e = c.Entry(k, m, subject(owner))
	}
	return c.Get(ctx, e, byMessage)
}

// checkServed wants a version to be served, after so long.
func checkServed(t *testing.T, c *testCache, owner string, version int, after time.Duration) *testItem {
	t.Helper()
	began := time.Now()
	i, _, err := ask(t.Context(), c, owner)
	if err != nil {
		t.Fatalf("asked for %s: %v", owner, err)
	}
	if took := time.Since(began); i.Value.version != version || took != after {
		t.Errorf("version %d after %v, want %d after %v", i.Value.version, took, version, after)
	}
	return i
}

// checkRefused wants a call to end with an error, after so long.
func checkRefused(t *testing.T, c *testCache, owner string, want error, after time.Duration) {
	t.Helper()
	began := time.Now()
	i, _, err := ask(t.Context(), c, owner)
	if i != nil || !errors.Is(err, want) {
		t.Errorf("item: %v, error %v, want %v", i != nil, err, want)
	}
	if took := time.Since(began); took != after {
		t.Errorf("refused after %v, want %v", took, after)
	}
}

// keyOf is the key of the i-th test owner.
func keyOf(i int) Key { return Key{Owner: fmt.Sprint("t_", i)} }

// entryFor makes an entry of a key, which has no place yet. Without a table its hash is 0.
func entryFor(table *testTable, k Key) *testEntry {
	var hash uint64
	if table != nil {
		hash = k.hash(table.seed)
	}
	return newEntry[subject, value](k, hash, subject(k.Owner+"/"+k.Name))
}

func numbered(table *testTable, i int) *testEntry { return entryFor(table, keyOf(i)) }

// entryAt returns the entry of a key, or nil.
func entryAt(table *testTable, k Key) *testEntry {
	if i := table.find(k.hash(table.seed), k); i != nil {
		return i.entry
	}
	return nil
}

// drop takes an entry's place.
func drop(table *testTable, e *testEntry) {
	table.mu.Lock()
	defer table.mu.Unlock()
	table.remove(e)
}

// loadedEntry returns a known entry that has an item.
func loadedEntry(table *testTable, k Key) *testEntry {
	e := table.keep(table.place(entryFor(table, k)))
	e.mu.Lock()
	defer e.mu.Unlock()
	table.store(e, NewItem(e))
	return e
}

// atDepth is how much a test does: little, or all where the environment asks for it.
func atDepth(small, full int) int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}
