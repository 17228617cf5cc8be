// Package snippets has no code. Its tests hold the code blocks of README.md and docs,
// compile and run them.
//
//nolint:ineffassign,staticcheck,wastedassign // documentation leaves the error handling out
package snippets

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
)

const tenant = "t_abc123"

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// setUp returns a Secrets Manager, a client of it, and the context of the test.
func setUp(t *testing.T) (context.Context, *secretstest.Backend, *tenantsecrets.Client) {
	t.Helper()
	api := secretstest.New()
	client, err := tenantsecrets.New(api, naming)
	check(t, err)
	t.Cleanup(client.Close)
	return t.Context(), api, client
}

// withTenant is setUp and a tenant.
func withTenant(t *testing.T) (context.Context, *secretstest.Backend, *tenantsecrets.Client) {
	t.Helper()
	ctx, api, client := setUp(t)
	_, err := client.CreateTenant(ctx, tenant)
	check(t, err)
	return ctx, api, client
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestCreate(t *testing.T) {
	ctx, _, client := setUp(t)
	handOver := func(string) {}

	s, err := client.CreateTenant(ctx, "t_abc123")
	handOver(s.WebhookSecret().Reveal()) // whsec_...: for libraries of Standard Webhooks and Svix

	check(t, err)
}

func TestSign(t *testing.T) {
	ctx, api, client := setUp(t)

	p, err := provision.New(client, api) // api: secretsmanager.NewFromConfig(cfg)
	_, err = p.CreateHMACKey(ctx, "t_abc123", "webhook1")
	key, _, err := p.HMACKey(ctx, "t_abc123", "webhook1") // to hand to the receiver

	signer, err := webhook.NewSigner(client)
	hooks := &http.Client{Transport: signer.Transport(nil, "t_abc123", "webhook1")}

	check(t, err)
	if key.Reveal() == "" || hooks == nil {
		t.Error("no key, or no client")
	}

	crm := tenantsecrets.DestinationAPIKey("crm")
	_, err = provision.Create(ctx, p, "t_abc123", crm, tenantsecrets.APIKey{Key: key, Scheme: "Bearer"})
	k, err := tenantsecrets.Get(ctx, client, "t_abc123", crm) // cached

	check(t, err)
	if !k.Key.Equal(key) {
		t.Error("another key came back")
	}
}

func TestRotateDestinations(t *testing.T) {
	ctx, api, client := setUp(t)

	r, err := rotation.New(client, api)
	summary, err := r.Destination("webhook1").RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
		o.OlderThan = 30 * 24 * time.Hour // a daily job then rotates each key once in 30 days
	})

	check(t, err)
	if summary.Failed != 0 {
		t.Error("failed:", summary.Failed)
	}
}

func TestFake(t *testing.T) {
	ctx, body := t.Context(), []byte("{}")

	b := secretstest.New()
	client, err := tenantsecrets.New(b, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	s, err := client.CreateTenant(ctx, "t_abc123")
	signature, err := tenantsecrets.SignHMAC(s.Keys(), body)           // what the tenant would send
	defer b.Inject(secretstest.Fault{Err: secretstest.Throttling()})() // every call fails until then

	check(t, err)
	defer client.Close()
	check(t, client.VerifyHMAC(ctx, "t_abc123", body, signature))
}

func TestVerifyOptions(t *testing.T) {
	_, _, client := setUp(t)

	v, err := webhook.New(client, func(o *webhook.Options) {
		o.Scheme = webhook.Stripe()
		o.Replay = webhook.NewMemoryReplayGuard(0) // 2,097,152 messages in this process
	})

	check(t, err)
	_ = v
}

func TestSignForALibrary(t *testing.T) {
	ctx, api, client := setUp(t)

	p, err := provision.New(client, api)
	_, err = p.CreateHMACKey(ctx, "t_abc123", "webhook1")
	key, _, err := p.HMACKey(ctx, "t_abc123", "webhook1")

	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte(key.Reveal()))

	signer, err := webhook.NewSigner(client, func(o *webhook.SignerOptions) { o.Scheme = webhook.StandardWebhooks() })
	hooks := &http.Client{Transport: signer.Transport(nil, "t_abc123", "webhook1")}

	check(t, err)
	if whsec == "whsec_" || hooks == nil {
		t.Error("no key, or no client")
	}
}

func TestOptions(t *testing.T) {
	api := secretstest.New()

	client, err := tenantsecrets.New(api, naming, func(o *tenantsecrets.Options) {
		o.TTL = time.Minute
		o.Capacity = 50_000
	})

	check(t, err)
	client.Close()
}

func TestFilling(t *testing.T) {
	ctx, _, client := withTenant(t)
	tenants := []string{tenant}
	var err error

	err = client.Prefetch(ctx, slices.Values(tenants)) // at start: 20 secrets a call
	s, err := client.Refresh(ctx, "t_abc123")          // after a change: read again now
	err = client.Invalidate("t_abc123")                // after a leak: serve nothing without a new read

	check(t, err)
	_ = s
}

func TestErrors(t *testing.T) {
	ctx, api, client := setUp(t)
	defer api.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
	w := httptest.NewRecorder()
	_, err := client.TenantSecret(ctx, tenant)

	if errors.Is(err, tenantsecrets.ErrUnavailable) {
		w.WriteHeader(http.StatusServiceUnavailable) // ask again later
	}

	if w.Code != http.StatusServiceUnavailable {
		t.Error(err)
	}
}

func TestRunbook(t *testing.T) {
	ctx, api, client := withTenant(t)
	handOver := func(string, tenantsecrets.Value) {}

	r, err := rotation.New(client, api, func(o *rotation.Options) {
		o.MaxStale = 2 * time.Hour // the largest MaxStale of any process that reads; default: the client's
	})
	check(t, err)

	func() {
		summary, err := r.Destination("webhook1").RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
			o.OlderThan = 30 * 24 * time.Hour
			o.Progress = func(tenant string, result rotation.Result, err error) {
				log.Println(tenant, result.Outcome, err)
			}
		})
		_ = summary
		check(t, err)
	}()

	summary, err := r.RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
		o.OlderThan = 90 * 24 * time.Hour
		o.Grace = 30 * 24 * time.Hour
		o.Progress = func(tenant string, result rotation.Result, err error) {
			if err != nil || result.Outcome != rotation.Done {
				return // too young, or done by another process, which hands it over
			}
			s, err := client.Refresh(ctx, tenant) // the cached value is older
			if err != nil || s.VersionID() != result.VersionID {
				log.Println(tenant, "refresh again before handing over", err) // the read lags behind
				return
			}
			handOver(tenant, s.WebhookSecret()) // or s.Secret(): see docs/webhooks.md
		}
	})
	check(t, err)
	if summary.TooYoung != 1 {
		t.Errorf("%+v, want one that is too young", summary)
	}
}

func TestLeak(t *testing.T) {
	ctx, api, client := withTenant(t)
	r, err := rotation.New(client, api)
	check(t, err)
	before, err := client.TenantSecret(ctx, tenant)
	check(t, err)
	leaked := []byte(before.Secret().Reveal())

	versions, err := r.Versions(ctx, tenant) // kids, dates and labels

	s, err := client.Refresh(ctx, tenant)                 // the keys that are live now
	mac := hmac.New(sha256.New, leaked)                   // the key's bytes: decoded, if it is whsec_ or has an encoding
	kid, _, err := s.Keys().Match([][]byte{mac.Sum(nil)}) // ErrMismatch: it is none of the live keys

	result, err := r.Revoke(ctx, tenant, kid) // that key
	result, err = r.RevokeAll(ctx, tenant)    // or every live key; a new one takes their place

	check(t, err)
	if len(versions) != 1 || kid != versions[0].Keys[0].KID || len(result.Keys) != 1 {
		t.Errorf("kid %q of %+v, then %+v", kid, versions, result)
	}
}

func TestRollback(t *testing.T) {
	ctx, api, client := withTenant(t)
	r, err := rotation.New(client, api)
	check(t, err)
	first, err := r.Rotate(ctx, tenant)
	check(t, err)
	kid, oldKID := first.Keys[1].KID, first.Keys[0].KID

	func() {
		result, err := r.Rollback(ctx, tenant, kid) // the kid of the key that worked
		_ = result
		check(t, err)
	}()

	result, err := r.Rollback(ctx, tenant, oldKID) // it has no end any more; the newer ones are accepted too

	check(t, err)
	if result.Keys[0].KID != oldKID {
		t.Errorf("%+v, want %s first", result, oldKID)
	}
}
