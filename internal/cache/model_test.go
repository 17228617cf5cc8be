package cache

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// servingModel says what a cache may serve: nothing older than MaxStale, nothing that was
// read before the last write or invalidation, and nothing that was read before a
// definitive failure. Every write and every change of the source has a version of its own.
type servingModel struct {
	c       *testCache
	s       *source
	version int
	read    map[int]time.Duration // when a version was last true, by version
	oldest  int                   // version that may be served
}

func (m *servingModel) now() time.Duration { return m.c.clock.Elapsed() }

// check wants an item that may be served at this time.
func (m *servingModel) check(t *rapid.T, i *testItem, err error) {
	if (i == nil) != (err != nil) {
		t.Fatalf("item: %v, error %v", i != nil, err)
	}
	if i == nil {
		m.failed(err)
		return
	}
	if v := i.Value.version; v < m.oldest {
		t.Fatalf("version %d is served, although what is older than %d must not be", v, m.oldest)
	} else if v != m.version && m.now()-m.read[v] >= maxStale {
		t.Fatalf("version %d is served, which ended %v ago", v, m.now()-m.read[v])
	}
}

// failed notes a definitive failure: no item of an earlier load is served again.
func (m *servingModel) failed(err error) {
	if m.c.classify(err) != Transient {
		m.oldest = max(m.oldest, m.s.last().version)
	}
}

func (m *servingModel) change() {
	m.read[m.version] = m.now()
	m.version++
	m.s.write(owner, m.version)
}

func (m *servingModel) actions(ctx *testing.T) map[string]func(*rapid.T) {
	get := func(t *rapid.T) { i, _, err := ask(ctx.Context(), m.c, owner); m.check(t, i, err) }
	return map[string]func(*rapid.T){
		"get":       get,
		"get again": get,
		"mismatch": func(t *rapid.T) {
			if tried, newer, err := mismatch(ctx.Context(), m.c); tried != nil {
				m.check(t, newer, err)
			}
		},
		"outcome": func(t *rapid.T) {
			m.s.fail(rapid.SampledFrom([]error{nil, nil, errOutage, errDenied, errMissing, errDeleting}).Draw(t, "error"))
			delay := rapid.SampledFrom([]time.Duration{0, 0, staleWait / 2, time.Second, time.Minute}).Draw(t, "delay")
			m.s.set(func() { m.s.delay = delay })
		},
		"change": func(*rapid.T) { m.change() },
		"time passes": func(t *rapid.T) {
			time.Sleep(rapid.SampledFrom([]time.Duration{1, time.Second, negativeTTL, ttl, maxStale - ttl, maxStale}).Draw(t, "time"))
			synctest.Wait()
		},
		"a load begins": func(*rapid.T) { go func() { _, _, _ = ask(ctx.Context(), m.c, owner) }(); synctest.Wait() },
		"invalidate": func(*rapid.T) {
			m.change()
			m.c.Invalidate(entryIn(m.c, owner))
			m.oldest = m.version
		},
		"put": func(*rapid.T) {
			m.change()
			m.c.Put(written(m.c.Keep(entryIn(m.c, owner)), m.version))
			m.oldest = m.version
		},
		"refresh": func(t *rapid.T) {
			before := m.version
			i, err := m.c.Refresh(ctx.Context(), entryIn(m.c, owner))
			if m.check(t, i, err); err == nil && i.Value.version < before {
				t.Fatalf("Refresh returns version %d, want %d", i.Value.version, before)
			}
		},
		"reload": func(t *rapid.T) {
			m.change()
			i, err := m.c.Reload(ctx.Context(), entryIn(m.c, owner))
			if m.check(t, i, err); err == nil && i.Value.version < m.version {
				t.Fatalf("Reload returns version %d, want %d", i.Value.version, m.version)
			} else if err == nil {
				m.oldest = m.version
			}
		},
	}
}

func TestCacheServesOnlyWhatItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { // which has no Deadline: a bubble must not ask for it
			s := &source{}
			m := &servingModel{s: s, c: newTestCache(t, s), read: map[int]time.Duration{}}
			defer m.c.Close()
			m.change()
			rt.Repeat(m.actions(t))
		})
	})
}

// The classes of an error decide whether the model may go on serving.
func TestOwnErrorsAreTransient(t *testing.T) {
	c := newTestCache(t, &source{})
	for _, err := range []error{errTimedOut, errNoSlot, errSuperseded, &Stale{errNoAnswer}, notInBatch(nil), ErrClosed} {
		if c.classify(err) != Transient || err.Error() == "" {
			t.Errorf("%v is not transient", err)
		}
	}
	if (&Error{Reason: "r", Cause: errOutage}).Unwrap() != errOutage || !errors.Is(notInBatch(errOutage), errOutage) { //nolint:errorlint // that very error
		t.Error("an error has lost its cause")
	}
	c.config.Classify = nil
	if c.classify(errDenied) != Transient {
		t.Error("an error is definitive without Classify")
	}
}
