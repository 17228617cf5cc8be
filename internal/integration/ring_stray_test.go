package integration

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// strayVector is of two documents put together at random of few keys, few kids and few
// times, so that they meet.
func strayVector(t *testing.T, random *rand.Rand, n int) ringVector {
	t.Helper()
	s := &stray{random, letters{}}
	c := ringCase{name: fmt.Sprintf("stray %d", n), current: s.document()}
	if s.oneIn(5) > 0 {
		c.previous, c.previously = s.document(), 1+s.oneIn(2)*s.oneIn(2)
	}
	if s.oneIn(4) > 0 {
		c.changed = madeSecond.Add(s.offset())
	}
	if s.oneIn(3) == 0 {
		c.at = asked.Add(s.offset())
	}
	return c.vector(t)
}

type stray struct {
	random *rand.Rand
	letters
}

// oneIn is 0 once in n times.
func (s *stray) oneIn(n int) int { return s.random.IntN(n) }

func (s *stray) document() any {
	if s.oneIn(25) == 0 {
		return `{"shared_secret":`
	}
	keys := []stored{s.key("")}
	for range s.random.IntN(s.random.IntN(12) + 1) {
		keys = append(keys, s.key(v9))
	}
	d := s.letters.document(keys...)
	for range s.random.IntN(4) * s.random.IntN(2) {
		d.Revoked = append(d.Revoked, s.kid(v1))
	}
	if s.oneIn(3) > 0 {
		d.Base = s.kid("")
	}
	switch s.oneIn(25) {
	case 0:
		d.State = "suspended"
	case 1:
		d.Tenant = "t_other"
	case 2:
		d.Version = "2.0"
	}
	return d
}

// key has a kid, or now and then the one given in place of it.
func (s *stray) key(otherwise string) stored {
	k := s.letters.key(string(rune('A'+s.random.IntN(7))), s.kid(otherwise))
	if s.oneIn(3) == 0 {
		k.SignAfter = s.time()
	}
	if s.oneIn(2) == 0 {
		k.NotAfter = s.time()
	}
	switch s.oneIn(8) {
	case 0:
		inHex(&k)
	case 1:
		k.Secret, k.Encoding = inBase64([]byte(k.Secret)), "base64"
	case 2:
		k.Secret, k.Encoding = base64.RawURLEncoding.EncodeToString([]byte(k.Secret)), "base64url"
	case 3:
		k.Secret, k.Encoding = "whsec_"+inBase64([]byte(k.Secret)), "whsec"
	}
	return k
}

func (s *stray) kid(otherwise string) string {
	return []string{v1, v2, v7, v8, v9, otherwise}[s.random.IntN(6)]
}

func (s *stray) offset() time.Duration {
	return time.Duration(s.random.IntN(3)-1) * []time.Duration{time.Microsecond, time.Second, time.Hour, grace}[s.random.IntN(4)]
}

// time is about when it is asked for, in one of the ways in which it may be written.
func (s *stray) time() string {
	at := asked.Add(s.offset())
	switch s.oneIn(4) {
	case 0:
		return at.Format("2006-01-02T15:04:05.000000")
	case 1:
		return at.In(time.FixedZone("", (s.random.IntN(47)-23)*1800)).Format(time.RFC3339Nano)
	case 2:
		return at.Add(time.Duration(s.random.IntN(1000))).Format(time.RFC3339Nano)
	}
	return rfc3339(at)
}
