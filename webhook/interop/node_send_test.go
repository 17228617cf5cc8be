package interop_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/webhook"
)

// signed is a message that a library signs and posts.
type signed struct {
	ID     string `json:"id"`
	At     int64  `json:"at"`     // in milliseconds
	Secret string `json:"secret"` // "": it is not signed
	Body   []byte `json:"body"`   // what is signed
	Sent   []byte `json:"sent"`   // what goes out

	what string
	want []string // the status, or one of these
}

// good is a message as it should be.
const good = "a good one"

// outgoing are the messages: random ones that are to be accepted, and after each
// one that is not.
func (p npmPeer) outgoing(secret string, n int) (messages []*signed) {
	for seed := range n {
		m := newMessage(rand.New(rand.NewPCG(uint64(seed), 3)))
		if p.cannotTake(m.body) {
			continue
		}
		s := signed{m.id, time.Now().UnixMilli(), p.handedOut(secret), m.body, m.body, good, []string{"204"}}
		bad := s
		p.spoil(&bad, seed)
		messages = append(messages, &s, &bad)
	}
	return messages
}

// cannotTake tells whether the body is one of those that the library is known to
// make something else of.
func (p npmPeer) cannotTake(body []byte) bool {
	return tally{}.explain(laxer, p.name, sent{form: p.form, body: body})
}

// spoil does to a message what makes us refuse it, one thing after the other.
func (p npmPeer) spoil(m *signed, i int) {
	const tooFar = 10 * time.Minute
	m.want = []string{"401"}
	// Newer keys are looked for only so often: what no known key made gets 503 in between.
	unconfirmed := func() { m.want = []string{"401", "503"} }
	ways := []func(){
		func() { m.what, m.Secret = "no signature", "" },
		func() { m.what, m.Secret = "another secret", p.handedOut(newSecret()); unconfirmed() },
		func() { m.what, m.Sent = "a changed body", append(slices.Clone(m.Sent), ' '); unconfirmed() },
		func() { m.what, m.At = "an old timestamp", m.At-tooFar.Milliseconds() },
		func() { m.what, m.At = "a timestamp ahead", m.At+tooFar.Milliseconds() },
	}
	if !p.form.timed() {
		ways = ways[:3] // without those of the time
	}
	ways[i%len(ways)]()
}

// server is our middleware, around a handler that keeps what gets through to it.
func (p npmPeer) server(t *testing.T, secret string) (url string, got *[]message) {
	t.Helper()
	v, err := webhook.New(newClient(t, "hmac_key", secret), func(o *webhook.Options) { o.Scheme = p.form.scheme })
	if err != nil {
		t.Fatal(err)
	}
	got = new([]message)
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", v.Middleware(webhook.PathTenant("tenant"))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			m, ok := webhook.FromContext(r.Context())
			if err != nil || !ok || m.Tenant != tenant {
				t.Errorf("the handler has %+v, %v, %v", m, ok, err)
			}
			*got = append(*got, message{m.ID, body}) // the client sends one after the other
			w.WriteHeader(http.StatusNoContent)
		})))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/webhooks/" + tenant, got
}

// They sign, and our middleware verifies.
func TestNodeSigns(t *testing.T) {
	eachNPMPeer(t, func(t *testing.T, p npmPeer) {
		secret := newSecret()
		url, got := p.server(t, secret)
		messages := p.outgoing(secret, depth(60))
		n := startNode(t, map[string]any{"library": p.library, "messages": messages}, "send.mjs", url)
		want := []message{}
		for _, m := range messages {
			if !n.output.Scan() {
				t.Error("it stopped before the last message")
				break
			}
			if status := n.output.Text(); !slices.Contains(m.want, status) {
				t.Errorf("%s of %d bytes is answered with %s, want %v", m.what, len(m.Sent), status, m.want)
			}
			if m.what == good {
				want = append(want, message{m.ID, m.Sent})
			}
		}
		n.stop()
		t.Logf("%d messages were accepted and %d refused", len(want), len(messages)-len(want))
		if !slices.EqualFunc(*got, want, func(a, b message) bool {
			return bytes.Equal(a.body, b.body) && (a.id == b.id || p.form.id == "")
		}) {
			t.Errorf("the handler got %d messages, and not the %d that were sent", len(*got), len(want))
		}
	})
}
