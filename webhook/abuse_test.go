package webhook_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// abuse is an attack on a verifier. It changes the headers of a request that is
// good but for it.
type abuse struct {
	name   string
	scheme string // "" where it is done to all
	known  string // where others let it pass, or fell over it
	do     func(r *http.Request, s scheme)
	plain  bool // it is well formed: a mismatch
}

// change replaces a header.
func change(name string, f func(string) string) func(*http.Request, scheme) {
	return func(r *http.Request, _ scheme) { r.Header.Set(name, f(r.Header.Get(name))) }
}

// changeTag replaces the header that has the signatures.
func changeTag(f func(string) string) func(*http.Request, scheme) {
	return func(r *http.Request, s scheme) { change(s.tag, f)(r, s) }
}

func to(value string) func(string) string { return func(string) string { return value } }

// double sends a header twice.
func double(name func(scheme) string, first bool) func(*http.Request, scheme) {
	return func(r *http.Request, s scheme) {
		good := r.Header[name(s)][0]
		r.Header[name(s)] = []string{"x", good}
		if first {
			r.Header[name(s)] = []string{good, "x"}
		}
	}
}

func tagHeader(s scheme) string { return s.tag }

// timestamps that are the same number, or nearly, in another text.
func noncanonical() (cases []abuse) {
	for name, f := range map[string]func(string) string{
		"plus":              func(ts string) string { return "+" + ts },
		"minus":             func(ts string) string { return "-" + ts },
		"leading zero":      func(ts string) string { return "0" + ts },
		"space":             func(ts string) string { return ts + " " },
		"tab":               func(ts string) string { return "\t" + ts },
		"fraction":          func(ts string) string { return ts + ".0" },
		"exponent":          func(ts string) string { return ts + "e0" },
		"underscore":        func(ts string) string { return ts[:1] + "_" + ts[1:] },
		"hex":               to("0x695712a5"),
		"other digits":      func(ts string) string { return strings.Replace(ts, "1", "١", 1) },
		"13 digits":         to("1000000000000"),
		"int64 overflows":   to("9223372036854775808"),
		"uint64 wraps":      func(ts string) string { return "18446744073709551616" + ts },
		"10,000 digits":     to(strings.Repeat("9", 10_000)),
		"empty":             to(""),
		"not a number":      to("now"),
		"a second, a third": func(ts string) string { return ts + "," + ts },
	} {
		for scheme, header := range map[string]string{
			"standard": "Webhook-Timestamp", "svix": "Svix-Timestamp", "slack": "X-Slack-Request-Timestamp", "pair": "X-Timestamp",
		} {
			cases = append(cases, abuse{
				"timestamp: " + name, scheme,
				"standard-webhooks and svix hash what they have parsed, not what came", change(header, f), false,
			})
		}
		cases = append(cases, abuse{
			"timestamp: " + name, "stripe", "stripe-go hashes what it has parsed",
			change("Stripe-Signature", func(value string) string {
				ts, rest, _ := strings.Cut(strings.TrimPrefix(value, "t="), ",")
				return "t=" + f(ts) + "," + rest
			}), false,
		})
	}
	return cases
}

var abuses = []abuse{
	{
		"prefix-only tag", "standard", "CVE-2024-21491: compared up to the shorter length",
		change("Webhook-Signature", to("v1,")), false,
	},
	{
		"prefix-only tag", "svix", "CVE-2024-21491",
		change("Svix-Signature", to("v1,")), false,
	},
	{"prefix-only tag", "stripe", "CVE-2024-21491", change("Stripe-Signature", func(v string) string { return v[:strings.Index(v, "v1=")+3] }), false},
	{"prefix-only tag", "slack", "CVE-2024-21491", change("X-Slack-Signature", to("v0=")), false},
	{"prefix-only tag", "github", "CVE-2024-21491", change("X-Hub-Signature-256", to("sha256=")), false},
	{"prefix alone, no separator", "standard", "panics of others: CVE-2025-59531", change("Webhook-Signature", to("v1")), false},
	{"prefix alone, no separator", "github", "panics of others: CVE-2025-59531", change("X-Hub-Signature-256", to("sha256")), false},
	{"empty", "", "go-github CVE-2026-21894: no signature, no check", changeTag(to("")), false},
	{"one byte", "", "go-playground/webhooks panics", changeTag(func(v string) string { return v[:1] }), false},
	{"a byte less", "", "CVE-2024-21491", changeTag(func(v string) string { return v[:len(v)-1] }), false},
	{"a byte more", "", "", changeTag(func(v string) string { return v + "0" }), false},
	{"separators alone", "", "panics of others: CVE-2025-59531", changeTag(to("===,,,   ===")), false},
	{"control characters", "", "", changeTag(to("\x00\x01\xff")), false},
	{"twice, the good one first", "", "http.Header.Get takes the first", double(tagHeader, true), false},
	{"twice, the good one last", "", "proxies take the last", double(tagHeader, false), false},
	{
		"id twice", "standard", "http.Header.Get takes the first",
		double(func(scheme) string { return "Webhook-Id" }, true), false,
	},
	{
		"timestamp twice", "standard", "http.Header.Get takes the first",
		double(func(scheme) string { return "Webhook-Timestamp" }, true), false,
	},
	{
		"two times in one header", "stripe", "stripe-go takes the last",
		change("Stripe-Signature", func(v string) string { return "t=1," + v }), false,
	},
	{
		"time after the signature, twice", "stripe", "stripe-go takes the last",
		change("Stripe-Signature", func(v string) string { return v + ",t=1" }), false,
	},
	{"no time", "stripe", "stripe-go: the zero time", change("Stripe-Signature", func(v string) string { return v[strings.Index(v, "v1="):] }), false},
	{
		"10,000 tags", "standard", "CVE-2024-40634: work without a limit",
		change("Webhook-Signature", func(v string) string { return strings.Repeat(v+" ", 10_000) + v }), false,
	},
	{
		"10,000 tags", "stripe", "CVE-2024-40634: work without a limit",
		change("Stripe-Signature", func(v string) string {
			return v + strings.Repeat(v[strings.Index(v, ",v1="):], 10_000)
		}), false,
	},
	{"nine tags", "standard", "", change("Webhook-Signature", func(v string) string { return strings.Repeat(v+" ", 8) + v }), false},
	{"nine tags, eight of them malformed", "standard", "", change("Webhook-Signature", func(v string) string { return strings.Repeat("v1,x ", 8) + v }), false},
	{"header over 4 KiB", "", "CVE-2026-42294: read without a limit", changeTag(func(v string) string { return v + strings.Repeat(" ", 4097-len(v)) }), false},
	{
		"id of 4 KiB", "standard", "",
		change("Webhook-Id", to(strings.Repeat("m", 4097))), false,
	},
	{"id with a dot", "standard", "standard-webhooks: id.timestamp.body in two ways", change("Webhook-Id", func(v string) string { return v + ".1" }), false},
	{"id with a line", "standard", "", change("Webhook-Id", func(v string) string { return v + "\nx" }), false},
	{"id beyond ASCII", "standard", "", change("Webhook-Id", func(v string) string { return v + "é" }), false},
	{"no id", "standard", "", change("Webhook-Id", to("")), false},
	{"base64 with trailing bits", "standard", "encoding/base64.StdEncoding", change("Webhook-Signature", trailingBits), false},
	{"base64 with trailing bits", "shopify", "encoding/base64.StdEncoding", change("X-Shopify-Hmac-Sha256", trailingBits), false},
	{"base64 with CR and LF", "shopify", "encoding/base64.StdEncoding", change("X-Shopify-Hmac-Sha256", func(v string) string { return v[:10] + "\r\n" + v[10:] }), false},
	{"base64 with CR and LF, 44 long", "shopify", "encoding/base64.StdEncoding", change("X-Shopify-Hmac-Sha256", func(v string) string { return v[:40] + "\r\n" + v[42:] }), false},
	{"base64 without padding", "shopify", "", change("X-Shopify-Hmac-Sha256", func(v string) string { return v[:43] }), false},
	{"base64url", "shopify", "", change("X-Shopify-Hmac-Sha256", func(string) string { return strings.Repeat("-_", 21) + "A=" }), false},
	{"upper-case hex", "github", "", change("X-Hub-Signature-256", func(v string) string { return "sha256=" + strings.ToUpper(v[7:]) }), false},
	{"upper-case prefix", "github", "", change("X-Hub-Signature-256", func(v string) string { return "SHA256=" + v[7:] }), false},
	{"hex without its prefix", "github", "", change("X-Hub-Signature-256", func(v string) string { return v[7:] }), false},
	{"hex without its prefix", "slack", "slack-go: the prefix is optional", change("X-Slack-Signature", func(v string) string { return v[3:] }), false},
	{
		"SHA-1 in the header's prefix", "github", "go-github: the hash is the sender's choice",
		change("X-Hub-Signature-256", to("sha1="+strings.Repeat("0", 40))), false,
	},
	{
		"SHA-1 in its own header alone", "github", "go-github falls back to it",
		func(r *http.Request, _ scheme) {
			r.Header.Del("X-Hub-Signature-256")
			r.Header.Set("X-Hub-Signature", "sha1="+strings.Repeat("0", 40))
		}, false,
	},
	{"another version of the scheme", "standard", "", change("Webhook-Signature", func(v string) string { return "v2" + v[2:] }), false},
	{"another version of the scheme", "slack", "", change("X-Slack-Signature", func(v string) string { return "v1" + v[2:] }), false},
	{"v0 is for tests", "stripe", "stripe: v0 is of a fake key", change("Stripe-Signature", func(v string) string { return strings.Replace(v, "v1=", "v0=", 1) }), false},
	{
		"webhook headers with a svix one", "svix", "svix falls back",
		func(r *http.Request, _ scheme) {
			for _, name := range []string{"Timestamp", "Signature"} {
				r.Header["Webhook-"+name] = r.Header["Svix-"+name]
				delete(r.Header, "Svix-"+name)
			}
		}, false,
	},
	{"a svix id beside good webhook headers", "svix", "svix falls back", stray("Svix-Id"), false},
	{"a svix time beside good webhook headers", "svix", "svix falls back", stray("Svix-Timestamp"), false},
	{"a svix signature beside good webhook headers", "svix", "svix falls back", stray("Svix-Signature"), false},
	{"a tag of zeros", "github", "", change("X-Hub-Signature-256", to("sha256="+strings.Repeat("0", 64))), true},
	{"a tag of zeros", "shopify", "", change("X-Shopify-Hmac-Sha256", to(base64.StdEncoding.EncodeToString(make([]byte, 32)))), true},
	{"the tag of an empty key", "github", "svix, standard-webhooks, stripe-go: CVE-2026-41432", emptyKey, true},
	{"the tag of an empty key", "stripe", "svix, standard-webhooks, stripe-go: CVE-2026-41432", emptyKey, true},
	{"the tag of an empty key", "standard", "svix, standard-webhooks, stripe-go: CVE-2026-41432", emptyKey, true},
}

// stray renames the headers but for one, which is there under both names.
func stray(left string) func(*http.Request, scheme) {
	return func(r *http.Request, _ scheme) {
		for _, name := range []string{"Id", "Timestamp", "Signature"} {
			r.Header["Webhook-"+name] = r.Header["Svix-"+name]
			if left != "Svix-"+name {
				delete(r.Header, "Svix-"+name)
			}
		}
	}
}

// trailingBits sets bits that encode nothing.
func trailingBits(v string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(v) - 2
	return v[:last] + string(digits[strings.IndexByte(digits, v[last])|1]) + "="
}

// emptyKey signs with no key at all.
func emptyKey(r *http.Request, s scheme) {
	clock := webhooktest.NewClock()
	r.Header = byHand(s.name, "", "msg_1", fmt.Sprint(clock.Now().Unix()), body)
}

func TestAbuse(t *testing.T) {
	done := map[string]int{}
	for _, a := range append(abuses, noncanonical()...) {
		for _, s := range schemes {
			if a.scheme != "" && a.scheme != s.name {
				continue
			}
			done[s.name]++
			t.Run(s.name+"/"+a.name, func(t *testing.T) {
				b := newBench(t, s.option)
				keys := &askedKeys{ring: ring{b.keys.Of(tenant)}}
				v := newVerifier(t, keys, s.option, b.clock.Option)
				r := b.request(t, s.sign)
				if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); err != nil {
					t.Fatalf("before: %v", err)
				}
				keys.tenants = nil
				a.do(r, s)
				m, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
				if a.plain {
					checkIs(t, err, tenantsecrets.ErrMismatch)
				} else {
					checkMalformed(t, err)
				}
				if asked := len(keys.tenants) > 0; asked != a.plain {
					t.Errorf("keys were asked for: %v", asked)
				}
				if m != (webhook.Match{Tenant: tenant}) {
					t.Errorf("it matched: %+v", m)
				}
				checkSilent(t, err, r)
			})
		}
	}
	for _, s := range schemes {
		if done[s.name] < 10 {
			t.Errorf("%s: only %d cases", s.name, done[s.name])
		}
	}
}

// checkSilent wants an error that quotes nothing of the request's headers.
func checkSilent(t *testing.T, err error, r *http.Request) {
	t.Helper()
	for name, values := range r.Header {
		for _, value := range values {
			if len(value) >= 8 && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), value) {
				t.Errorf("the error quotes %s", name)
			}
		}
	}
}

// A keyring without a key, as one with an empty key would be, accepts nothing.
// CVE-2026-41432, CVE-2026-21894.
func TestNoKeyVerifiesNothing(t *testing.T) {
	if _, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue("")); err == nil {
		t.Error("an empty key is a key")
	}
	eachScheme(t, func(t *testing.T, s scheme) {
		clock := webhooktest.NewClock()
		v := newVerifier(t, ring{}, s.option, clock.Option)
		header := byHand(s.name, "", "msg_1", fmt.Sprint(clock.Now().Unix()), body)
		_, err := v.Verify(t.Context(), tenant, header, []byte(body))
		checkIs(t, err, tenantsecrets.ErrNoKey)
		if status := webhook.Status(err); status != http.StatusServiceUnavailable {
			t.Errorf("status is %d", status)
		}
	})
}

// Tenant ids are never folded: a key of t_abc123 is none of T_ABC123.
func TestTenantInAnotherCase(t *testing.T) {
	b := newBench(t)
	r := b.request(t)
	_, err := b.Verify(t.Context(), strings.ToUpper(tenant), r.Header, []byte(body))
	checkIs(t, err, tenantsecrets.ErrNotFound, tenantsecrets.ErrSignature)
}

// What is signed under one scheme can be read as another's only if a key is
// used for both, which the documentation says not to do. Within one scheme it is
// clear where the body begins.
func TestNoOtherReadingOfWhatWasSigned(t *testing.T) {
	b := newBench(t)
	now := b.clock.Now().Unix()
	inner := fmt.Sprintf(`%d.{"event":"paid"}`, now)
	r := webhooktest.NewRequest(t, b.keys.Of(tenant), "/", inner, b.clock.Sign, func(r *webhooktest.Request) { r.ID = "msg_1" })
	r.Header.Set("Webhook-Id", fmt.Sprintf("msg_1.%d", now))
	_, err := b.verify(t, r) // id.timestamp of the one is the id of the other
	checkMalformed(t, err)
}

// What it costs to look at headers grows with them, and ends at their bounds.
func TestParseCost(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		cost := func(n int) time.Duration {
			r := b.request(t, s.sign)
			r.Header.Set(s.tag, r.Header.Get(s.tag)+strings.Repeat(" v1,=", n))
			least := time.Hour
			for range 50 {
				began := time.Now()
				_, err := b.verify(t, r)
				least = min(least, time.Since(began))
				checkMalformed(t, err)
			}
			return least
		}
		if small, large := cost(600), cost(200_000); large > 10*small+100*time.Microsecond {
			t.Errorf("3,000 bytes cost %v, a million %v", small, large)
		}
	})
}

// The tag in an error text, or any part of a key: go-shopify, CVE-2022-39292.
func TestErrorsDoNotTell(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := newBench(t, s.option)
		r := b.request(t, s.sign)
		timestamp := fmt.Sprint(b.clock.Now().Unix())
		prefix := s.scheme.AppendPrefix(nil, r.Header.Get("Webhook-Id")+r.Header.Get("Svix-Id"), timestamp)
		tags, err := b.keys.Of(tenant).MACs(prefix, []byte("another body"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Verify(t.Context(), tenant, r.Header, []byte("another body"))
		checkIs(t, err, tenantsecrets.ErrMismatch)
		checkSilent(t, err, r)
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		for _, secret := range []string{hex.EncodeToString(tags[0]), base64.StdEncoding.EncodeToString(tags[0]), "another body"} {
			if strings.Contains(text, secret) {
				t.Errorf("the error tells %q", secret)
			}
		}
	})
}
