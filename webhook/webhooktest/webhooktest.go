// Package webhooktest helps to test handlers behind a webhook.Verifier. It has keys in
// memory, signed requests, and a clock that a test moves.
//
//	keys, clock := webhooktest.NewKeys("t_abc123"), webhooktest.NewClock()
//	v, err := webhook.New(keys, clock.Option)
//	handler := v.Middleware(webhook.PathTenant("tenant"))(yourHandler)
//	request := webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", `{"event":"paid"}`, clock.Sign)
//
// To include Secrets Manager in a test, use package secretstest, and pass the result of
// TenantSecret.Keys to [NewRequest].
package webhooktest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// Keys is a webhook.KeySource in memory, with random keys. It behaves like a
// tenantsecrets.Client with all keys cached. It is safe for concurrent use.
type Keys struct {
	mu      sync.Mutex
	tenants map[string][]tenantsecrets.Value // newest first
	err     error                            // of Fail
}

// NewKeys returns Keys with one key for each of the tenants.
func NewKeys(tenants ...string) *Keys {
	k := &Keys{tenants: map[string][]tenantsecrets.Value{}}
	for _, tenant := range tenants {
		k.Rotate(tenant)
	}
	return k
}

// Rotate adds a new key to a tenant. It becomes the signing key, and the older keys still
// verify. The newest 8 keys are kept. An unknown tenant is added.
func (k *Keys) Rotate(tenant string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := slices.Insert(k.tenants[tenant], 0, tenantsecrets.NewValue(rand.Text()))
	k.tenants[tenant] = keys[:min(len(keys), 8)]
}

// Fail makes every verification fail with err, for example tenantsecrets.ErrUnavailable,
// until Fail(nil) is called.
func (k *Keys) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// Of returns the current keyring of a tenant, for [NewRequest]. The keyring of an unknown
// tenant has no keys.
func (k *Keys) Of(tenant string) tenantsecrets.Keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, err := tenantsecrets.NewKeyring(k.tenants[tenant]...)
	if err != nil || len(k.tenants[tenant]) == 0 {
		return tenantsecrets.Keyring{}
	}
	return keys
}

// Verify behaves like tenantsecrets.Client.Verify, without loads: an unknown tenant is
// ErrSignature and ErrNotFound.
func (k *Keys) Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	if err := k.verify(ctx, tenant, try); err != nil {
		return &tenantsecrets.Error{Op: "Verify", Tenant: tenant, Err: err}
	}
	return nil
}

func (k *Keys) verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	if err := tenantsecrets.ValidateTenant(tenant); err != nil {
		return err
	}
	k.mu.Lock()
	failure, known := k.err, k.tenants[tenant] != nil
	k.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", tenantsecrets.ErrUnavailable, ctx.Err())
	case failure != nil:
		return failure
	case !known:
		return fmt.Errorf("%w: %w", tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound)
	}
	return try(k.Of(tenant))
}

// Request has the options of [NewRequest]. The zero value of each means its default.
type Request struct {
	Scheme webhook.Scheme // default: StandardWebhooks()
	Method string         // default: POST
	ID     string         // the message ID; default: a random one
	Time   time.Time      // of the signature; default: time.Now()
}

// NewRequest returns a request for a handler, signed with every live key of the keyring.
// target is the path or URL, as in httptest.NewRequest. It fails the test if the keyring has
// no key.
func NewRequest(t testing.TB, keys tenantsecrets.Keyring, target, body string, optFns ...func(*Request)) *http.Request {
	t.Helper()
	o := resolve(optFns)
	timestamp := strconv.FormatInt(o.Time.Unix(), 10)
	tags, err := keys.MACs(o.Scheme.AppendPrefix(nil, o.ID, timestamp), []byte(body))
	if err != nil {
		t.Fatalf("webhooktest: %v", err)
	}
	r := httptest.NewRequest(o.Method, target, strings.NewReader(body))
	o.Scheme.Write(r.Header, o.ID, timestamp, tags)
	return r
}

// resolve applies the functions and fills in the defaults.
func resolve(optFns []func(*Request)) Request {
	var o Request
	for _, fn := range optFns {
		fn(&o)
	}
	if o.Scheme == nil {
		o.Scheme = webhook.StandardWebhooks()
	}
	if o.Method == "" {
		o.Method = http.MethodPost
	}
	if o.ID == "" {
		o.ID = "msg_" + rand.Text()
	}
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	return o
}

// Clock is a clock that stands still until [Clock.Advance] moves it. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows 3:04:05 UTC on 2 January 2026.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward, or back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Option is an option of webhook.New: the Verifier uses this clock.
func (c *Clock) Option(o *webhook.Options) { o.Now = c.Now }

// Sign is an option of [NewRequest]: the request is signed at the time of this clock.
func (c *Clock) Sign(r *Request) { r.Time = c.Now() }
