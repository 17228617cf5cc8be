package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// guarded makes it remember replays.
func guarded(o *webhook.Options) { o.Replay = webhook.NewMemoryReplayGuard(0) }

func TestReplay(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option, guarded)
		id := func(r *webhooktest.Request) { r.ID = "msg_1" }
		r := b.request(t, s.sign, id)
		if _, err := b.verify(t, r); err != nil {
			t.Fatal(err)
		}
		m, err := b.verify(t, r)
		checkIs(t, err, webhook.ErrReplay)
		checkMalformed(t, err)
		if m != (webhook.Match{Tenant: tenant}) {
			t.Errorf("it matched: %+v", m)
		}
		if !s.time {
			return
		}
		b.clock.Advance(time.Second)
		if _, err := b.verify(t, b.request(t, s.sign, id)); err != nil {
			t.Errorf("sent again with a new time: %v", err)
		}
	})
}

// What is not signed does not make another message of it: neither a header of
// somebody's own, nor the order, number or choice of the signatures.
func TestReplayIsKeyedOnWhatIsSigned(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option, guarded)
		b.keys.Rotate(tenant)
		r := b.request(t, s.sign)
		if _, err := b.verify(t, r); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Github-Delivery", "another")
		r.Header.Set("X-Shopify-Webhook-Id", "another")
		_, err := b.verify(t, r)
		checkIs(t, err, webhook.ErrReplay)
		if s.several {
			value := r.Header.Get(s.tag)
			r.Header.Set(s.tag, strings.TrimRight(value[:strings.LastIndex(value, "v1")], " ,"))
			_, err = b.verify(t, r)
			checkIs(t, err, webhook.ErrReplay)
		}
		if s.id {
			return
		}
		_, err = b.verify(t, b.request(t, s.sign)) // in the same second
		checkIs(t, err, webhook.ErrReplay)
	})
}

func TestReplayIsPerTenantAndMessage(t *testing.T) {
	for _, s := range schemes {
		keys, clock := webhooktest.NewKeys("t_1", "t_2"), webhooktest.NewClock()
		v := newVerifier(t, keys, clock.Option, s.option, guarded)
		for _, id := range []string{"t_1", "t_2"} {
			for _, message := range []string{"one", "two"} {
				r := webhooktest.NewRequest(t, keys.Of(id), "/", message, s.sign, clock.Sign)
				if _, err := v.Verify(t.Context(), id, r.Header, []byte(message)); err != nil {
					t.Errorf("%s, %s, message %s: %v", s.name, id, message, err)
				}
			}
		}
	}
}

// A message is remembered until its timestamp is out of the tolerance.
func TestReplayIsRememberedLongEnough(t *testing.T) {
	for _, offset := range []time.Duration{-tolerance, 0, tolerance} {
		synctest.Test(t, func(t *testing.T) {
			keys := webhooktest.NewKeys(tenant)
			v := newVerifier(t, keys, guarded)
			r := webhooktest.NewRequest(t, keys.Of(tenant), "/", body, at(time.Now().Add(offset)))
			if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); err != nil {
				t.Fatal(err)
			}
			for range int((offset+tolerance)/time.Second) + 1 {
				_, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
				checkIs(t, err, webhook.ErrReplay)
				time.Sleep(time.Second)
			}
			_, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
			checkIs(t, err, webhook.ErrTolerance)
		})
	}
}

// Of many concurrent requests with the same message one is accepted.
func TestReplayConcurrently(t *testing.T) {
	b := newBench(t, guarded)
	r := b.request(t)
	var accepted atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := b.Verify(context.Background(), tenant, r.Header, []byte(body)); err == nil {
				accepted.Add(1)
			} else if !errors.Is(err, webhook.ErrReplay) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 {
		t.Errorf("%d were accepted", accepted.Load())
	}
}

// What the handler did not handle may come again, and what it did may not.
func TestReplayIsReleased(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		again  int // the second answer; 0: a panic
	}{
		"nothing written": {func(http.ResponseWriter, *http.Request) {}, 401},
		"200":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, 401},
		"a body":          {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks") }, 401},
		"400":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, 401},
		"500":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 500},
		"503":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "later", http.StatusServiceUnavailable) }, 503},
		"hints, then 500": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(500) }, 103}, // which is what the recorder notes
		"500 too late":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x"); w.WriteHeader(500) }, 401},
		"500, then 200":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); w.WriteHeader(200) }, 500},
		"panic":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0},
		"panic after 200": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic(http.ErrAbortHandler) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, guarded)
			s.answer = tt.answer
			first := s.request(t)
			again := first.Clone(t.Context())
			again.Body = io.NopCloser(strings.NewReader(body))
			for i, r := range []*http.Request{first, again} {
				status, panicked := serveOrPanic(s, r)
				if panicked != (tt.again == 0) {
					t.Fatalf("panicked: %v", panicked)
				}
				if i == 1 && status != tt.again {
					t.Errorf("status is %d, want %d", status, tt.again)
				}
			}
		})
	}
}

func serveOrPanic(h http.Handler, r *http.Request) (status int, panicked bool) {
	defer func() { panicked = recover() != nil }()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, false
}

// A handler that is given up by its goroutine has not handled it either.
func TestReplayIsReleasedAfterGoexit(t *testing.T) {
	s := newService(t, guarded)
	r := s.request(t)
	t.Run("gone", func(t *testing.T) {
		s.answer = func(http.ResponseWriter, *http.Request) { t.SkipNow() }
		s.serve(r)
	})
	s.answer = func(http.ResponseWriter, *http.Request) {}
	if _, err := s.verify(t, r); err != nil {
		t.Error(err)
	}
}

// brokenGuard is a store that does not answer.
type brokenGuard struct{ claim, release error }

func (g brokenGuard) Claim(context.Context, webhook.ReplayKey, time.Duration) error { return g.claim }

func (g brokenGuard) Release(context.Context, webhook.ReplayKey) error { return g.release }

func TestReplayGuardThatFails(t *testing.T) {
	broken := errors.New("no connection")
	s := newService(t, func(o *webhook.Options) { o.Replay = brokenGuard{claim: broken} })
	if status := s.serve(s.request(t)); status != http.StatusServiceUnavailable {
		t.Errorf("status is %d", status)
	}
	checkIs(t, s.observed[0], broken)

	s = newService(t, func(o *webhook.Options) { o.Replay = brokenGuard{release: broken} })
	s.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	if status := s.serve(s.request(t)); status != 500 || len(s.observed) != 2 {
		t.Fatalf("status is %d, observed %v", status, s.observed)
	}
	checkIs(t, s.observed[1], broken)
}

// liveGuard wants a context that has not ended.
type liveGuard struct {
	webhook.ReplayGuard
	t *testing.T
}

func (g liveGuard) Release(ctx context.Context, k webhook.ReplayKey) error {
	if ctx.Err() != nil {
		g.t.Error("the message is released under a context that has ended")
	}
	return g.ReplayGuard.Release(ctx, k)
}

func TestReplayIsReleasedWhenTheSenderIsGone(t *testing.T) {
	s := newService(t, func(o *webhook.Options) { o.Replay = liveGuard{webhook.NewMemoryReplayGuard(0), t} })
	ctx, cancel := context.WithCancel(t.Context())
	s.answer = func(w http.ResponseWriter, _ *http.Request) { cancel(); w.WriteHeader(500) }
	r := s.request(t)
	s.serve(r.WithContext(ctx))
	if _, err := s.verify(t, r); err != nil {
		t.Error(err)
	}
}

// Flushing works with a guard, both ways of asking for it.
func TestFlushWithAGuard(t *testing.T) {
	s := newService(t, guarded)
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, s.request(t))
	if !w.Flushed {
		t.Error("nothing was flushed")
	}
}

func TestRelease(t *testing.T) {
	b := newBench(t, guarded)
	r := b.request(t)
	for range 3 {
		m, err := b.verify(t, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Release(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Release(t.Context(), webhook.Match{}); err != nil {
		t.Error(err)
	}
	unguarded := newBench(t)
	m, _ := unguarded.verify(t, unguarded.request(t))
	if err := unguarded.Release(t.Context(), m); err != nil {
		t.Error(err)
	}
}

func key(tenant string, i int) webhook.ReplayKey {
	return webhook.ReplayKey{Tenant: tenant, ID: fmt.Sprint(i), Timestamp: "1"}
}

// The memory is limited, and no message is forgotten early.
func TestMemoryReplayGuardIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const capacity, most = 100, 75 // of one tenant
		g, ctx := webhook.NewMemoryReplayGuard(capacity), t.Context()
		claim := func(k webhook.ReplayKey) error { return g.Claim(ctx, k, time.Minute) }
		for i := range most {
			if err := claim(key("t_1", i)); err != nil {
				t.Fatal(err)
			}
		}
		err := claim(key("t_1", capacity)) // beyond its share
		checkIs(t, err, tenantsecrets.ErrUnavailable)
		checkNot(t, err, webhook.ErrReplay)
		if webhook.Status(err) != http.StatusServiceUnavailable || strings.Contains(err.Error(), "Secrets Manager") {
			t.Errorf("status %d: %v", webhook.Status(err), err)
		}
		for i := range capacity - most {
			if err := claim(key(fmt.Sprintf("t_%d", 2+i), i)); err != nil {
				t.Fatal(err)
			}
		}
		checkIs(t, claim(key("t_99", 1)), tenantsecrets.ErrUnavailable) // all of it
		for i := range most {
			checkIs(t, claim(key("t_1", i)), webhook.ErrReplay)
		}
		if err := g.Release(ctx, key("t_1", 0)); err != nil {
			t.Error(err)
		}
		if err := claim(key("t_99", 1)); err != nil {
			t.Errorf("after one was released: %v", err)
		}
		time.Sleep(time.Minute + 1)
		for i := range most {
			if err := claim(key("t_1", i)); err != nil {
				t.Fatalf("after their time: %v", err)
			}
		}
	})
}

// Repeated claims and releases use no capacity: a message that is never processed does not
// fill the memory.
func TestMemoryReplayGuardReleasesCapacity(t *testing.T) {
	g, ctx := webhook.NewMemoryReplayGuard(4), t.Context()
	for range 10_000 {
		if err := g.Claim(ctx, key(tenant, 1), time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := g.Release(ctx, key(tenant, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReplayKeyString(t *testing.T) {
	keys := []webhook.ReplayKey{
		{Tenant: "t", Timestamp: "1", ID: "a"},
		{Tenant: "t", Timestamp: "", ID: "1/a"},
		{Tenant: "t", Timestamp: "1", ID: "/a"},
		{Tenant: "t", Timestamp: "1", ID: "a/"},
		{Tenant: "t1", Timestamp: "", ID: "a"},
	}
	texts := map[string]bool{}
	for _, k := range keys {
		texts[k.String()] = true
	}
	if len(texts) != len(keys) {
		t.Errorf("different keys have the same text: %v", texts)
	}
}
