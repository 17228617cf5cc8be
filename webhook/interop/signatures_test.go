package interop_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// eachGoPeer runs f for every Go library, in a bubble.
func eachGoPeer(t *testing.T, f func(t *testing.T, p peer)) {
	t.Helper()
	for _, p := range goPeers {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, p) })
		})
	}
}

func (p peer) library(t testing.TB, secret string) library {
	t.Helper()
	l, err := p.open(secret)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What one side signs the other verifies, and of one message both make the same
// headers.
func TestOracleSignatures(t *testing.T) {
	eachGoPeer(t, func(t *testing.T, p peer) {
		secret := newSecret()
		theirs, ours, signer := p.library(t, secret), p.form.receiver(t, secret), p.form.newSigner(t, secret)
		for seed := range depth(400) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			m := newMessage(r)
			time.Sleep(time.Duration(r.Int64N(int64(time.Minute))))
			header := http.Header{}
			if err := signer.Sign(t.Context(), tenant, destination, header, m.id, m.body); err != nil {
				t.Fatal(err)
			}
			if err := theirs.verify(header, m.body); err != nil {
				t.Errorf("seed %d: they refuse %q: %v", seed, header, err)
			}
			if theirs.sign == nil {
				continue
			}
			signed, err := theirs.sign(m.id, time.Now(), m.body)
			if err != nil {
				t.Fatal(err)
			}
			if err := ours(signed, m.body); err != nil {
				t.Errorf("seed %d: we refuse %q: %v", seed, signed, err)
			}
			for _, name := range p.form.names() {
				if header.Get(name) != signed.Get(name) {
					t.Errorf("seed %d: %s is %q here and %q there", seed, name, header.Get(name), signed.Get(name))
				}
			}
		}
	})
}

// While a key is replaced we sign with both: who knows one of them verifies. A
// scheme with one signature has that of the newer key.
func TestOracleRotation(t *testing.T) {
	eachGoPeer(t, func(t *testing.T, p peer) {
		older, newer := newSecret(), newSecret()
		signer := p.form.newSigner(t, newer, older)
		m := newMessage(rand.New(rand.NewPCG(1, 2)))
		header := http.Header{}
		if err := signer.Sign(t.Context(), tenant, destination, header, m.id, m.body); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			what, secret string
			accepts      bool
		}{
			{"the newer key", newer, true},
			{"the older key", older, p.form.between != ""},
			{"another key", newSecret(), false},
		} {
			if err := p.library(t, tt.secret).verify(header, m.body); (err == nil) != tt.accepts {
				t.Errorf("%s: %v, and accepted should be %v", tt.what, err, tt.accepts)
			}
		}
	})
}
