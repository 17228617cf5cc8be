//go:build !race

package webhook_test

import (
	"bytes"
	"context"
	"crypto/fips140"
	"io"
	"net/http"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

const kibibyte = 1 << 10

// mostMiddleware is how many allocations the middleware may make: the body, the values for
// the handler, and the request.
const mostMiddleware = 3

func skipInFIPS(t *testing.T) {
	t.Helper()
	if fips140.Enabled() {
		t.Skip("in FIPS mode crypto/hmac makes the tags, and allocates")
	}
}

// The race detector allocates on its own, so this is measured without it.
func TestVerifyDoesNotAllocate(t *testing.T) {
	skipInFIPS(t)
	for _, keys := range []int{1, 8} {
		b := secretstest.New()
		store(t, b, "hmac_key", hmacDocument(t, keys, nil))
		c := newClient(t, b)
		eachScheme(t, func(t *testing.T, s scheme) {
			v, ctx, message := newVerifier(t, c, s.option, secondScheme), context.Background(), filled(kibibyte)
			r := webhooktest.NewRequest(t, keysOf(t, b), "/", string(message), s.sign)
			verify := func() {
				if _, err := v.Verify(ctx, tenant, r.Header, message); err != nil {
					t.Fatal(err)
				}
			}
			verify() // the keys are cached from here on
			if n := testing.AllocsPerRun(1000, verify); n != 0 {
				t.Errorf("with %d keys %v allocations", keys, n)
			}
		})
	}
}

// nowhere is a ResponseWriter that discards everything.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

// again is a body that can be read again.
type again struct{ bytes.Reader }

func (*again) Close() error { return nil }

func TestMiddlewareAllocations(t *testing.T) {
	skipInFIPS(t)
	b := secretstest.New()
	store(t, b, "hmac_key", hmacDocument(t, 1, nil))
	v := newVerifier(t, newClient(t, b))
	message := filled(kibibyte)
	r := webhooktest.NewRequest(t, keysOf(t, b), "/", string(message))
	r.SetPathValue("tenant", tenant)
	handled, content := 0, &again{}
	handler := v.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := webhook.FromContext(r.Context()); ok {
			handled++
		}
	}))
	var w http.ResponseWriter = nowhere{http.Header{}}
	n := testing.AllocsPerRun(1000, func() {
		content.Reset(message)
		r.Body = content
		handler.ServeHTTP(w, r)
	})
	if n > mostMiddleware {
		t.Errorf("%v allocations, want at most %d", n, mostMiddleware)
	}
	if handled == 0 {
		t.Error("the handler did not run")
	}
}

func BenchmarkVerify(b *testing.B) {
	backend := secretstest.New()
	store(b, backend, "hmac_key", hmacDocument(b, 1, nil))
	c := newClient(b, backend)
	keys, message := keysOf(b, backend), filled(kibibyte)
	b.Run("floor", func(b *testing.B) { // the MAC and the comparison alone
		parts := [][]byte{[]byte("msg_ABCDEFGHIJKLMNOPQRSTUVWXYZ.1767323045."), message}
		tags, _ := keys.MACs(parts...)
		for b.Loop() {
			if _, _, err := keys.Match(tags, parts...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("client", func(b *testing.B) { // the cost of the client
		signature, _ := tenantsecrets.SignHMAC(keys, message)
		for b.Loop() {
			if err := c.VerifyHMAC(context.Background(), tenant, message, signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, s := range schemes {
		b.Run(s.name, func(b *testing.B) {
			v := newVerifier(b, c, s.option, secondScheme)
			r := webhooktest.NewRequest(b, keys, "/", string(message), s.sign)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(context.Background(), tenant, r.Header, message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("middleware", func(b *testing.B) {
		v := newVerifier(b, c, secondScheme)
		r := webhooktest.NewRequest(b, keys, "/", string(message))
		r.SetPathValue("tenant", tenant)
		handler := v.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}))
		content, w := &again{}, nowhere{http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			content.Reset(message)
			r.Body = content
			handler.ServeHTTP(w, r)
		}
	})
}
