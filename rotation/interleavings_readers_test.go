package rotation_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// held is how long a reader may go on with what it has read, and a little more: what it
// has read may have been old, and clocks differ.
const held = time.Hour + 2*time.Minute

// checkReaders checks every signer against every verifier, each with what it may hold
// at a time: now, and at every later moment at which a key begins to sign or ends, as
// if nobody changed the secret any more. In between nothing changes but that readers
// drop what is too old.
func (l *history) checkReaders() error {
	now := time.Now()
	for _, at := range l.moments(now) {
		readable := l.readable(at, held)
		for i, signer := range readable {
			name, ok := signer.signs(at)
			if !ok && (l.strict || !signer.isOverRevocation(at)) {
				return fmt.Errorf("%w in %v", errNoSigner, at.Sub(now))
			}
			for j, verifier := range readable {
				if !ok || verifier.accepts(name, at) || l.revoked[name] || i > j && changedBy(readable[j+1:i+1]) {
					continue
				}
				return fmt.Errorf("%w: in %v one signs with %s who read what is %v old, and one who read what is %v old refuses it",
					errLost, at.Sub(now), name, now.Sub(signer.since), now.Sub(verifier.since))
			}
		}
	}
	return nil
}

// isOverRevocation tells whether AWSCURRENT was moved back over the revocation of the
// newest key there, and nobody has written for a day. Till then the keys are those of
// AWSPREVIOUS. It is known, see testKnownLosses.
func (s *snapshot) isOverRevocation(at time.Time) bool {
	newest := s.labelled("AWSCURRENT").Document.Secret
	isRevoked := !slices.ContainsFunc(s.ring, func(k document.Key) bool { return k.Secret == newest })
	return isRevoked && !at.Before(s.changed.Add(document.ForeignGrace))
}

// changedBy tells whether what came between two reads was not a rotation alone. Then
// the earlier reader may not know yet what the later one signs with: a revocation, a
// label that is moved by hand and a program that knows nothing of sign_after change at
// once what signs. The other way round there is no excuse.
func changedBy(states []*snapshot) bool {
	return slices.ContainsFunc(states, func(s *snapshot) bool { return s.how == revocation || s.how == outside })
}

func (l *history) moments(now time.Time) []time.Time {
	moments := []time.Time{now}
	for _, s := range l.readable(now, held) {
		for _, k := range s.ring {
			for _, at := range []time.Time{k.SignAfter, k.NotAfter} {
				if at.After(now) && !slices.ContainsFunc(moments, at.Equal) {
					moments = append(moments, at)
				}
			}
		}
	}
	return moments
}

// readable are the states that one may have read at most so long before a time, the
// oldest first.
func (l *history) readable(at time.Time, age time.Duration) (states []*snapshot) {
	for i := range l.states {
		if i == len(l.states)-1 || l.states[i+1].since.Add(age).After(at) {
			states = append(states, &l.states[i])
		}
	}
	return states
}

func (s *snapshot) signs(at time.Time) (name string, ok bool) {
	selection := document.Select(s.bounds, at)
	i, ok := selection.Signing()
	if !ok {
		return "", false
	}
	return s.names[i], true
}

func (s *snapshot) accepts(name string, at time.Time) bool {
	selection := document.Select(s.bounds, at)
	return slices.ContainsFunc(selection.Live(), func(i uint16) bool { return s.names[i] == name })
}
