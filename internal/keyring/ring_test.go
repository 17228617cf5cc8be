package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/mac"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testRing is a ring whose clock a test sets, and the secrets in it.
type testRing struct {
	Ring
	now     atomic.Int64 // hours since epoch
	keys    []document.Key
	secrets []string
}

func (r *testRing) set(keys ...document.Key) {
	r.keys = keys
	for _, k := range keys {
		r.secrets = append(r.secrets, k.Secret)
	}
	r.Set(keys, func() time.Time { return hour(int(r.now.Load())) })
}

func hour(h int) time.Time { return epoch.Add(time.Duration(h) * time.Hour) }

// newRing has keys without times.
func newRing(secrets ...string) *testRing {
	r := new(testRing)
	var keys []document.Key
	for i, secret := range secrets {
		keys = append(keys, document.Key{KID: strconv.Itoa(i), Secret: secret})
	}
	r.set(keys...)
	return r
}

func newSecrets(n int) (secrets []string) {
	for range n {
		secrets = append(secrets, rand.Text())
	}
	return secrets
}

func tagOf(secret string, message []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(message)
	return h.Sum(nil)
}

// same tells ErrMismatch from ErrSignature, which it is too.
func same(err, want error) bool { return any(err) == any(want) }

// matchAll is what Match is held against: it tries every live key, and the newest
// match wins. It remembers nothing.
func (r *testRing) matchAll(tags [][]byte, message []byte) (kid string, newest bool, err error) {
	var bounds []document.Bounds
	for _, k := range r.keys {
		bounds = append(bounds, k.Bounds())
	}
	selection := document.Select(bounds, hour(int(r.now.Load())))
	live := selection.Live()
	if len(live) == 0 {
		return "", false, ErrNoKey
	}
	usable := false
	for _, tag := range tags {
		usable = usable || len(tag) == mac.Size
	}
	if !usable {
		return "", false, ErrSignature
	}
	matched := len(live)
	for position := len(live) - 1; position >= 0; position-- {
		sum := tagOf(r.secrets[live[position]], message)
		equal := 0
		for _, tag := range tags {
			equal |= subtle.ConstantTimeCompare(sum, tag)
		}
		matched = subtle.ConstantTimeSelect(equal, position, matched)
	}
	if matched == len(live) {
		return "", false, ErrMismatch
	}
	return r.keys[live[matched]].KID, matched == 0, nil
}

// drawRing has up to 10 keys, of which some are the same, some make the same tags as
// another, and some have a beginning or an end.
func drawRing(t *rapid.T) *testRing {
	few := []string{"0123456789abcdef", "0123456789abcdef\x00", "0123456789abcdef\x00\x00", "fedcba9876543210"}
	secret := rapid.OneOf(rapid.SampledFrom(few), rapid.StringMatching("[a-z]{16,20}"))
	at := rapid.SampledFrom([]time.Time{{}, {}, hour(1), hour(2), hour(3)})
	r, keys := new(testRing), []document.Key(nil)
	for i := range rapid.IntRange(0, 10).Draw(t, "keys") {
		window := document.Window{SignAfter: at.Draw(t, "sign after"), NotAfter: at.Draw(t, "not after")}
		keys = append(keys, document.Key{KID: strconv.Itoa(i), Secret: secret.Draw(t, "secret"), Window: window})
	}
	r.set(keys...)
	return r
}

// drawTag is a tag of one of the keys, one that no key made, or none at all.
func (r *testRing) drawTag(t *rapid.T, message []byte) []byte {
	var made []byte
	if len(r.secrets) > 0 {
		made = tagOf(rapid.SampledFrom(r.secrets).Draw(t, "signer"), message)
	}
	switch rapid.IntRange(0, 5).Draw(t, "tag") {
	case 0:
		return rapid.SliceOfN(rapid.Byte(), mac.Size, mac.Size).Draw(t, "forged")
	case 1:
		return rapid.SliceOfN(rapid.Byte(), 0, 2*mac.Size).Draw(t, "of any length")
	case 2:
		return append(made, 0)
	}
	return made
}

// Whatever has matched before, and whichever keys have ended since, the answer is that
// of trying every key.
func TestMatchIsThatOfTryingEveryKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRing(t)
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			r.now.Store(int64(rapid.IntRange(0, 4).Draw(t, "hour")))
			message := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "message")
			var tags [][]byte
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 2, 3, 0}).Draw(t, "tags") {
				tags = append(tags, r.drawTag(t, message))
			}
			kid, newest, err := r.Match(tags, message)
			wantKID, wantNewest, want := r.matchAll(tags, message)
			if kid != wantKID || newest != wantNewest || !same(err, want) {
				t.Fatalf("Match = %q, %v, %v, want %q, %v, %v", kid, newest, err, wantKID, wantNewest, want)
			}
			if len(tags) == 1 && len(tags[0]) == mac.Size {
				if err := r.Verify((*[mac.Size]byte)(tags[0]), message); !same(err, want) {
					t.Fatalf("Verify = %v, want %v", err, want)
				}
			}
		}
	})
}

// The cases in which trying the key first that matched last could change the answer.
func TestNewestIsExact(t *testing.T) {
	message, secrets := []byte("message"), newSecrets(3)
	tag := func(i int) []byte { return tagOf(secrets[i], message) }
	forged, short := tagOf(rand.Text(), message), []byte("short")
	for _, tt := range []struct {
		what   string
		tags   [][]byte
		kid    string
		newest bool
		err    error
	}{
		{"the newest's tag first", [][]byte{tag(0), tag(2)}, "0", true, nil},
		{"the newest's tag last", [][]byte{tag(2), tag(1), tag(0)}, "0", true, nil},
		{"two older keys", [][]byte{tag(2), tag(1)}, "1", false, nil},
		{"the same tag twice", [][]byte{tag(2), tag(2)}, "2", false, nil},
		{"a forged tag beside it", [][]byte{forged, tag(2)}, "2", false, nil},
		{"a short tag beside it", [][]byte{short, tag(2)}, "2", false, nil},
		{"a short tag beside the newest's", [][]byte{tag(0), short}, "0", true, nil},
		{"forged tags", [][]byte{forged, forged}, "", false, ErrMismatch},
		{"no usable tag", [][]byte{short, nil}, "", false, ErrSignature},
	} {
		for last := range secrets {
			r := newRing(secrets...)
			if _, _, err := r.Match([][]byte{tag(last)}, message); err != nil {
				t.Fatal(err)
			}
			kid, newest, err := r.Match(tt.tags, message)
			if kid != tt.kid || newest != tt.newest || !same(err, tt.err) {
				t.Errorf("%s, after key %d: Match = %q, %v, %v", tt.what, last, kid, newest, err)
			}
		}
	}
}

// A key is 0 or more zeros longer than its twin and makes the same tags. While both
// live, the newer one has matched.
func TestTwinsAreNotRemembered(t *testing.T) {
	message, secret := []byte("message"), rand.Text()
	tags := [][]byte{tagOf(secret, message)}
	for zeros := range 3 {
		r, twin := new(testRing), secret+string(make([]byte, zeros))
		r.set(document.Key{KID: "new", Secret: secret, Window: document.Window{NotAfter: hour(1)}}, document.Key{KID: "old", Secret: twin})
		for _, at := range []struct {
			hour int64
			kid  string
		}{{0, "new"}, {1, "old"}, {0, "new"}} { // a clock that is set back
			r.now.Store(at.hour)
			if kid, newest, err := r.Match(tags, message); kid != at.kid || !newest || err != nil {
				t.Errorf("%d zeros, hour %d: Match = %q, %v, %v", zeros, at.hour, kid, newest, err)
			}
		}
	}
}

func TestRemembersTheKeyThatMatchedLast(t *testing.T) {
	message := []byte("message")
	r := newRing(newSecrets(8)...)
	for _, i := range []uint32{7, 7, 3, 0, 5} {
		if _, _, err := r.Match([][]byte{tagOf(r.secrets[i], message)}, message); err != nil || r.last.Load() != i {
			t.Errorf("after a match of key %d, key %d is tried first, %v", i, r.last.Load(), err)
		}
		if _, _, err := r.Match([][]byte{tagOf(rand.Text(), message)}, message); !same(err, ErrMismatch) || r.last.Load() != i {
			t.Errorf("after a mismatch, key %d is tried first, %v", r.last.Load(), err)
		}
	}
}

// A key that matched last and has ended is not tried, and is tried again where the
// clock is set back.
func TestEndedKeyIsNotTried(t *testing.T) {
	message, secrets := []byte("message"), newSecrets(2)
	r := new(testRing)
	r.set(document.Key{KID: "new", Secret: secrets[0]}, document.Key{KID: "old", Secret: secrets[1], Window: document.Window{NotAfter: hour(1)}})
	tag := [mac.Size]byte(tagOf(secrets[1], message))
	for _, at := range []struct {
		hour int64
		want error
	}{{0, nil}, {1, ErrMismatch}, {2, ErrMismatch}, {0, nil}} {
		r.now.Store(at.hour)
		if err := r.Verify(&tag, message); !same(err, at.want) {
			t.Errorf("hour %d: Verify = %v, want %v", at.hour, err, at.want)
		}
	}
}

func TestZeroRing(t *testing.T) {
	for what, r := range map[string]*testRing{"the zero Ring": {}, "a Ring of no keys": newRing()} {
		var tag [mac.Size]byte
		if err := r.Verify(&tag, nil); !same(err, ErrNoKey) {
			t.Errorf("%s: Verify = %v", what, err)
		}
		if _, _, err := r.Match(nil); !same(err, ErrNoKey) {
			t.Errorf("%s: Match = %v", what, err)
		}
		if tag, err := r.Sign(nil); !same(err, ErrNoKey) || tag != [mac.Size]byte{} {
			t.Errorf("%s: Sign = %v", what, err)
		}
		if tags, err := r.MACs(nil); !same(err, ErrNoKey) || tags != nil {
			t.Errorf("%s: MACs = %v", what, err)
		}
	}
}

func TestSignAndMACs(t *testing.T) {
	secrets := newSecrets(3)
	r := new(testRing)
	r.set(document.Key{Secret: secrets[0], Window: document.Window{SignAfter: hour(1)}},
		document.Key{Secret: secrets[1], Window: document.Window{NotAfter: hour(2)}}, document.Key{Secret: secrets[2]})
	message := []byte("one two")
	for h, want := range [][]int{{1, 0, 2}, {0, 1, 2}, {0, 2}} { // the signing key first
		r.now.Store(int64(h))
		tag, err := r.Sign([]byte("one "), []byte("two"))
		if err != nil || !bytes.Equal(tag[:], tagOf(secrets[want[0]], message)) {
			t.Errorf("hour %d: not the tag of key %d, %v", h, want[0], err)
		}
		tags, err := r.MACs([]byte("one "), []byte("two"))
		if err != nil || len(tags) != len(want) {
			t.Fatalf("hour %d: %d tags, %v", h, len(tags), err)
		}
		for i, key := range want {
			if !bytes.Equal(tags[i], tagOf(secrets[key], message)) {
				t.Errorf("hour %d: tag %d is not that of key %d", h, i, key)
			}
		}
	}
}

func TestErrorsAreSignatureErrors(t *testing.T) {
	if !errors.Is(ErrMismatch, ErrSignature) || errors.Is(ErrNoKey, ErrSignature) {
		t.Error("ErrMismatch must be an ErrSignature, and ErrNoKey none")
	}
}

// Two senders of one tenant sign with different keys, while others forge.
func TestRingIsShared(t *testing.T) {
	r := newRing(newSecrets(3)...)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				message, signer := fmt.Append(nil, i), worker%len(r.secrets)
				kid, newest, err := r.Match([][]byte{tagOf(r.secrets[signer], message)}, message)
				if err != nil || kid != strconv.Itoa(signer) || newest != (signer == 0) {
					t.Errorf("key %d: Match = %q, %v, %v", signer, kid, newest, err)
				}
				forged := [mac.Size]byte(tagOf("forged", message))
				if err := r.Verify(&forged, message); !same(err, ErrMismatch) {
					t.Errorf("Verify of a forgery = %v", err)
				}
			}
		})
	}
	wg.Wait()
}
