//go:build !race

package webhook_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// refusing is a KeySource that tries its keyring and allocates no error.
type refusing struct{ keys tenantsecrets.Keyring }

func (k refusing) Verify(_ context.Context, _ string, try func(tenantsecrets.Keyring) error) error {
	return try(k.keys)
}

// TestRefusedBodiesAreReused checks that a flood of forgeries allocates no bodies: garbage of
// refused requests would slow down valid ones. The race detector allocates on its own.
func TestRefusedBodiesAreReused(t *testing.T) {
	skipInFIPS(t)
	const size = 16 * kibibyte
	v := newVerifier(t, refusing{webhooktest.NewKeys(tenant).Of(tenant)})
	message, content := filled(size), &again{}
	forged := webhooktest.NewRequest(t, webhooktest.NewKeys(tenant).Of(tenant), "/", string(message))
	handler := v.Middleware(func(*http.Request) string { return tenant })(http.NotFoundHandler())
	w := nowhere{http.Header{}}
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			content.Reset(message)
			forged.Body = content
			handler.ServeHTTP(w, forged)
		}
	})
	if n := result.AllocedBytesPerOp(); n > size/8 {
		t.Errorf("a refused body of %d bytes allocates %d bytes", size, n)
	}
}

// TestRefusedBodyIsNotHandedOut checks that a handler's body does not change when the buffer
// of a refused request is used again.
func TestRefusedBodyIsNotHandedOut(t *testing.T) {
	keys := webhooktest.NewKeys(tenant)
	v := newVerifier(t, keys)
	var kept []*http.Request
	handler := v.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		kept = append(kept, r)
	}))
	post := func(signer tenantsecrets.Keyring, text string) {
		r := webhooktest.NewRequest(t, signer, "/", text)
		r.SetPathValue("tenant", tenant)
		handler.ServeHTTP(nowhere{http.Header{}}, r)
	}
	forger := webhooktest.NewKeys(tenant).Of(tenant)
	for i := range 20 {
		post(forger, string(filled(100+i)))
		post(keys.Of(tenant), body)
		post(forger, string(filled(200)))
	}
	if len(kept) != 20 {
		t.Fatalf("%d of 20 webhooks were accepted", len(kept))
	}
	for _, r := range kept {
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
			t.Errorf("body is %q, want %q: %v", got, body, err)
		}
	}
}
