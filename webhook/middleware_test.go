package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// service is a handler behind the middleware, and what it was given.
type service struct {
	*bench
	http.Handler
	seen     []string // bodies
	matches  []webhook.Match
	observed []error
	answer   func(http.ResponseWriter, *http.Request)
}

func newService(t testing.TB, optFns ...func(*webhook.Options)) *service {
	t.Helper()
	s := &service{answer: func(http.ResponseWriter, *http.Request) {}}
	s.bench = newBench(t, append([]func(*webhook.Options){func(o *webhook.Options) {
		o.Observe = func(_ context.Context, _ webhook.Match, err error) { s.observed = append(s.observed, err) }
	}}, optFns...)...)
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", s.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(s.handle)))
	s.Handler = mux
	return s
}

func (s *service) handle(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	m, ok := webhook.FromContext(r.Context())
	if err != nil || !ok {
		panic(fmt.Sprint("no body or no match: ", err))
	}
	s.seen, s.matches = append(s.seen, string(content)), append(s.matches, m)
	s.answer(w, r)
}

// serve returns the status of the answer to a request.
func (s *service) serve(r *http.Request) int {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// answered is all of the answer to a request, to compare it with another.
func answered(t testing.TB, h http.Handler, r *http.Request) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	response := w.Result()
	defer response.Body.Close()
	var out strings.Builder
	if err := response.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMiddleware(t *testing.T) {
	eachScheme(t, func(t *testing.T, sc scheme) {
		s := newService(t, sc.option)
		if status := s.serve(s.request(t, sc.sign)); status != http.StatusOK {
			t.Fatalf("status is %d: %v", status, s.observed)
		}
		if len(s.seen) != 1 || s.seen[0] != body || s.matches[0].Tenant != tenant || !s.matches[0].Newest {
			t.Errorf("the handler saw %q, %+v", s.seen, s.matches)
		}
		if len(s.observed) != 1 || s.observed[0] != nil {
			t.Errorf("observed %v", s.observed)
		}
	})
}

// refused are the requests that get 401.
func refused(t testing.TB, s *service) map[string]*http.Request {
	forged := webhooktest.NewKeys(tenant).Of(tenant)
	request := func(keys tenantsecrets.Keyring, target string, optFns ...func(*webhooktest.Request)) *http.Request {
		return webhooktest.NewRequest(t, keys, target, body, append([]func(*webhooktest.Request){s.clock.Sign}, optFns...)...)
	}
	own := s.keys.Of(tenant)
	return map[string]*http.Request{
		"forged":            request(forged, "/webhooks/"+tenant),
		"unsigned":          httptest.NewRequest(http.MethodPost, "/webhooks/"+tenant, strings.NewReader(body)),
		"unknown tenant":    request(own, "/webhooks/t_nobody"),
		"another case":      request(own, "/webhooks/T_ABC123"),
		"global":            request(own, "/webhooks/global"),
		"no tenant":         request(own, "/webhooks/..%2Ft_abc123"),
		"late":              request(own, "/webhooks/"+tenant, at(s.clock.Now().Add(-time.Hour))),
		"early":             request(own, "/webhooks/"+tenant, at(s.clock.Now().Add(time.Hour))),
		"of another scheme": request(own, "/webhooks/"+tenant, func(r *webhooktest.Request) { r.Scheme = webhook.GitHub() }),
	}
}

// Whatever is wrong, the answer is the same to the byte.
func TestMiddlewareRefusesAlike(t *testing.T) {
	s := newService(t)
	first := ""
	check := func(name string, r *http.Request) {
		before := len(s.observed)
		got := answered(t, s, r)
		if !strings.HasPrefix(got, "HTTP/1.1 401 ") {
			t.Errorf("%s: %s", name, got)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%s: the answer is\n%s\nand another is\n%s", name, got, first)
		}
		if len(s.observed) != before+1 || s.observed[before] == nil {
			t.Errorf("%s: observed %v", name, s.observed[before:])
		}
	}
	for name, r := range refused(t, s) {
		check(name, r)
	}
	for name, err := range map[string]error{
		"suspended": tenantsecrets.ErrSuspended, "scheduled for deletion": tenantsecrets.ErrPendingDeletion,
		"mismatch": tenantsecrets.ErrMismatch, "unknown": errors.Join(tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound),
	} {
		s.keys.Fail(err)
		check(name, s.request(t))
	}
	if len(s.seen) != 0 {
		t.Errorf("the handler saw %q", s.seen)
	}
}

func TestMiddlewareUnavailable(t *testing.T) {
	for _, err := range []error{
		tenantsecrets.ErrUnavailable, tenantsecrets.ErrAccessDenied, tenantsecrets.ErrMalformed, tenantsecrets.ErrWrongTenant,
		tenantsecrets.ErrClosed, tenantsecrets.ErrNoKey,
	} {
		s := newService(t)
		s.keys.Fail(err)
		if got := answered(t, s, s.request(t)); !strings.HasPrefix(got, "HTTP/1.1 503 ") || strings.Contains(got, err.Error()) {
			t.Errorf("%v: %s", err, got)
		}
	}
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status := s.serve(s.request(t).WithContext(ctx)); status != http.StatusServiceUnavailable {
		t.Errorf("cancelled: status %d", status)
	}
}

// counted counts what is read.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

const limit = 1000

// A limit on the body holds whatever its length is said to be, and no more than it
// is read: CVE-2024-40634, CVE-2026-42294.
func TestBodyLimit(t *testing.T) {
	for _, tt := range []struct {
		name             string
		length, declared int
		want             int
		mostRead         int
	}{
		{"at the limit", limit, limit, 200, limit},
		{"at the limit, chunked", limit, -1, 200, limit},
		{"empty", 0, 0, 200, 0},
		{"empty, chunked", 0, -1, 200, 0},
		{"over", limit + 1, limit + 1, 413, 0},
		{"over, chunked", 100 * limit, -1, 413, limit + 1},
		{"over, said to be within", 100 * limit, 10, 401, 11},
		{"within, said to be over", 10, limit + 1, 413, 0},
		{"shorter than said", 10, 20, 401, 10},
		{"longer than said", 20, 10, 401, 11},
		{"length not set, from a plain reader", limit, 0, 200, limit},
		{"over, length not set", 100 * limit, 0, 413, limit + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, func(o *webhook.Options) { o.MaxBody = limit })
			content := string(filled(tt.length))
			r := webhooktest.NewRequest(t, s.keys.Of(tenant), "/webhooks/"+tenant, content, s.clock.Sign)
			read := &counted{Reader: iotest.HalfReader(strings.NewReader(content))}
			r.Body, r.ContentLength = io.NopCloser(read), int64(tt.declared)
			if status := s.serve(r); status != tt.want {
				t.Errorf("status is %d, want %d: %v", status, tt.want, s.observed)
			}
			if read.n > tt.mostRead {
				t.Errorf("%d bytes were read, want at most %d", read.n, tt.mostRead)
			}
			if tt.want == 200 && (len(s.seen) != 1 || s.seen[0] != content) {
				t.Errorf("the handler saw %q", s.seen)
			}
		})
	}
}

// http.NewRequest sets no length for a plain reader, and neither does whoever turns
// another event into a request: a length of 0 beside a body says nothing. Only a
// missing body is an empty one.
func TestLengthThatIsNotSet(t *testing.T) {
	for name, tt := range map[string]struct {
		body   io.ReadCloser
		signed string
		want   int
	}{
		"a plain reader":             {io.NopCloser(iotest.OneByteReader(strings.NewReader(body))), body, 200},
		"a plain reader, empty":      {io.NopCloser(iotest.OneByteReader(strings.NewReader(""))), "", 200},
		"another body than signed":   {io.NopCloser(strings.NewReader(body + " ")), body, 401},
		"no body":                    {nil, "", 200},
		"http.NoBody":                {http.NoBody, "", 200},
		"no body, but one is signed": {http.NoBody, body, 401},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			r := webhooktest.NewRequest(t, s.keys.Of(tenant), "/webhooks/"+tenant, tt.signed, s.clock.Sign)
			r.Body, r.ContentLength = tt.body, 0
			if status := s.serve(r); status != tt.want {
				t.Errorf("status is %d, want %d: %v", status, tt.want, s.observed)
			}
		})
	}
}

// A tenant that does not exist has the same limits, and its requests' bodies are
// read as others' are.
func TestBodyOfAnUnknownTenant(t *testing.T) {
	for length, want := range map[int]int{10: 401, 100 * limit: 413} {
		for _, target := range []string{tenant, "t_nobody"} {
			s := newService(t, func(o *webhook.Options) { o.MaxBody = limit })
			r := webhooktest.NewRequest(t, webhooktest.NewKeys(tenant).Of(tenant), "/webhooks/"+target, string(filled(length)), s.clock.Sign)
			read := &counted{Reader: r.Body}
			r.Body, r.ContentLength = io.NopCloser(read), -1
			if status := s.serve(r); status != want {
				t.Errorf("%s, %d bytes: status is %d, want %d", target, length, status, want)
			}
			if read.n != min(length, limit+1) {
				t.Errorf("%s, %d bytes: %d were read", target, length, read.n)
			}
		}
	}
}

func TestBodyThatCannotBeRead(t *testing.T) {
	const quoted = "what the reader read"
	for want, err := range map[int]error{
		503: errors.New(quoted), 413: fmt.Errorf("%s: %w", quoted, &http.MaxBytesError{Limit: 10}),
	} {
		s := newService(t)
		r := s.request(t)
		r.Body = io.NopCloser(iotest.ErrReader(err))
		if status := s.serve(r); status != want {
			t.Errorf("%v: status is %d, want %d", err, status, want)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", s.observed, s.observed), quoted) {
			t.Errorf("observed %v", s.observed)
		}
	}
	s := newService(t)
	r := s.request(t)
	r.Body = io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(body))))
	if status := s.serve(r); status != http.StatusServiceUnavailable {
		t.Errorf("status is %d", status)
	}
}

// The same over a connection, with the body handling of a real server.
func TestOverHTTP(t *testing.T) {
	s := newService(t, func(o *webhook.Options) { o.MaxBody = limit })
	server := httptest.NewServer(s)
	defer server.Close()
	for _, tt := range []struct {
		name, headers, content string
		want                   string
	}{
		{"plain", "Content-Length: 16\r\n", body, "200"},
		{"chunked", "Transfer-Encoding: chunked\r\n", "10\r\n" + body + "\r\n0\r\n\r\n", "200"},
		{"chunk after chunk", "Transfer-Encoding: chunked\r\n", "8\r\n" + body[:8] + "\r\n8\r\n" + body[8:] + "\r\n0\r\n\r\n", "200"},
		{"too long", "Content-Length: 1001\r\n", string(filled(1001)), "413"},
		{"chunked, too long", "Transfer-Encoding: chunked\r\n", "7d0\r\n" + string(filled(2000)) + "\r\n0\r\n\r\n", "413"},
		{"longer than said", "Content-Length: 15\r\n", body, "401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.request(t)
			var headers strings.Builder
			_ = r.Header.Write(&headers)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			fmt.Fprintf(conn, "POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n%s", tenant, headers.String(), tt.headers, tt.content)
			response, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if !strings.HasPrefix(response.Status, tt.want) {
				t.Errorf("status is %s, want %s", response.Status, tt.want)
			}
		})
	}
}

func TestTenantFunctions(t *testing.T) {
	host := webhook.HostTenant("hooks.example.com")
	for name, want := range map[string]string{
		"t_abc123.hooks.example.com":      "t_abc123",
		"t_abc123.hooks.example.com:8443": "t_abc123",
		"T_ABC123.HOOKS.example.com":      "T_ABC123",
		"hooks.example.com":               "",
		"t_abc123.example.com":            "",
		"a.t_abc123.hooks.example.com":    "",
		"t_abc123.hooks.example.com.evil": "",
		"":                                "",
		"[::1]:80":                        "",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Host = name
		if got := host(r); got != want {
			t.Errorf("%q: tenant %q, want %q", name, got, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if got := webhook.PathTenant("tenant")(r); got != "" {
		t.Errorf("outside of a mux: tenant %q", got)
	}
}

func TestFromContextElsewhere(t *testing.T) {
	if m, ok := webhook.FromContext(t.Context()); ok || m != (webhook.Match{}) {
		t.Errorf("match %+v", m)
	}
}

// The handler's context is the request's.
func TestContextOfTheHandler(t *testing.T) {
	type key struct{}
	s := newService(t)
	ended := make(chan struct{})
	s.answer = func(_ http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}) != "there" {
			t.Error("the request's values are gone")
		}
		derived, cancel := context.WithTimeout(r.Context(), time.Hour)
		go func() { defer close(ended); defer cancel(); <-derived.Done() }()
	}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "there"))
	s.serve(s.request(t).WithContext(ctx))
	cancel()
	<-ended
}

// With the real client: an unknown tenant, a bad signature and a suspended tenant.
func TestMiddlewareOnSecretsManager(t *testing.T) {
	b := secretstest.New()
	store(t, b, "hmac_key", hmacDocument(t, 1, map[string]any{"state": "suspended"}))
	v := newVerifier(t, newClient(t, b))
	handler := v.Middleware(func(r *http.Request) string { return r.URL.Path[1:] })(http.NotFoundHandler())
	answers := map[string]bool{}
	for _, id := range []string{tenant, "t_nobody"} {
		got := answered(t, handler, webhooktest.NewRequest(t, webhooktest.NewKeys(id).Of(id), "/"+id, body))
		if !strings.HasPrefix(got, "HTTP/1.1 401 ") {
			t.Errorf("%s: %s", id, got)
		}
		answers[got] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
}
