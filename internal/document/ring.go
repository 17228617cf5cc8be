package document

import (
	"math"
	"slices"
	"time"
)

const (
	// MaxLive is the number of keys that are tried. Those beyond it in ring order
	// are not.
	MaxLive = 8

	// ForeignGrace is how long the keys of AWSPREVIOUS live on where the current
	// document was written without regard to them.
	ForeignGrace = 24 * time.Hour
)

// Version is a document under the version id that Secrets Manager knows it by.
type Version struct {
	ID       string
	Created  time.Time
	Document *Document
}

// NeedsPrevious tells whether the keys of AWSPREVIOUS, under that version id,
// belong into the ring: whether somebody wrote the current document without
// regard to it.
func (v Version) NeedsPrevious(previousID string) bool {
	return previousID != "" && previousID != v.ID && previousID != v.Document.Base
}

// Ring returns the keys of a secret in the order in which they are tried: the
// current document's newest key, its previous ones as listed, and then those of
// AWSPREVIOUS, where its version id differs from the base that the current
// document names: then somebody wrote without us. The latter live until changed,
// the secret's LastChangedDate, and ForeignGrace; without LastChangedDate the
// current version's Created counts.
//
// previous is nil where it is absent, not needed, or malformed; another tenant's
// gives no key. No two keys of a ring have the same bytes; a kid that names one
// key here and another there stays with one of them (see distinguish). Revoked
// keys are left out, by kid and by bytes.
func Ring(current Version, previous *Version, changed time.Time) []Key {
	ring, revoked := candidates(current), current.Document.Revoked
	if previous == nil || !current.NeedsPrevious(previous.ID) {
		return accepted(ring, revoked)
	}
	revoked = slices.Concat(revoked, previous.Document.Revoked)
	if previous.Document.TenantID != current.Document.TenantID {
		return accepted(ring, revoked)
	}
	if changed.IsZero() {
		changed = current.Created
	}
	foreign := candidates(*previous)
	for i := range foreign {
		foreign[i].endBy(changed.Add(ForeignGrace))
		foreign[i].distinguish(ring, previous.ID, current.ID)
	}
	return accepted(append(ring, foreign...), revoked)
}

// candidate is a key on its way into the ring.
type candidate struct {
	Key
	bytes   string
	written string // the kid under which its document knows it
}

// candidates returns the keys of one document, newest first.
func candidates(v Version) []candidate {
	var ring []candidate
	for _, k := range slices.Concat([]Key{v.Document.Key}, v.Document.Previous) {
		if k.KID == "" {
			k.KID = v.ID
		}
		b, _ := k.Bytes() // a decoded key's bytes are valid
		ring = append(ring, candidate{k, string(b), k.KID})
	}
	return ring
}

func (c *candidate) endBy(end time.Time) {
	if c.NotAfter.IsZero() || end.Before(c.NotAfter) {
		c.NotAfter = end
	}
}

// distinguish tells a foreign key from a key of the ring that is under its kid
// with other bytes: the foreign one takes the id of its version. Where that is
// the kid already, the ring's newest key is the one that lies: its writer copied
// the document and changed the secret alone. So it takes the current version's.
func (c *candidate) distinguish(ring []candidate, previousID, currentID string) {
	for i, other := range ring {
		switch {
		case other.written != c.written || other.bytes == c.bytes:
		case c.written != previousID:
			c.KID = previousID
		case i == 0:
			ring[i].KID = currentID
		}
	}
}

// accepted drops revoked keys and, of several with the same bytes, all but the
// first. A key is revoked under either of its kids, and with it whatever has
// the same bytes: in doubt a leaked key is not accepted.
func accepted(ring []candidate, revoked []string) []Key {
	drop := map[string]bool{}
	for _, c := range ring {
		if slices.Contains(revoked, c.KID) || slices.Contains(revoked, c.written) {
			drop[c.bytes] = true
		}
	}
	var keys []Key
	for _, c := range ring {
		if !drop[c.bytes] {
			drop[c.bytes] = true
			k := c.Key
			k.written = c.written
			keys = append(keys, k)
		}
	}
	return keys
}

// Selection is which of a ring's keys may be used at a time, by their index. The
// zero Selection has none.
type Selection struct {
	live    [MaxLive]uint16
	count   uint8
	signing uint8 // position in live, counted from 1; 0: none
}

// Select decides which keys are live: the first MaxLive, in ring order, that
// have not ended. The signing key is the first of those whose SignAfter has
// passed.
func Select(ring []Bounds, at time.Time) Selection {
	var s Selection
	now := at.UnixMicro()
	for i, b := range ring {
		if int(s.count) == MaxLive {
			break
		}
		if !b.live(now) {
			continue
		}
		s.live[s.count] = uint16(i)
		s.count++
		if s.signing == 0 && b.signs(now) {
			s.signing = s.count
		}
	}
	return s
}

// SelectAll is Select for a ring of n keys without bounds.
func SelectAll(n int) Selection {
	return Selection{
		live:    [MaxLive]uint16{0, 1, 2, 3, 4, 5, 6, 7},
		count:   uint8(min(n, MaxLive)),
		signing: uint8(min(n, 1)),
	}
}

// Live returns the live keys' indices in ring order, the newest first.
func (s *Selection) Live() []uint16 { return s.live[:s.count] }

// Signing returns the signing key's index; false: no key may sign.
func (s *Selection) Signing() (index int, ok bool) {
	if s.signing == 0 {
		return 0, false
	}
	return int(s.live[s.signing-1]), true
}

// Timeless tells whether a ring's Selection is the same at all times.
func Timeless(ring []Bounds) bool {
	return !slices.ContainsFunc(ring, func(b Bounds) bool { return b != unbounded })
}

// Endless is the FirstEnd of a ring in which no key ends.
const Endless = math.MaxInt64

// FirstEnd returns the time in Unix microseconds at which the first key of a ring
// ends. Before it all keys are live, and [SelectAll] has the live keys of [Select].
func FirstEnd(ring []Bounds) int64 {
	end := int64(Endless)
	for _, b := range ring {
		end = min(end, b.notAfter)
	}
	return end
}
