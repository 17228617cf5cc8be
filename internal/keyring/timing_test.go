//go:build !race

package keyring

import (
	"crypto/rand"
	"math"
	mathrand "math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

// What the duration of a verification tells. The body is large, so that one MAC takes
// far longer than everything else, and durations are counted in MACs: the shortest of
// many, interleaved in a random order, over that of a ring with one key. The rest of
// the machine can only make them longer.
//
// It tells, by design, how many keys were tried before the one that made a valid tag.
// Only who has a valid tag learns that, by its key and by which key matched before:
// 1 MAC if it is the same key, else up to one for each live key. With several tags it
// tells how old the newest key is that made one of them.
//
// It tells nothing else. A refusal takes one MAC for each live key, whichever key
// matched last, however many bytes of the tag are right and at which end, and whichever
// key the tag is close to. Text that is not a tag never comes here: it is refused before
// any key is used.
const (
	timingMessage  = 64 << 10
	timingRounds   = 60
	timingAttempts = 5
	timingNear     = 0.35 // of a MAC
)

func TestTiming(t *testing.T) {
	for attempt := 1; ; attempt++ {
		wrong := timingAttempt(t)
		if len(wrong) == 0 {
			return
		}
		if attempt == timingAttempts {
			t.Fatal(wrong)
		}
		t.Logf("attempt %d: %v", attempt, wrong)
	}
}

type timed struct {
	what     string
	macs     float64 // that it is to take
	call     func()
	shortest time.Duration
}

func timingAttempt(t *testing.T) (wrong []string) {
	message := make([]byte, timingMessage)
	_, _ = rand.Read(message)
	subjects := []*timed{timeOne(message)}
	for last := range 3 {
		subjects = append(subjects, timeAfter(t, last, message)...)
	}
	for range timingRounds {
		for _, i := range mathrand.Perm(len(subjects)) {
			began := time.Now()
			subjects[i].call()
			subjects[i].shortest = min(subjects[i].shortest, time.Since(began))
		}
	}
	for _, s := range subjects {
		macs := float64(s.shortest) / float64(subjects[0].shortest)
		t.Logf("%-45s %.2f MACs", s.what, macs)
		if math.Abs(macs-s.macs) > timingNear {
			wrong = append(wrong, s.what)
		}
	}
	return wrong
}

// timeOne is the duration that the others are counted in.
func timeOne(message []byte) *timed {
	one, forged := newRing(rand.Text()), [mac.Size]byte{}
	return &timed{"one key, a forgery", 1, func() { _ = one.Verify(&forged, message) }, math.MaxInt64}
}

// timeAfter is what a ring of three keys takes after one of them has matched. Each
// subject has a ring of its own, whose memory a refusal does not change.
func timeAfter(t *testing.T, last int, message []byte) (subjects []*timed) {
	after := "after key " + strconv.Itoa(last) + ": "
	add := func(what string, macs float64, tag func(r *testRing) []byte) {
		r := newRing(newSecrets(3)...)
		if _, _, err := r.Match([][]byte{tagOf(r.secrets[last], message)}, message); err != nil {
			t.Fatal(err)
		}
		made := [mac.Size]byte(tag(r))
		subjects = append(subjects, &timed{after + what, macs, func() { _ = r.Verify(&made, message) }, math.MaxInt64})
	}
	add("the same key", 1, func(r *testRing) []byte { return tagOf(r.secrets[last], message) })
	add("a forgery", 3, func(*testRing) []byte { return tagOf("forged", message) })
	for near := range 3 {
		for _, wrong := range []int{0, mac.Size - 1} {
			add("all bytes right but one, key "+strconv.Itoa(near), 3, func(r *testRing) []byte {
				tag := tagOf(r.secrets[near], message)
				tag[wrong] ^= 1
				return tag
			})
		}
	}
	return subjects
}
