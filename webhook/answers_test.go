package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// answers is a service on Secrets Manager: t_abc123 and t_suspended are cached, t_unread
// exists and is not cached, t_deleted is scheduled for deletion, t_nobody does not exist.
type answers struct {
	t       *testing.T
	backend *secretstest.Backend
	client  *tenantsecrets.Client
	handler http.Handler
	guard   *brokenGuard

	keys     tenantsecrets.Keyring // of t_abc123
	observed []error
}

func newAnswers(t *testing.T) *answers {
	a := &answers{t: t, backend: secretstest.New(), guard: &brokenGuard{}}
	store(t, a.backend, "hmac_key", hmacDocument(t, 1, nil))
	for _, id := range []string{"t_unread", "t_suspended", "t_deleted"} {
		members := map[string]any{"tenant_id": id}
		if id == "t_suspended" {
			members["state"] = "suspended"
		}
		storeAs(t, a.backend, id+"/hmac_key", hmacDocument(t, 1, members))
	}
	a.remove("t_deleted")
	a.keys, a.client = keysOf(t, a.backend), newClient(t, a.backend)
	v := newVerifier(t, a.client, func(o *webhook.Options) {
		o.MaxBody, o.Replay = limit, a.guard
		o.Observe = func(_ context.Context, _ webhook.Match, err error) { a.observed = append(a.observed, err) }
	})
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", v.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) {})))
	a.handler = mux
	for _, id := range []string{tenant, "t_suspended"} {
		_, _ = a.client.TenantSecret(t.Context(), id)
	}
	time.Sleep(2 * time.Second) // long enough that a mismatch may cause another load
	return a
}

func (a *answers) remove(id string) {
	_, err := a.backend.DeleteSecret(a.t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String("prod/formbridge/" + id + "/hmac_key")})
	if err != nil {
		a.t.Fatal(err)
	}
}

// signed returns a request that is signed with a keyring.
func (a *answers) signed(keys tenantsecrets.Keyring, id string, optFns ...func(*webhooktest.Request)) *http.Request {
	return webhooktest.NewRequest(a.t, keys, "/webhooks/"+id, body, optFns...)
}

// forged returns a request with a well-formed signature of a random key.
func (a *answers) forged(id string) *http.Request {
	return a.signed(webhooktest.NewKeys(id).Of(id), id)
}

func (a *answers) serve(r *http.Request) string { return answered(a.t, a.handler, r) }

// down makes every call to Secrets Manager fail.
func (a *answers) down() { a.backend.Inject(secretstest.Fault{Err: secretstest.InternalError()}) }

// spendUnknown posts webhooks for unknown tenant IDs until their budget is spent.
func (a *answers) spendUnknown() {
	for i := range 600 {
		a.serve(a.forged(fmt.Sprint("t_unknown_", i)))
	}
}

// spendMismatches posts forgeries for real tenants until the loads that forgeries may
// cause are spent.
func (a *answers) spendMismatches() {
	const tenants = 700
	for i := range tenants {
		id := fmt.Sprint("t_real_", i)
		storeAs(a.t, a.backend, id+"/hmac_key", hmacDocument(a.t, 1, map[string]any{"tenant_id": id}))
		if _, err := a.client.TenantSecret(a.t.Context(), id); err != nil {
			a.t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second)
	for i := range tenants {
		a.serve(a.forged(fmt.Sprint("t_real_", i)))
	}
}

// probe posts forgeries for the tenant until the loads that they cause are more than a
// second apart.
func (a *answers) probe() {
	for range 5 {
		a.serve(a.forged(tenant))
	}
}

// rotate gives the tenant a new key, which the client has not cached, and returns a request
// that is signed with it.
func (a *answers) rotate() *http.Request {
	text := hmacDocument(a.t, 1, nil)
	put(a.t, a.backend, text)
	return a.signed(topKey(a.t, text), tenant)
}

// The answer to every kind of request: 401 is final and sent only after a complete check.
// Everything else gets 503, for real and unknown tenants alike.
func TestAnswers(t *testing.T) {
	withBody := func(r *http.Request, content io.Reader) *http.Request {
		r.Body, r.ContentLength = io.NopCloser(content), -1
		return r
	}
	cancelled := func(a *answers, r *http.Request) *http.Request {
		ctx, cancel := context.WithCancel(a.t.Context())
		cancel()
		return r.WithContext(ctx)
	}
	ownKey := func(a *answers) *http.Request { return a.signed(a.keys, tenant) }
	malformed := func(id string) func(*answers) *http.Request {
		return func(a *answers) *http.Request {
			r := a.signed(a.keys, id)
			r.Header.Set("Webhook-Signature", "v1,short")
			return r
		}
	}
	late := func(id string) func(*answers) *http.Request {
		return func(a *answers) *http.Request { return a.signed(a.keys, id, at(time.Now().Add(-time.Hour))) }
	}
	large := func(id string) func(*answers) *http.Request {
		return func(a *answers) *http.Request {
			return withBody(a.signed(a.keys, id), strings.NewReader(string(filled(limit+1))))
		}
	}
	forged := func(id string) func(*answers) *http.Request {
		return func(a *answers) *http.Request { return a.forged(id) }
	}
	then := func(before func(*answers), request func(*answers) *http.Request) func(*answers) *http.Request {
		return func(a *answers) *http.Request { r := request(a); before(a); return r }
	}
	andRotated := func(before func(*answers)) func(*answers) *http.Request {
		return func(a *answers) *http.Request { before(a); return a.rotate() }
	}
	broken := func(claim error) func(*answers) { return func(a *answers) { a.guard.claim = claim } }
	closed := func(a *answers) { a.client.Close() }

	for _, tt := range []struct {
		name    string
		request func(*answers) *http.Request
		want    int
	}{
		{"available: signed", ownKey, 200},
		{"available: forged, not loaded yet", forged("t_unread"), 401},
		{"available: signed with a new key", (*answers).rotate, 200},
		{"available: forged", forged(tenant), 401},
		{"available: unknown tenant", forged("t_nobody"), 401},
		{"available: suspended", forged("t_suspended"), 401},
		{"available: scheduled for deletion", forged("t_deleted"), 401},
		{"available: no tenant ID", forged("%2E%2E"), 401},
		{"available: the global space", forged(tenantsecrets.Global), 401},
		{"available: malformed", malformed(tenant), 401},
		{"available: malformed, unknown tenant", malformed("t_nobody"), 401},
		{"available: late", late(tenant), 401},
		{"available: late, unknown tenant", late("t_nobody"), 401},
		{"available: large", large(tenant), 413},
		{"available: large, unknown tenant", large("t_nobody"), 413},
		{"available: the body breaks", func(a *answers) *http.Request {
			return withBody(ownKey(a), iotest.ErrReader(errors.New("reset")))
		}, 503},

		{"outage: signed", then((*answers).down, ownKey), 200},
		{"outage: signed with a new key", then((*answers).down, (*answers).rotate), 503},
		{"outage: forged", then((*answers).down, forged(tenant)), 503},
		{"outage: unknown tenant", then((*answers).down, forged("t_nobody")), 503},
		{"outage: not loaded yet", then((*answers).down, forged("t_unread")), 503},
		{"outage: suspended, which is known", then((*answers).down, forged("t_suspended")), 401},
		{"outage: malformed", then((*answers).down, malformed(tenant)), 401},
		{"outage: malformed, unknown tenant", then((*answers).down, malformed("t_nobody")), 401},
		{"outage: late", then((*answers).down, late(tenant)), 401},
		{"outage: large, unknown tenant", then((*answers).down, large("t_nobody")), 413},

		{"unknown IDs spent: signed", then((*answers).spendUnknown, ownKey), 200},
		{"unknown IDs spent: unknown tenant", then((*answers).spendUnknown, forged("t_nobody")), 503},
		{"unknown IDs spent: malformed", then((*answers).spendUnknown, malformed("t_nobody")), 401},
		{"mismatches spent: signed", then((*answers).spendMismatches, ownKey), 200},
		{"mismatches spent: signed with a new key", andRotated((*answers).spendMismatches), 503},
		{"mismatches spent: forged", then((*answers).spendMismatches, forged(tenant)), 503},
		{"probed: signed", then((*answers).probe, ownKey), 200},
		{"probed: signed with a new key", andRotated((*answers).probe), 503},
		{"probed: forged", then((*answers).probe, forged(tenant)), 503},
		{"probed: malformed", then((*answers).probe, malformed(tenant)), 401},

		{"cancelled: signed with a new key", func(a *answers) *http.Request { return cancelled(a, a.rotate()) }, 503},
		{"cancelled: forged", func(a *answers) *http.Request { return cancelled(a, a.forged(tenant)) }, 503},
		{"cancelled: unknown tenant", func(a *answers) *http.Request { return cancelled(a, a.forged("t_nobody")) }, 503},
		{"closed: signed", then(closed, ownKey), 503},
		{"closed: forged", then(closed, forged(tenant)), 503},
		{"closed: unknown tenant", then(closed, forged("t_nobody")), 503},

		{"guard: replayed", then(broken(webhook.ErrReplay), ownKey), 401},
		{"guard: down", then(broken(errors.New("no connection")), ownKey), 503},
		{"guard: down, for want of its own secret", then(broken(tenantsecrets.ErrNotFound), ownKey), 503},
		{"guard: down, and forged", then(broken(errors.New("no connection")), forged(tenant)), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAnswers(t)
				r := tt.request(a)
				a.observed = nil
				w := httptest.NewRecorder()
				a.handler.ServeHTTP(w, r)
				if w.Code != tt.want {
					t.Errorf("status is %d, want %d: %v", w.Code, tt.want, a.observed)
				}
				if len(a.observed) != 1 || webhook.Status(a.observed[0]) != w.Code {
					t.Errorf("observed %v", a.observed)
				}
				if after := w.Header().Get("Retry-After"); (after != "") != (w.Code == 503) {
					t.Errorf("status %d with Retry-After %q", w.Code, after)
				}
			})
		})
	}
}

// One request to a real tenant and one to an unknown ID get the same bytes, in normal
// operation, in an outage and after Close.
func TestAnswersAlike(t *testing.T) {
	for _, trouble := range []func(*answers){func(*answers) {}, (*answers).down, func(a *answers) { a.client.Close() }} {
		synctest.Test(t, func(t *testing.T) {
			a := newAnswers(t)
			trouble(a)
			loaded, unread, nobody := a.serve(a.forged(tenant)), a.serve(a.forged("t_unread")), a.serve(a.forged("t_nobody"))
			if loaded != nobody || unread != nobody {
				t.Errorf("a cached tenant gets\n%s\none that is not cached\n%s\nan unknown ID\n%s", loaded, unread, nobody)
			}
		})
	}
}

// Repeated requests can tell a real tenant from an unknown ID, as the documentation says:
// loads for a real tenant have a minimum distance, and an unknown ID is remembered.
func TestAnswersUnderProbing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAnswers(t)
		status := func(id string) string { return strings.Fields(a.serve(a.forged(id)))[1] }
		for i := range 6 {
			if got := status("t_nobody"); got != "401" {
				t.Errorf("request %d for an unknown ID gets %s, want 401", i, got)
			}
		}
		seen := map[string]int{}
		for range 6 {
			seen[status(tenant)]++
		}
		if seen["401"] == 0 || seen["503"] == 0 || seen["401"]+seen["503"] != 6 {
			t.Errorf("a real tenant's requests get %v", seen)
		}
	})
}

// A request that is answered with 503 takes the same work, too: its body is hashed.
func TestUnansweredIsHashed(t *testing.T) {
	for _, err := range []error{tenantsecrets.ErrUnavailable, tenantsecrets.ErrStale} {
		s := &countingScheme{Scheme: webhook.StandardWebhooks()}
		b := newBench(t, func(o *webhook.Options) { o.Scheme = s })
		r := b.request(t)
		b.keys.Fail(err)
		before := s.prefixes
		_, got := b.verify(t, r)
		checkIs(t, got, err)
		if s.prefixes != before+1 {
			t.Errorf("%v: hashed %d times", err, s.prefixes-before)
		}
	}
}

// countingScheme counts the messages that are hashed.
type countingScheme struct {
	webhook.Scheme
	prefixes int
}

func (s *countingScheme) AppendPrefix(b []byte, id, timestamp string) []byte {
	s.prefixes++
	return s.Scheme.AppendPrefix(b, id, timestamp)
}
