package document

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the writers of a secret do, and whoever else writes it, each version that
// is written here takes over all that readers accept.
func TestDraftsLoseNothing(t *testing.T) {
	checkDeeply(t, func(t *rapid.T) {
		h := newHistory(t, program, slowProgram, consoleEdit, labelMove)
		t.Repeat(map[string]func(*rapid.T){
			"wait":   func(*rapid.T) { h.wait() },
			"meddle": func(*rapid.T) { h.meddle() },
			"rotate": func(*rapid.T) { newMove(h).rotate() },
			"restore": func(*rapid.T) {
				m := newMove(h)
				m.restore(h.known(m.draft))
			},
			"revoke": func(*rapid.T) { newMove(h).revoke() },
		})
	})
}

// move is one of our writes, and what readers had before it.
type move struct {
	*history
	draft    *Draft
	schedule Schedule
	before   []Key // the ring, less what has ended
	version  Version
}

func newMove(h *history) *move {
	m := &move{history: h, schedule: h.schedule(), version: h.versions[h.current]}
	m.draft = h.draft(m.schedule)
	for _, k := range Ring(m.version, h.previousVersion(), h.changed) {
		if k.acceptedAt(h.at) {
			m.before = append(m.before, k)
		}
	}
	if !slices.EqualFunc(m.draft.Keys(), m.before, same) {
		h.Fatal("a draft does not begin with what is accepted")
	}
	return m
}

// refused holds a refusal for lack of room to what it says.
func (m *move) refused(err error) bool {
	var full *TooMany
	if !errors.As(err, &full) {
		if err != nil {
			m.Fatal(err)
		}
		return false
	}
	if len(m.before) < MaxLive || !slices.EqualFunc(m.draft.Keys(), m.before, same) {
		m.Fatalf("refused with %d keys, of which %d are left", len(m.before), len(m.draft.Keys()))
	}
	for _, k := range m.before {
		if !k.NotAfter.IsZero() && (full.Until.IsZero() || k.NotAfter.Before(full.Until)) {
			m.Fatalf("%v is not when the next key ends", full.Until)
		}
	}
	return true
}

func (m *move) rotate() {
	fresh := m.fresh()
	if m.refused(m.draft.Rotate(fresh)) {
		return
	}
	after := m.written()
	if !after[0].sameBytes(&fresh) || !after[0].NotAfter.IsZero() {
		m.Fatal("the new key is not on top for good")
	}
	m.keepsAll(after, nil)
	m.isPatient(after)
	m.keepsSigning(after)
	m.fits(after)
	for _, at := range moments(m.at, after) {
		if _, ok := signing(after, at); !ok {
			m.Fatalf("after a rotation no key signs at %v", at)
		}
	}
}

func (m *move) restore(key Key) {
	if m.draft.IsRevoked(key.KID) {
		return // as rotation does
	}
	was, live := find(liveAt(m.before, m.at), key)
	if m.refused(m.draft.Restore(key)) {
		if live {
			m.Fatal("a live key needs no room")
		}
		return
	}
	after := m.written()
	top := after[0]
	switch {
	case !top.sameBytes(&key) || !top.NotAfter.IsZero():
		m.Fatal("the key is not on top for good")
	case live && !top.SignAfter.Equal(was.SignAfter) && (was.NotAfter.IsZero() || was.NotAfter.After(m.schedule.over())):
		m.Fatal("a key that every reader knows has to wait")
	}
	m.keepsAll(after, nil)
	m.isPatient(after)
	m.fits(after)
	if _, ok := signing(m.before, m.at); ok {
		if _, ok := signing(after, m.at); !ok {
			m.Fatal("no key signs any more")
		}
	}
}

func (m *move) revoke() {
	var kids []string
	for _, k := range m.before {
		if rapid.Bool().Draw(m.T, "revoke "+k.KID) {
			kids = append(kids, k.KID)
		}
	}
	if rapid.Bool().Draw(m.T, "one that is dead") {
		kids = append(kids, "x")
	}
	was := slices.Clone(m.draft.document.Revoked)
	made := 0
	m.draft.Revoke(kids, func() Key { made++; return m.fresh() })
	if made > 1 {
		m.Fatal("more than one key was made")
	}
	after := m.written()
	for _, kid := range append(was, kids...) {
		if !slices.Contains(m.versions[m.current].Document.Revoked, kid) {
			m.Fatal("a revocation is missing")
		}
		if slices.ContainsFunc(after, func(k Key) bool { return k.KID == kid }) {
			m.Fatal("a revoked key is accepted")
		}
	}
	signer, signs := signing(m.before, m.at)
	m.keepsAll(after, kids)
	if signs && slices.ContainsFunc(m.before, func(k Key) bool { return k.NotAfter.IsZero() }) { // else all of them end, revoked or not
		m.keepsSigning(after)
	}
	if signs && !under(kids, signer) {
		m.isPatient(after)
	}
	if made == 0 && !slices.ContainsFunc(m.before, func(k Key) bool { return under(kids, k) }) && !slices.EqualFunc(after, m.before, same) {
		m.Fatal("nothing was revoked, and keys changed")
	}
	if top := after[0]; !top.NotAfter.IsZero() && !top.sameBytes(&m.before[0]) {
		m.Fatal("nothing replaces the newest key, and it has an end")
	}
}

// written publishes the draft, and returns the ring that readers have then.
func (m *move) written() []Key {
	if len(m.draft.Keys()) == 0 {
		m.Fatal("no key is left")
	}
	revoked := slices.Clone(m.draft.document.Revoked)
	m.write(m.draft)
	next := m.versions[m.current]
	after := Ring(next, &m.version, m.at)
	if !slices.EqualFunc(after, m.draft.Keys(), same) {
		m.Fatal("what is written has another ring than the draft")
	}
	if next.Document.Base != m.version.ID || !slices.Equal(next.Document.Revoked, revoked) {
		m.Fatal("base or the revocations were not written")
	}
	return after
}

// under tells whether a key is known by one of these kids: the ring's or its document's.
func under(kids []string, k Key) bool {
	return slices.Contains(kids, k.KID) || slices.Contains(kids, k.written)
}

// keepsAll wants every key that was accepted to be so for as long as it was to be, or,
// where it had no end, until the grace after the handover is over.
func (m *move) keepsAll(after []Key, revoked []string) {
	for _, k := range liveAt(m.before, m.at) {
		kept, ok := find(liveAt(after, m.at), k)
		switch {
		case under(revoked, k):
			if ok {
				m.Fatal("a revoked key's bytes are accepted")
			}
			continue
		case !ok:
			m.Fatalf("%s is not accepted any more", k.KID)
		case kept.KID != k.KID:
			m.Fatalf("%s is %s now", k.KID, kept.KID)
		case kept.NotAfter.IsZero():
			continue
		}
		least := k.NotAfter
		if least.IsZero() {
			least = m.at.Truncate(time.Second).Add(m.handover + m.schedule.Grace)
		}
		if kept.NotAfter.Before(least) {
			m.Fatalf("%s ends at %v, and not before %v was said", k.KID, kept.NotAfter, least)
		}
	}
}

// isPatient wants no key to sign that readers may not have seen, as long as another
// key signs.
func (m *move) isPatient(after []Key) {
	over := m.at.Truncate(time.Second).Add(m.handover)
	for _, k := range after {
		was, known := find(m.before, k)
		if known && k.SignAfter.Equal(was.SignAfter) || !k.SignAfter.Before(over) {
			continue
		}
		at := later(k.SignAfter, m.at)
		others := slices.DeleteFunc(liveAt(after, at), func(other Key) bool { return other.sameBytes(&k) })
		if signer, ok := signing(others, at); ok {
			m.Fatalf("%s signs too early: %s does", k.KID, signer.KID)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// keepsSigning wants some key to sign whenever one would have.
func (m *move) keepsSigning(after []Key) {
	for _, at := range moments(m.at, m.before, after) {
		if _, signed := signing(m.before, at); !signed {
			continue
		}
		if _, signs := signing(after, at); !signs {
			m.Fatalf("no key signs at %v", at)
		}
	}
}

// fits wants no more keys than readers try, unless others had more.
func (m *move) fits(after []Key) {
	if len(after) > max(MaxLive, len(m.before)) {
		m.Fatalf("%d keys are live, before it were %d", len(after), len(m.before))
	}
}

// A key that was revoked never comes back, as long as AWSPREVIOUS still knows of it and
// a kid is one key's.
func TestRevokedKeysStayAway(t *testing.T) {
	checkDeeply(t, func(t *rapid.T) {
		h := newHistory(t, program, slowProgram, labelMove)
		var gone []Key
		t.Repeat(map[string]func(*rapid.T){
			"wait":   func(*rapid.T) { h.wait() },
			"meddle": func(*rapid.T) { h.meddle() },
			"rotate": func(*rapid.T) {
				if d := h.draft(h.schedule()); d.Rotate(h.fresh()) == nil {
					h.write(d)
				}
			},
			"restore": func(*rapid.T) {
				d := h.draft(h.schedule())
				key := h.known(d)
				if !d.IsRevoked(key.KID) && d.Restore(key) == nil {
					h.write(d)
				}
			},
			"revoke": func(t *rapid.T) {
				d := h.draft(h.schedule())
				if keys := d.Keys(); len(keys) > 0 {
					k := rapid.SampledFrom(keys).Draw(t, "key")
					gone = append(gone, k)
					d.Revoke([]string{k.KID}, h.fresh)
					h.write(d)
				}
			},
			"": func(t *rapid.T) {
				if h.lost {
					t.Skip("two foreign writes in a row: what they left out is not known any more")
				}
				for _, k := range Ring(h.versions[h.current], h.previousVersion(), h.changed) {
					if _, found := find(gone, k); found {
						t.Fatalf("%s was revoked and is accepted", k.KID)
					}
				}
			},
		})
	})
}
