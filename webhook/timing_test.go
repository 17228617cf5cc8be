//go:build !race

package webhook_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// Once no load is needed, the time of a refusal must not tell whether a tenant exists, except
// for the cost of further keys.
//
// How long an acceptance takes tells one thing more, to who has a valid signature:
// whether the key that made it is the one that matched last. That nothing else tells
// keys apart, nor how many bytes of a tag are right, is TestTiming of internal/keyring.
//
// Method: the same requests to a tenant with one key, to one with three and to none,
// one at a time, interleaved in a random order per round, so that whatever else the
// machine does hits all alike. Each is compared by the median, after the cost of its
// MACs is taken off: one for an unknown tenant (of the decoy), and for one key,
// three for three keys; that cost is the median of as many MACs of the same
// message, measured in the same rounds. The bodies are large, so that a MAC that is
// made or not is far more than the noise: what may be left is a quarter of one.
//
// A control shows that the test can see: a server that answers unknown tenants
// without reading and hashing must fail the same comparison in the same rounds. An
// attempt that the machine disturbs is repeated.
//
// In full depth the same is done over connections, where in addition the share of
// pairs in which the one takes longer than the other (Mann-Whitney's U, over the
// number of pairs) must be near a half between the unknown tenant and the one key.
const (
	timingBody     = 16 << 10
	timingAttempts = 5
	timingLeft     = 0.25 // of a MAC
	timingShare    = 0.15 // from a half
)

// subject is a request whose refusal is timed.
type subject struct {
	name string
	macs int // that its refusal takes
	send func()
	took []time.Duration
}

func TestTiming(t *testing.T) {
	rounds, full := 300, os.Getenv("TENANTSECRETS_DEPTH") == "full"
	if full {
		rounds = 5000
	}
	vantages := map[string]func(*testing.T, http.Handler, *http.Request) func(){"in process": inProcess}
	if full {
		vantages["over a connection"] = overConnection
	}
	for name, send := range vantages {
		t.Run(name, func(t *testing.T) {
			for attempt := 1; ; attempt++ {
				trouble := timingAttempt(t, rounds, send, name != "in process")
				if trouble == "" {
					return
				}
				if attempt == timingAttempts {
					t.Fatal(trouble)
				}
				t.Logf("attempt %d: %s", attempt, trouble)
			}
		})
	}
}

func timingAttempt(t *testing.T, rounds int, via func(*testing.T, http.Handler, *http.Request) func(), shares bool) (trouble string) {
	backend, clock := secretstest.New(), webhooktest.NewClock()
	client := newClient(t, backend, func(o *tenantsecrets.Options) { o.Now = clock.Now })
	for id, keys := range map[string]int{"t_one": 1, "t_three": 3} {
		storeAs(t, backend, id+"/hmac_key", hmacDocument(t, keys, map[string]any{"tenant_id": id}))
	}
	v := newVerifier(t, client, clock.Option)
	hasty := newVerifier(t, hastyKeys{client}, clock.Option)
	handler := v.Middleware(tenantOfPath)(http.NotFoundHandler())
	message := filled(timingBody)
	request := func(id string) *http.Request {
		return webhooktest.NewRequest(t, webhooktest.NewKeys(id).Of(id), "/"+id, string(message), clock.Sign)
	}

	// Forgeries go on until loads for them are far apart, and then time stands still.
	known := []string{"t_one", "t_three"}
	for _, id := range known {
		if _, err := client.TenantSecret(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		clock.Advance(11 * time.Second)
		for _, id := range known {
			handler.ServeHTTP(nowhere{http.Header{}}, request(id))
		}
	}
	subjects := []*subject{
		{name: "unknown tenant", macs: 1, send: via(t, handler, request("t_none"))},
		{name: "one key", macs: 1, send: via(t, handler, request("t_one"))},
		{name: "three keys", macs: 3, send: via(t, handler, request("t_three"))},
		{name: "control", macs: 1, send: via(t, hasty.Middleware(tenantOfPath)(http.NotFoundHandler()), request("t_none"))},
		{name: "MAC", send: macOf(webhooktest.NewKeys(tenant).Of(tenant), message)},
	}
	for _, s := range subjects {
		s.send()
	}
	backend.ClearCalls()
	measure(subjects, rounds)
	if calls := backend.Calls(); len(calls) != 0 {
		t.Fatalf("there were loads: %v", calls)
	}
	return judge(t, subjects, shares)
}

func measure(subjects []*subject, rounds int) {
	order := slices.Clone(subjects)
	for range rounds {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range order {
			began := time.Now()
			s.send()
			s.took = append(s.took, time.Since(began))
		}
	}
}

// judge returns what is wrong with what was measured.
func judge(t *testing.T, subjects []*subject, shares bool) (trouble string) {
	unknown, one, three, control, mac := subjects[0], subjects[1], subjects[2], subjects[3], median(subjects[4].took)
	left := func(s *subject) float64 { // in MACs
		return float64(median(s.took))/float64(mac) - float64(s.macs)
	}
	for _, s := range subjects[:4] {
		t.Logf("%-15s median %v, %+.3f MACs beside its %d; longer than one key's in %.3f of pairs", s.name, median(s.took), left(s), s.macs, share(s.took, one.took))
	}
	t.Logf("%-15s median %v", "MAC", mac)
	near := func(a, b float64) bool { return a-b < timingLeft && b-a < timingLeft }
	switch {
	case near(left(control), left(one)):
		return "the control cannot be told from one key: the test is not precise enough"
	case !near(left(unknown), left(one)):
		return "an unknown tenant can be told from one key"
	case !near(left(three), left(one)):
		return "three keys can be told from one by more than their MACs"
	}
	if u := share(unknown.took, one.took); shares && (u < 0.5-timingShare || u > 0.5+timingShare) {
		return "an unknown tenant can be told from one key by its rank"
	}
	return ""
}

func median(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}

// share is in which share of all pairs the first takes longer: Mann-Whitney's U over
// the number of pairs.
func share(a, b []time.Duration) float64 {
	sorted, above := slices.Sorted(slices.Values(b)), 0
	for _, took := range a {
		n, _ := slices.BinarySearchFunc(sorted, took, cmp.Compare[time.Duration])
		above += n
	}
	return float64(above) / float64(len(a)*len(b))
}

// hastyKeys refuses an unknown tenant immediately, without hashing.
type hastyKeys struct{ *tenantsecrets.Client }

func (k hastyKeys) Verify(ctx context.Context, id string, try func(tenantsecrets.Keyring) error) error {
	if id == "t_none" {
		return &tenantsecrets.Error{Op: "Verify", Tenant: id, Err: tenantsecrets.ErrInvalidTenant}
	}
	return k.Client.Verify(ctx, id, try)
}

func tenantOfPath(r *http.Request) string { return r.URL.Path[1:] }

func inProcess(_ *testing.T, h http.Handler, r *http.Request) func() {
	message, content := filled(timingBody), &again{}
	return func() {
		content.Reset(message)
		r.Body = content
		h.ServeHTTP(nowhere{http.Header{}}, r)
	}
}

func overConnection(t *testing.T, h http.Handler, r *http.Request) func() {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	message := filled(timingBody)
	return func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+r.URL.Path, bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = r.Header.Clone()
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

func macOf(keys tenantsecrets.Keyring, message []byte) func() {
	tags := [][]byte{make([]byte, 32)}
	return func() { _, _, _ = keys.Match(tags, message) }
}
