package tenantsecrets_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// tries records what Client.Verify calls it with, and answers in turn.
type tries struct {
	answers []error
	keys    []tenantsecrets.Keyring
}

func (r *tries) try(k tenantsecrets.Keyring) error {
	r.keys = append(r.keys, k)
	return r.answers[len(r.keys)-1]
}

func TestVerifyTries(t *testing.T) {
	own := errors.New("the caller's own")
	wrapped := fmt.Errorf("in a scheme: %w", tenantsecrets.ErrMismatch)
	for _, test := range []struct {
		name    string
		rotated bool
		answers []error // more than there may be tries ends in a panic
		want    error
		loads   bool
	}{
		{"good", true, []error{nil}, nil, false},
		{"mismatch and nothing new", false, []error{tenantsecrets.ErrMismatch}, tenantsecrets.ErrMismatch, true},
		{"mismatch, then good", true, []error{tenantsecrets.ErrMismatch, nil}, nil, true},
		{"wrapped mismatch, then good", true, []error{wrapped, nil}, nil, true},
		{"mismatch twice", true, []error{tenantsecrets.ErrMismatch, tenantsecrets.ErrMismatch}, tenantsecrets.ErrMismatch, true},
		{"mismatch, then another error", true, []error{tenantsecrets.ErrMismatch, own}, own, true},
		{"another error", true, []error{own}, own, false},
		{"malformed", true, []error{tenantsecrets.ErrSignature}, tenantsecrets.ErrSignature, false},
		{"no key", true, []error{tenantsecrets.ErrNoKey}, tenantsecrets.ErrNoKey, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, s := warm(t, b)
				if test.rotated {
					rotate(t, b, s)
				}
				time.Sleep(time.Minute)
				r := &tries{answers: test.answers}
				err := c.Verify(t.Context(), tenant, r.try)
				if test.want == nil && err != nil {
					t.Errorf("error is %v", err)
				} else if test.want != nil {
					checkFailed(t, err, "Verify", test.want)
				}
				if len(r.keys) != len(test.answers) {
					t.Errorf("%d tries, want %d", len(r.keys), len(test.answers))
				}
				if loaded := len(b.Calls()) > 0; loaded != test.loads {
					t.Errorf("calls are %v, want any: %v", operations(b), test.loads)
				}
			})
		})
	}
}

// A scheme of somebody else's: a timestamp before the message, and several
// signatures of which one must be good.
func TestVerifyWithAScheme(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		oldTag, newTag := schemeTag(old), []byte(nil)
		version := put(t, b, hmacName, document(t, nil))
		newTag = schemeTag(tenantSecret(t, newClient(t, b)))
		time.Sleep(time.Minute)

		for _, test := range []struct {
			name   string
			tags   [][]byte
			kid    string
			newest bool
		}{
			{"the old key's, before the rotation is seen", [][]byte{oldTag}, old.VersionID(), true},
			{"the new key's", [][]byte{newTag}, version, true},
			{"the old key's", [][]byte{oldTag}, old.VersionID(), false},
			{"both, and one that is too short", [][]byte{oldTag[:8], oldTag, newTag}, version, true},
		} {
			var kid string
			var newest bool
			err := c.Verify(t.Context(), tenant, func(k tenantsecrets.Keyring) (err error) {
				kid, newest, err = k.Match(test.tags, []byte("1700000000"), []byte("."), message)
				return err
			})
			if err != nil || kid != test.kid || newest != test.newest {
				t.Errorf("%s: matched %s, newest %v, %v; want %s, %v", test.name, kid, newest, err, test.kid, test.newest)
			}
		}
	})
}

// schemeTag computes the scheme's tag without this library.
func schemeTag(s *tenantsecrets.TenantSecret) []byte {
	h := hmac.New(sha256.New, []byte(s.Secret().Reveal()))
	h.Write([]byte("1700000000."))
	h.Write(message)
	return h.Sum(nil)
}
