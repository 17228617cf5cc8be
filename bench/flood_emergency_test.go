package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
)

const (
	emergencyTenants = 5_000
	emergencyForged  = 200             // a second, over all tenants
	emergencyCalm    = 5 * time.Second // in which the forgeries spend their budget's burst
	emergencyRetry   = 5 * time.Second // after which a sender that was asked to comes again
	emergencyLasts   = time.Minute     // for which a sender goes on
)

func simulateEmergency(t *testing.T, d depth) (lines []line) {
	rotated := 100
	if !d.quick {
		rotated = 500
	}
	for _, forged := range []int{0, emergencyForged} {
		lines = append(lines, inBubble(t, func(t *testing.T) line { return emergency(t, rotated, forged) }))
	}
	return lines
}

// emergency rotates tenants whose senders sign with the new key at once, beside a
// number of forgeries a second.
func emergency(t *testing.T, rotated, forgedEach int) line {
	f := newFlood(t, emergencyTenants, simulatedAPI)
	defer f.close()
	f.load(f.ids)
	random := rand.New(rand.NewPCG(1, 1))
	newKey := newSecret()
	signature, forged := sign(newKey, f.body), sign(newSecret(), f.body)
	tenants := make([]string, rotated)
	for i, at := range random.Perm(len(f.ids))[:rotated] {
		tenants[i] = f.ids[at]
	}
	var s senders
	// The budget's burst is as long as it is large: the flood goes on until it is spent.
	calm := emergencyCalm + 10*time.Second
	f.measure(
		func() {
			if forgedEach == 0 {
				return
			}
			every(t.Context(), calm+2*emergencyLasts, evenly(forgedEach), func(i int) {
				f.sendForged(i, f.ids[random.IntN(len(f.ids))], forged)
			})
		},
		func() {
			time.Sleep(calm)
			for _, id := range tenants {
				f.putKey(id, newKey)
				f.request(func() { f.persist(&s, id, signature) })
				time.Sleep(emergencyLasts / time.Duration(rotated))
			}
		})
	share := 0.0
	if f.forged > 0 {
		share = 100 * float64(f.forgedFinal) / float64(f.forged)
	}
	text := fmt.Sprintf("of %s served %s at once, %s in the end; %.0f %% of %s forged refused for good",
		plural(rotated, "sender"), thousands(int64(s.atOnce)), thousands(int64(s.served)), share, thousands(int64(f.forged)))
	goals := []goal{none(f.final, "refused for good"), none(f.forgedPassed, "forged passed"), none(s.wrong, "errors that are not ErrUnavailable")}
	if forgedEach == 0 {
		goals = append(goals, none(f.refused, "refused"))
	}
	name := fmt.Sprintf("keys of the last minute, %d forged a second over %s tenants", forgedEach, thousands(emergencyTenants))
	return f.line(name, text, goals...)
}

// senders are those of the rotated tenants.
type senders struct{ atOnce, served, wrong int }

// persist sends a webhook until it is taken, or refused for good, or too old.
func (f *flood) persist(s *senders, tenant, signature string) {
	for first := time.Now(); time.Since(first) < emergencyLasts; time.Sleep(emergencyRetry) {
		sent := time.Now()
		err := f.client.VerifyHMAC(f.t.Context(), tenant, f.body, signature)
		f.note(sent, err)
		if f.noteSender(s, err, sent.Sub(first) == 0) {
			return
		}
	}
}

// noteSender tells whether the sender stops.
func (f *flood) noteSender(s *senders, err error, first bool) (stops bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		s.served++
		if first {
			s.atOnce++
		}
		return true
	case errors.Is(err, tenantsecrets.ErrSignature):
		return true
	case !errors.Is(err, tenantsecrets.ErrUnavailable):
		s.wrong++
	}
	return false
}
