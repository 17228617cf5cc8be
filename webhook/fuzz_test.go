package webhook_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// fuzzKey is the same in every process, so that inputs that are found stay meaningful.
var fuzzKey = strings.Repeat("0123456789abcdef", 2)

const fuzzTime = "1767323045"

var canonicalID, canonicalTime = regexp.MustCompile(`^[!-\-/-~]+$`), regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// fuzzCase is a scheme and the headers that it reads: those of the id and the time
// are "" where it has none.
type fuzzCase struct {
	scheme         scheme
	id, timestamp  string
	prefix, suffix string // of a signature in the tag header, and what separates several
}

func fuzzScheme(f *testing.F, c fuzzCase) {
	names := []string{c.id, c.timestamp, c.scheme.tag}
	good := byHand(c.scheme.name, fuzzKey, "msg_1", fuzzTime, body)
	other := byHand(c.scheme.name, fuzzKey+"x", "msg_1", fuzzTime, body)
	signature, forged := good.Get(c.scheme.tag), other.Get(c.scheme.tag)
	seeds := 0
	for _, tag := range []string{
		signature, forged, "", c.prefix, forged + c.suffix + signature, signature + c.suffix + signature, signature[:len(signature)-1],
		strings.ToUpper(signature), signature + "\r\n", strings.Repeat(c.prefix+c.suffix, 100), strings.Repeat(signature+c.suffix, 9), trailingBits(signature + "A="),
	} {
		for _, ts := range []string{fuzzTime, "+" + fuzzTime, "0" + fuzzTime, "99999999999999999999", ""} {
			for _, id := range []string{"msg_1", "msg.1", "", "é"} {
				f.Add(id, ts, tag, []byte(body))
				seeds++
			}
		}
	}
	if seeds == 0 {
		f.Fatal("there is nothing to begin with")
	}
	known, unknown := fuzzVerifier(f, c, fuzzKey), fuzzVerifier(f, c, fuzzKey+"y")
	f.Fuzz(func(t *testing.T, id, ts, tag string, message []byte) {
		header := http.Header{}
		for i, value := range []string{id, ts, tag} {
			if names[i] != "" {
				header.Set(names[i], value)
			}
		}
		if _, err := unknown.Verify(t.Context(), tenant, header, message); !errors.Is(err, tenantsecrets.ErrSignature) {
			t.Errorf("without the key: %v", err)
		}
		m, err := known.Verify(t.Context(), tenant, header, message)
		want := byHand(c.scheme.name, fuzzKey, id, fuzzTime, string(message))
		if err != nil {
			checkIs(t, err, tenantsecrets.ErrSignature)
			goodTime := c.timestamp == "" || ts == fuzzTime
			goodID := c.id == "" || canonicalID.MatchString(id) && len(id) < 1000
			if goodTime && goodID && tag == want.Get(c.scheme.tag) {
				t.Errorf("a good one is refused: %v", err)
			}
			return
		}
		if c.id != "" && (m.ID != id || !canonicalID.MatchString(id)) || c.timestamp != "" && !canonicalTime.MatchString(ts) {
			t.Errorf("id %q and time %q are accepted", id, ts)
		}
		signed := fuzzTime // of those without a time of their own, or with it in the signatures
		if c.timestamp != "" {
			signed = ts
		} else if c.scheme.time {
			signed, _, _ = strings.Cut(tag[strings.LastIndex(","+tag, ",t=")+2:], ",")
		}
		want = byHand(c.scheme.name, fuzzKey, id, signed, string(message))
		if !carries(tag, want.Get(c.scheme.tag), c) {
			t.Errorf("%q is accepted, and the tag is %q", tag, want.Get(c.scheme.tag))
		}
	})
}

// carries tells whether one of the signatures in the header is the one that it must
// have, to the letter.
func carries(tag, want string, c fuzzCase) bool {
	if c.suffix == "" {
		return tag == want
	}
	last := want[strings.LastIndex(want, c.prefix):]
	return slices.Contains(strings.Split(tag, c.suffix), last)
}

func fuzzVerifier(f *testing.F, c fuzzCase, key string) *webhook.Verifier {
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(key))
	if err != nil {
		f.Fatal(err)
	}
	return newVerifier(f, ring{keys}, c.scheme.option, func(o *webhook.Options) {
		o.Now = func() time.Time { return time.Unix(1767323045, 0) }
	})
}

func FuzzStandardWebhooks(f *testing.F) {
	fuzzScheme(f, fuzzCase{schemes[0], "Webhook-Id", "Webhook-Timestamp", "v1,", " "})
}

func FuzzSvix(f *testing.F) {
	fuzzScheme(f, fuzzCase{schemes[1], "Svix-Id", "Svix-Timestamp", "v1,", " "})
}
func FuzzStripe(f *testing.F) { fuzzScheme(f, fuzzCase{schemes[2], "", "", "v1=", ","}) }
func FuzzSlack(f *testing.F) {
	fuzzScheme(f, fuzzCase{schemes[3], "", "X-Slack-Request-Timestamp", "v0=", ""})
}

func FuzzTimestampedPair(f *testing.F) {
	fuzzScheme(f, fuzzCase{schemes[4], "", "X-Timestamp", "", ""})
}
func FuzzGitHub(f *testing.F)  { fuzzScheme(f, fuzzCase{schemes[5], "", "", "sha256=", ""}) }
func FuzzShopify(f *testing.F) { fuzzScheme(f, fuzzCase{schemes[6], "", "", "", ""}) }
