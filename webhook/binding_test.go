package webhook_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

func secondScheme(o *webhook.Options) { o.SecondScheme = true }

// The attack on one key under two schemes: whoever can make the tenant's system send a body
// under one scheme has a signed message of the other, with a timestamp of their choice. New
// refuses the second Verifier unless SecondScheme is set.
func TestOneKeyUnderTwoSchemes(t *testing.T) {
	b, c := newBackend(t)
	github := func(o *webhook.Options) { o.Scheme = webhook.GitHub() }
	stripe := func(o *webhook.Options) { o.Scheme = webhook.Stripe() }
	newVerifier(t, c, github)

	// Sent as a GitHub webhook whose body is what the attacker wrote.
	now := time.Now()
	chosen := fmt.Sprintf(`%d.{"paid":true}`, now.Unix())
	sent := webhooktest.NewRequest(t, keysOf(t, b), "/", chosen, func(r *webhooktest.Request) { r.Scheme = webhook.GitHub() })
	tag := sent.Header.Get("X-Hub-Signature-256")[len("sha256="):]
	sent.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", now.Unix(), tag))

	second := newVerifier(t, c, stripe, secondScheme)
	if _, err := second.Verify(t.Context(), tenant, sent.Header, []byte(`{"paid":true}`)); err != nil {
		t.Errorf("the attack does not work: %v", err)
	}
	v, err := webhook.New(c, stripe)
	if v != nil || !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("a second scheme over the same keys: error is %v", err)
	}
}

// Two Verifiers of one client must have schemes that sign the same bytes, in whichever order
// they are made.
func TestSchemesOfOneClient(t *testing.T) {
	signs := map[string]string{
		"standard": "id.time.body", "svix": "id.time.body", "stripe": "time.body", "pair": "time.body",
		"slack": "v0:time:body", "github": "body", "shopify": "body",
	}
	for _, first := range schemes {
		for _, second := range schemes {
			_, c := newBackend(t)
			newVerifier(t, c, first.option)
			_, err := webhook.New(c, second.option)
			if good := signs[first.name] == signs[second.name]; good != (err == nil) {
				t.Errorf("%s, then %s: %v", first.name, second.name, err)
			}
			if err != nil && !errors.Is(err, tenantsecrets.ErrInvalidOption) {
				t.Errorf("%s, then %s: %v", first.name, second.name, err)
			}
		}
	}
}

func TestSecondScheme(t *testing.T) {
	github := func(o *webhook.Options) { o.Scheme = webhook.GitHub() }
	_, c := newBackend(t)
	newVerifier(t, c, github, secondScheme) // can be the first one, and does not bind the client
	newVerifier(t, c)
	newVerifier(t, c, github, secondScheme)
	if _, err := webhook.New(c, github); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("without the option: %v", err)
	}
	// A New that fails for another reason does not bind the client.
	_, other := newBackend(t)
	if _, err := webhook.New(other, func(o *webhook.Options) { o.MaxBody = -1 }); err == nil {
		t.Error("no error")
	}
	newVerifier(t, other, github)
}

// If two schemes sign the same bytes, a guard for both recognises a message under either.
func TestOneGuardForAlikeSchemes(t *testing.T) {
	for _, pair := range [][2]scheme{{schemes[0], schemes[1]}, {schemes[2], schemes[4]}, {schemes[5], schemes[6]}} {
		b, c := newBackend(t)
		guard, keys, when := webhook.NewMemoryReplayGuard(0), keysOf(t, b), time.Now()
		for i, s := range pair {
			v := newVerifier(t, c, s.option, func(o *webhook.Options) { o.Replay = guard })
			r := webhooktest.NewRequest(t, keys, "/", body, s.sign, at(when), func(r *webhooktest.Request) { r.ID = "msg_1" })
			_, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
			if replay := errors.Is(err, webhook.ErrReplay); replay != (i == 1) || !replay && err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}
