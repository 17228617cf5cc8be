package interop_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// Two libraries and one message: whenever they disagree there is a rule that says
// why. The clock of a bubble stands still, so that both have the same time.
func TestOracleDisagreements(t *testing.T) {
	eachGoPeer(t, func(t *testing.T, p peer) {
		secrets := []string{newSecret(), newSecret(), newSecret()}
		theirs, ours := p.library(t, secrets[0]), p.form.receiver(t, secrets[0])
		time.Sleep(time.Second / 3) // a time is not always of whole seconds
		compare(t, p.name, depth(4000), ours, theirs.verify, func(r *rand.Rand) sent {
			return newSent(t, r, p.form, 0, secrets[:1+r.IntN(3)]...)
		})
	})
}

// verifier tells whether a request is of who it says.
type verifier func(http.Header, []byte) error

// compare verifies messages on both sides, and explains each difference.
func compare(t *testing.T, peer string, n int, ours, theirs verifier, next func(*rand.Rand) sent) {
	t.Helper()
	seen, agreed, accepted := tally{}, 0, 0
	for seed := range n {
		s := next(rand.New(rand.NewPCG(uint64(seed), 0)))
		our, their := ours(s.header, s.body), theirs(s.header, s.body)
		switch {
		case our == nil && their == nil:
			accepted++
			agreed++
		case our != nil && their != nil:
			agreed++
		case their == nil && !seen.explain(stricter, peer, s):
			t.Errorf("seed %d: they accept and we do not (%v), and no rule says why: %v", seed, our, s)
		case our == nil && !seen.explain(laxer, peer, s):
			t.Errorf("seed %d: we accept and they do not (%v), and no rule says why: %v", seed, their, s)
		}
	}
	t.Logf("%d messages, agreed on %d and accepted %d of these; the rest: %v", n, agreed, accepted, seen)
	if accepted < n/20 || accepted == agreed {
		t.Errorf("%d of %d were accepted by both: that tests little", accepted, n)
	}
	for _, rules := range [][]rule{stricter, laxer} {
		if idle := seen.idle(rules, peer); idle != nil {
			t.Errorf("nothing showed these rules: %q", idle)
		}
	}
}
