package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// slowly is a body whose sender takes its time.
type slowly struct {
	io.Reader
	wait func()
}

func (s *slowly) Read(b []byte) (int, error) {
	if s.wait != nil {
		s.wait()
		s.wait = nil
	}
	return s.Reader.Read(b)
}

// Who has seen a message opens its copy within the tolerance, and ends its body
// when the guard has forgotten the message.
func TestReplayBySlowBody(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		if !s.time {
			t.Skip("no time")
		}
		synctest.Test(t, func(t *testing.T) {
			keys := webhooktest.NewKeys(tenant)
			v := newVerifier(t, keys, guarded, s.option)
			handled := 0
			h := v.Middleware(func(*http.Request) string { return tenant })(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled++ }))
			first := webhooktest.NewRequest(t, keys.Of(tenant), "/", body, s.sign)
			again := first.Clone(t.Context())
			again.Body = io.NopCloser(&slowly{strings.NewReader(body), func() { time.Sleep(10 * time.Second) }})
			h.ServeHTTP(httptest.NewRecorder(), first)
			time.Sleep(tolerance - 5*time.Second)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, again)
			if handled != 1 || w.Code != http.StatusUnauthorized {
				t.Errorf("it was handled %d times, the replay's status is %d", handled, w.Code)
			}
		})
	})
}

// A tenant that ends in a hyphen and two characters, as acme-eu does.
func TestTenantWithHyphen(t *testing.T) {
	const id = "acme-eu"
	keys := webhooktest.NewKeys(id)
	v := newVerifier(t, keys, func(o *webhook.Options) { o.MaxBody = 100 })
	late := webhooktest.NewRequest(t, keys.Of(id), "/", body, at(time.Now().Add(-time.Hour)))
	large := webhooktest.NewRequest(t, keys.Of(id), "/", string(filled(101)))
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		want   int
		is     error
	}{
		"unsigned": {http.Header{}, body, 401, tenantsecrets.ErrSignature},
		"late":     {late.Header, body, 401, webhook.ErrTolerance},
		"large":    {large.Header, string(filled(101)), 413, webhook.ErrTooLarge},
	} {
		_, err := v.Verify(t.Context(), id, tt.header, []byte(tt.body))
		if status := webhook.Status(err); status != tt.want || !errors.Is(err, tt.is) {
			t.Errorf("%s: status %d, want %d: %v", name, status, tt.want, err)
		}
	}
}

// swallowing is a KeySource that returns no error, although no key made the signature.
type swallowing struct {
	webhook.KeySource
	asks bool
}

func (k swallowing) Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	if k.asks {
		_ = k.KeySource.Verify(ctx, tenant, try) // for example logged, and dropped
	}
	return nil
}

func TestNoMatchIsNoMatch(t *testing.T) {
	for _, asks := range []bool{false, true} {
		keys := webhooktest.NewKeys(tenant)
		v := newVerifier(t, swallowing{keys, asks})
		forged := webhooktest.NewRequest(t, webhooktest.NewKeys(tenant).Of(tenant), "/", body)
		if m, err := v.Verify(t.Context(), tenant, forged.Header, []byte(body)); err == nil {
			t.Errorf("try was called: %v; a forgery was accepted: %+v", asks, m)
		}
	}
}

// Keys are looked up after the body was read: here the tenant is suspended while its body
// arrives, and MaxStale (1 h) and a day pass.
func TestSlowBodyOutlivesSuspension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		store(t, b, "hmac_key", hmacDocument(t, 1, nil))
		c := newClient(t, b)
		v := newVerifier(t, c)
		h := v.Middleware(func(*http.Request) string { return tenant })(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := webhooktest.NewRequest(t, keysOf(t, b), "/", body)
		r.Body = io.NopCloser(&slowly{strings.NewReader(body), func() {
			put(t, b, hmacDocument(t, 1, map[string]any{"state": "suspended"}))
			time.Sleep(24 * time.Hour)
		}})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("a day after the tenant was suspended the status is %d", w.Code)
		}
	})
}

// What was released too late is somebody else's claim.
func TestReleaseAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := webhooktest.NewKeys(tenant)
		v := newVerifier(t, keys, guarded, func(o *webhook.Options) { o.Scheme = webhook.GitHub() })
		r := webhooktest.NewRequest(t, keys.Of(tenant), "/", body, func(r *webhooktest.Request) { r.Scheme = webhook.GitHub() })
		verify := func() (webhook.Match, error) { return v.Verify(t.Context(), tenant, r.Header, []byte(body)) }
		slow, err := verify()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(tolerance + 2*time.Second) // its handler is at it still
		if _, err := verify(); err != nil {   // the same again, which is handled
			t.Fatal(err)
		}
		if err := v.Release(t.Context(), slow); err != nil {
			t.Fatal(err)
		}
		_, err = verify()
		checkIs(t, err, webhook.ErrReplay)
	})
}

// A claim holds on to the text of the request line, of which the tenant is a part.
func TestGuardPinsRequests(t *testing.T) {
	g := webhook.NewMemoryReplayGuard(0)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 64 {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /webhooks/{tenant}", func(_ http.ResponseWriter, r *http.Request) {
			if err := g.Claim(r.Context(), key(webhook.PathTenant("tenant")(r), i), time.Minute); err != nil {
				t.Error(err)
			}
		})
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/webhooks/t_abc123?"+string(filled(1<<20)), nil))
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("64 claims take %d KiB", grown>>10)
	}
	runtime.KeepAlive(g)
}

// Who has flushed has answered 200.
func TestFlushIsAnAnswer(t *testing.T) {
	s := newService(t, guarded)
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		w.WriteHeader(500) // superfluous: the sender has seen 200
	}
	r := s.request(t)
	if status := s.serve(r); status != 200 {
		t.Fatalf("status is %d", status)
	}
	_, err := s.verify(t, r)
	checkIs(t, err, webhook.ErrReplay)
}

// Whether a flush works is told.
func TestFlushError(t *testing.T) {
	s := newService(t, guarded)
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("error is %v", err)
		}
	}
	s.ServeHTTP(struct{ http.ResponseWriter }{httptest.NewRecorder()}, s.request(t))
}

// A redirect from one virtual host to another at the same address.
func TestRedirectToAnotherVirtualHost(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	base.answer = func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/hook" {
			return answer(307, "https://shared.example.com/other"), nil
		}
		return answer(200, ""), nil
	}
	client := &http.Client{Transport: signer.Transport(base, tenant, destination)}
	r := post(t, "https://shared.example.com/hook", strings.NewReader(body))
	r.Host = "customer.example.com"
	response, err := client.Do(r)
	if response != nil {
		response.Body.Close()
	}
	if err == nil || len(base.requests) != 1 {
		t.Errorf("%v, %d sent, the last to Host %q", err, len(base.requests), base.requests[len(base.requests)-1].Host)
	}
}

// A panic between the claim and the handler.
func TestPanicOfTheObserver(t *testing.T) {
	broken := true
	b := newBench(t, guarded, func(o *webhook.Options) {
		o.Observe = func(context.Context, webhook.Match, error) {
			if broken {
				panic("observer")
			}
		}
	})
	h := b.Middleware(func(*http.Request) string { return tenant })(http.NotFoundHandler())
	r := b.request(t)
	again := r.Clone(t.Context())
	if _, panicked := serveOrPanic(h, r); !panicked {
		t.Fatal("no panic")
	}
	broken = false
	_, err := b.verify(t, again)
	if err != nil {
		t.Error(err)
	}
}

// A name in lower case, set past http.Header.Set: on the wire it is there twice.
func TestSignReplacesEveryCase(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	header := http.Header{"webhook-id": {"msg_mine"}, "x-other": {"1"}}
	if err := signer.Sign(t.Context(), tenant, destination, header, "msg_1", []byte(body)); err != nil {
		t.Fatal(err)
	}
	if len(header) != 4 { // three of the scheme's, and x-other
		t.Errorf("headers %v", header)
	}
}
