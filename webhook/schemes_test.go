package webhook_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

func TestSchemes(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		r := b.request(t, s.sign, func(r *webhooktest.Request) { r.ID = "msg_1" })
		m, err := b.verify(t, r)
		if err != nil {
			t.Fatal(err)
		}
		want := webhook.Match{Tenant: tenant, KeyID: "0", Newest: true}
		if s.id {
			want.ID = "msg_1"
		}
		if s.time {
			want.Time = b.clock.Now()
		}
		if !m.Time.Equal(want.Time) {
			t.Errorf("time is %v, want %v", m.Time, want.Time)
		}
		m.Time = want.Time
		if m != want {
			t.Errorf("match is %+v, want %+v", m, want)
		}
	})
}

// byHand signs as the senders document it, without this package.
func byHand(name, key, id, timestamp, message string) http.Header {
	tag := func(signed string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(signed))
		return h.Sum(nil)
	}
	header := http.Header{}
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			header.Set(pairs[i], pairs[i+1])
		}
	}
	switch name {
	case "standard", "svix":
		prefix := map[string]string{"standard": "webhook-", "svix": "svix-"}[name]
		signature := "v1," + base64.StdEncoding.EncodeToString(tag(id+"."+timestamp+"."+message))
		set(prefix+"id", id, prefix+"timestamp", timestamp, prefix+"signature", signature)
	case "stripe":
		set("Stripe-Signature", "t="+timestamp+",v1="+hex.EncodeToString(tag(timestamp+"."+message)))
	case "slack":
		set("X-Slack-Request-Timestamp", timestamp, "X-Slack-Signature", "v0="+hex.EncodeToString(tag("v0:"+timestamp+":"+message)))
	case "pair":
		set("X-Timestamp", timestamp, "X-Signature", hex.EncodeToString(tag(timestamp+"."+message)))
	case "github":
		set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(tag(message)))
	case "shopify":
		set("X-Shopify-Hmac-SHA256", base64.StdEncoding.EncodeToString(tag(message)))
	}
	return header
}

func TestSchemesAsDocumented(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		key := rand.Text() + rand.Text()
		keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(key))
		if err != nil {
			t.Fatal(err)
		}
		clock := webhooktest.NewClock()
		timestamp := strconv.FormatInt(clock.Now().Unix(), 10)
		header := byHand(s.name, key, "msg_1", timestamp, body)
		v := newVerifier(t, ring{keys}, s.option, clock.Option)
		if _, err := v.Verify(t.Context(), tenant, header, []byte(body)); err != nil {
			t.Error(err)
		}
		written := webhooktest.NewRequest(t, keys, "/", body, s.sign, clock.Sign, func(r *webhooktest.Request) { r.ID = "msg_1" })
		for name, values := range header {
			if got := written.Header[name]; !slices.Equal(got, values) {
				t.Errorf("%s is written as %q, want %q", name, got, values)
			}
		}
	})
}

// Every bit of what is signed counts, and so does every character of its headers.
func TestSchemesTampered(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		r := b.request(t, s.sign)
		for i := range body {
			for bit := range 8 {
				changed := []byte(body)
				changed[i] ^= 1 << bit
				_, err := b.Verify(t.Context(), tenant, r.Header, changed)
				checkIs(t, err, tenantsecrets.ErrMismatch)
			}
		}
		for _, changed := range []string{"", body[1:], body + "\n", " " + body} {
			_, err := b.Verify(t.Context(), tenant, r.Header, []byte(changed))
			checkIs(t, err, tenantsecrets.ErrMismatch)
		}
		for name, values := range r.Header {
			for i := range values[0] {
				changed := []byte(values[0])
				changed[i] ^= 1
				header := r.Header.Clone()
				header.Set(name, string(changed))
				_, err := b.Verify(t.Context(), tenant, header, []byte(body))
				checkIs(t, err, tenantsecrets.ErrSignature)
			}
		}
	})
}

func TestSchemesWithoutAHeader(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		r := b.request(t, s.sign)
		for name := range r.Header {
			header := r.Header.Clone()
			header.Del(name)
			_, err := b.Verify(t.Context(), tenant, header, []byte(body))
			checkMalformed(t, err)
		}
	})
}

// A scheme does not accept the headers of another one, even with the same key and message.
func TestSchemesDoNotMix(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		for _, other := range schemes {
			if other.name == s.name || s.name == "svix" && other.name == "standard" { // which Svix accepts, as documented
				continue
			}
			b := newBench(t, s.option)
			_, err := b.verify(t, b.request(t, other.sign))
			checkMalformed(t, err)
		}
	})
}

// During a rotation the sender signs with both keys, if the scheme allows it.
func TestSchemesWithSeveralSignatures(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		b.keys.Rotate(tenant)
		both := b.request(t, s.sign)
		if longer := len(both.Header.Get(s.tag)) > len(newBench(t, s.option).request(t, s.sign).Header.Get(s.tag)); longer != s.several {
			t.Errorf("several signatures: %v, want %v", longer, s.several)
		}
		if m, err := b.verify(t, both); err != nil || !m.Newest {
			t.Errorf("newest %v, %v", m.Newest, err)
		}
		older := newBench(t, s.option) // a sender that does not have the new key
		r := older.request(t, s.sign)
		older.keys.Rotate(tenant)
		older.keys.Rotate(tenant)
		if m, err := older.verify(t, r); err != nil || m.Newest || m.KeyID != "2" {
			t.Errorf("key %q, newest %v, %v; want the third", m.KeyID, m.Newest, err)
		}
	})
}

// Signatures of another key or version, and malformed ones, beside a valid one.
func TestSchemesIgnoreOtherSignatures(t *testing.T) {
	other := strings.Repeat("0", 64)
	for _, tt := range []struct {
		scheme         scheme
		before, behind string
	}{
		{schemes[0], "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== v2,AAAA ", ""},
		{schemes[0], "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= ", " v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="},
		{schemes[0], "v1, v1,short ", " v1"},
		{schemes[1], "v2,AAAA  ", ""},
		{schemes[2], "v0=" + other + ",v1=" + other + ",", ",v1=zz,scheme=new"},
	} {
		b := newBench(t, tt.scheme.option)
		r := b.request(t, tt.scheme.sign)
		r.Header.Set(tt.scheme.tag, tt.before+r.Header.Get(tt.scheme.tag)+tt.behind)
		if _, err := b.verify(t, r); err != nil {
			t.Errorf("%s %q: %v", tt.scheme.name, r.Header.Get(tt.scheme.tag), err)
		}
	}
}

// A tenant can sign with Secret or with WebhookSecret, as its library needs it.
func TestTheTenantsOwnLibrary(t *testing.T) {
	_, c := newBackend(t)
	s, err := c.TenantSecret(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, c)
	now := strconv.FormatInt(time.Now().Unix(), 10)
	encoded, ok := strings.CutPrefix(s.WebhookSecret().Reveal(), "whsec_")
	if !ok {
		t.Fatal("the webhook secret has no prefix")
	}
	for what, key := range map[string]string{"whsec_": decoded(encoded), "as stored": s.Secret().Reveal()} {
		if _, err := v.Verify(t.Context(), tenant, byHand("standard", key, "msg_1", now, body), []byte(body)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
