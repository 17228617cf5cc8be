package document

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Draft is the next version of a secret in the making. It starts from the ring of
// what is there, so that no key is lost whoever wrote it, less the keys that have
// ended. Its keys are in ring order, the newest first.
type Draft struct {
	document Document // what it says beside its keys
	keys     []Key
	schedule Schedule
}

// Schedule is when a change takes hold.
type Schedule struct {
	At       time.Time     // now
	Handover time.Duration // how long it takes until every reader has seen what is written now
	Grace    time.Duration // how long a key that is replaced is accepted after the handover
}

// over is when every reader has seen what is written now.
func (s Schedule) over() time.Time { return s.At.Add(s.Handover).UTC().Truncate(time.Second) }

// end is when a key that is replaced now ends.
func (s Schedule) end() time.Time { return s.over().Add(s.Grace) }

// NewDraft returns the draft that follows a current version, with AWSPREVIOUS and the
// secret's LastChangedDate as [Ring] takes them.
func NewDraft(current Version, previous *Version, changed time.Time, schedule Schedule) *Draft {
	d := &Draft{document: *current.Document, schedule: schedule}
	d.document.Base, d.document.Based = current.ID, true
	d.document.Revoked = slices.Clone(current.Document.Revoked)
	if previous != nil && current.NeedsPrevious(previous.ID) {
		d.revoke(previous.Document.Revoked)
	}
	for _, k := range Ring(current, previous, changed) {
		if k.acceptedAt(schedule.At) {
			d.keys = append(d.keys, k)
		}
	}
	return d
}

func (w Window) acceptedAt(at time.Time) bool { return w.NotAfter.IsZero() || at.Before(w.NotAfter) }

func (w Window) signsAt(at time.Time) bool { return w.acceptedAt(at) && !at.Before(w.SignAfter) }

// Keys returns the keys, the newest first.
func (d *Draft) Keys() []Key { return slices.Clone(d.keys) }

// Find returns the key of that kid.
func (d *Draft) Find(kid string) (Key, bool) {
	for _, k := range d.keys {
		if k.KID == kid {
			return k, true
		}
	}
	return Key{}, false
}

// Revoked returns the kids that must not be accepted any more.
func (d *Draft) Revoked() []string { return slices.Clone(d.document.Revoked) }

// Names returns the kids under which a version has a key's bytes.
func (v Version) Names(key Key) (kids []string) {
	for _, c := range candidates(v) {
		if c.sameBytes(&key) {
			kids = append(kids, c.written)
		}
	}
	return kids
}

// IsRevoked tells whether a kid must not be accepted any more.
func (d *Draft) IsRevoked(kid string) bool { return slices.Contains(d.document.Revoked, kid) }

// The graces that can be asked for. Clocks differ by up to a minute, and a webhook may be
// under way.
const (
	MinGrace = 10 * time.Minute
	MaxGrace = 30 * 24 * time.Hour
)

// TooMany is the error of a draft that has no room for a further key.
type TooMany struct {
	Until time.Time     // when the next key ends; zero: none does
	Grace time.Duration // the largest with which rotations as far apart as the last two would go on
}

func (e *TooMany) Error() string {
	text := fmt.Sprintf("%d keys are live", MaxLive)
	if e.Until.IsZero() {
		return text + ", and none of them ends: revoke one"
	}
	text += ", the next of them ends at " + formatTime(e.Until)
	if e.Grace >= MinGrace {
		return text + fmt.Sprintf("; rotations as often as this go on with a grace of at most %v", e.Grace)
	}
	return text + "; rotations as often as this do not go on with any grace"
}

// Rotate puts a new key on top. It signs once every reader has seen it, and the key
// that it replaces is accepted until the grace has passed after that. The error is a
// *TooMany.
func (d *Draft) Rotate(fresh Key) error {
	if err := d.room(); err != nil {
		return err
	}
	d.put(fresh)
	return nil
}

func (d *Draft) room() error {
	if len(d.keys) < MaxLive {
		return nil
	}
	e := &TooMany{}
	for _, k := range d.keys {
		if !k.NotAfter.IsZero() && (e.Until.IsZero() || k.NotAfter.Before(e.Until)) {
			e.Until = k.NotAfter
		}
	}
	// Of keys so far apart, MaxLive-1 may be in handover and grace at once.
	apart := d.schedule.At.Truncate(time.Second).Sub(d.keys[0].CreatedAt) // which is in whole seconds
	apart = min(apart, MaxGrace)                                          // others store any date
	e.Grace = min((MaxLive-1)*apart-d.schedule.Handover, MaxGrace).Truncate(time.Minute)
	return e
}

// put puts a key on top that not every reader knows yet.
func (d *Draft) put(key Key) {
	key.SignAfter, key.NotAfter = d.handover(), time.Time{}
	d.place(key)
}

// place puts a key on top and ends the one it replaces.
func (d *Draft) place(key Key) {
	for i := range d.keys {
		if d.keys[i].NotAfter.IsZero() {
			d.keys[i].NotAfter = d.schedule.end()
		}
	}
	d.keys = slices.Insert(d.keys, 0, key)
}

// handover is when a key that is put on top signs: when every reader has seen it, or
// as soon as no other key may. The zero time is at once.
func (d *Draft) handover() time.Time {
	if !d.signedAt(d.schedule.At) {
		return time.Time{}
	}
	at := d.schedule.over()
	for _, k := range d.keys {
		if end := k.NotAfter; !end.IsZero() && end.Before(at) && !d.signedAt(end) {
			at = end
		}
	}
	return at
}

// signedAt tells whether one of the keys that readers try behind a new one may sign at
// a time.
func (d *Draft) signedAt(at time.Time) bool {
	tried := 1 // the new one
	for _, k := range d.keys {
		switch {
		case !k.acceptedAt(at):
			continue
		case tried == MaxLive:
			return false
		case k.signsAt(at):
			return true
		}
		tried++
	}
	return false
}

// Restore puts an older key on top again. One that has been live throughout keeps its
// sign_after, for every reader knows it, and has no end any more; any other is put on
// top as a new one is. The error is a *TooMany.
func (d *Draft) Restore(key Key) error {
	for i, k := range d.keys[:min(len(d.keys), MaxLive)] { // no reader tries the others
		if !k.sameBytes(&key) {
			continue
		}
		d.keys = slices.Delete(d.keys, i, i+1)
		if !k.acceptedAt(d.schedule.over()) { // a reader may stop accepting it before it sees this
			d.put(k)
			return nil
		}
		k.NotAfter = time.Time{}
		d.place(k)
		return nil
	}
	if err := d.room(); err != nil {
		return err
	}
	d.put(key)
	return nil
}

func (k *Key) sameBytes(other *Key) bool {
	a, _ := k.Bytes() // a decoded key's bytes are valid
	b, _ := other.Bytes()
	return bytes.Equal(a, b)
}

// Revoke takes keys out, never to be accepted again. Where the key that signs is among
// them, the next newer one signs at once, or else a fresh one. Where only the newest
// are, which do not sign yet, a fresh one takes their place as in a rotation. fresh is
// called at most once.
func (d *Draft) Revoke(kids []string, fresh func() Key) {
	d.revoke(kids)
	signer := d.signer()
	signerEnds := signer >= 0 && d.ends(d.keys[signer])
	topEnds := len(d.keys) > 0 && d.ends(d.keys[0])
	waiting := d.waiting(signer)
	if !slices.ContainsFunc(d.keys, d.ends) && !d.allEnd() {
		return
	}
	d.keys = slices.DeleteFunc(d.keys, d.ends)
	if topEnds && waiting > 0 {
		d.keys[0].NotAfter = time.Time{} // nothing replaces it any more
	}
	if signerEnds && waiting > 0 {
		d.keys[waiting-1].SignAfter = time.Time{}
	}
	d.join()
	switch {
	case signerEnds && waiting == 0:
		d.place(fresh())
	case topEnds && waiting == 0:
		d.outlast()
		d.put(fresh())
	case d.allEnd():
		d.put(fresh())
	}
}

// waiting counts the keys that stay and are newer than the one that signs.
func (d *Draft) waiting(signer int) (n int) {
	for _, k := range d.keys[:max(signer, 0)] {
		if !d.ends(k) {
			n++
		}
	}
	return n
}

// allEnd tells whether there would be no key one day: the label was moved back to a key
// that AWSPREVIOUS has revoked, and AWSPREVIOUS's own have a day.
func (d *Draft) allEnd() bool {
	return !slices.ContainsFunc(d.keys, func(k Key) bool { return k.NotAfter.IsZero() })
}

// ends tells whether a key is revoked, under either of its kids, see [Ring].
func (d *Draft) ends(k Key) bool { return d.IsRevoked(k.KID) || d.IsRevoked(k.written) }

// join has a key sign on until the next newer one does: one between them, which ended
// it before that, may be gone.
func (d *Draft) join() {
	for i := 1; i <= d.signer(); i++ {
		if next := d.keys[i-1].SignAfter; !d.keys[i].acceptedAt(next) {
			d.keys[i].NotAfter = next.Add(d.schedule.Grace)
		}
	}
}

// outlast has the key that signs until a fresh one does outlast the handover, though the
// one that was to replace it would have ended it before.
func (d *Draft) outlast() {
	signer := d.signer()
	if signer < 0 {
		return
	}
	if end := d.schedule.end(); !d.keys[signer].acceptedAt(end) {
		d.keys[signer].NotAfter = end
	}
}

// signer is the index of the key that signs now; -1: none does.
func (d *Draft) signer() int {
	return slices.IndexFunc(d.keys, func(k Key) bool { return k.signsAt(d.schedule.At) })
}

func (d *Draft) revoke(kids []string) {
	for _, kid := range kids {
		if !d.IsRevoked(kid) {
			d.document.Revoked = append(d.document.Revoked, kid)
		}
	}
}

// Within tells whether a document has all the draft's keys and revocations.
func (d *Draft) Within(other *Document) bool {
	theirs := slices.Concat([]Key{other.Key}, other.Previous)
	for _, k := range d.keys {
		if !slices.ContainsFunc(theirs, func(o Key) bool { return k.sameBytes(&o) }) {
			return false
		}
	}
	return !slices.ContainsFunc(d.document.Revoked, func(kid string) bool { return !slices.Contains(other.Revoked, kid) })
}

// Encode writes the draft, which never comes out the same twice, see [Nonce]. The error
// is a Malformed.
func (d *Draft) Encode() (string, error) {
	if len(d.keys) == 0 {
		return "", malformed("no key of it is live any more")
	}
	d.document.Key, d.document.Previous = d.keys[0], d.keys[1:]
	d.document.nonce = Nonce()
	if d.document.CreatedAt.IsZero() { // a previous key of another writer's: the newest one needs a date
		d.document.CreatedAt = d.schedule.At.UTC().Truncate(time.Second)
	}
	return d.document.Encode()
}
