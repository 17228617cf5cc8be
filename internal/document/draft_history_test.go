package document

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// checkDeeply is rapid.Check, many times over where the environment asks for depth.
func checkDeeply(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	times := 1
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		times = 5
	}
	for range times {
		rapid.Check(t, property)
	}
}

// What others do who know nothing of us.
const (
	program     = "a program that writes a new secret"
	slowProgram = "one with a handover of its own"
	consoleEdit = "the console, where the secret alone is changed"
	labelMove   = "the console, where AWSCURRENT is moved"
)

// history is a secret in time: every version of it, and the labels as they are now.
type history struct {
	*rapid.T
	at                time.Time
	texts             []string
	versions          []Version
	began             []time.Time // when each was current first
	current, previous int
	changed           time.Time // LastChangedDate
	handover          time.Duration
	others            []string
	foreign           int  // writes and label moves since our last write
	lost              bool // two of those in a row: what AWSPREVIOUS was before is not known any more
}

func newHistory(t *rapid.T, others ...string) *history {
	h := &history{T: t, at: t0, handover: 65 * time.Minute, previous: -1, others: others}
	text, err := New("t_abc123", GenerateKey("v0", t0)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	h.publish(text)
	return h
}

func (h *history) nextID() string { return fmt.Sprintf("v%d", len(h.versions)) }

// publish writes a version that is current from now on.
func (h *history) publish(text string) {
	document, err := Decode(text)
	if err != nil {
		h.Fatal(err)
	}
	v := Version{ID: h.nextID(), Created: h.at, Document: document}
	h.texts, h.versions, h.began = append(h.texts, text), append(h.versions, v), append(h.began, h.at)
	h.label(len(h.versions) - 1)
}

// label moves AWSCURRENT, which moves AWSPREVIOUS.
func (h *history) label(version int) {
	if len(h.versions) > 1 {
		h.previous = h.current
	}
	h.current, h.changed = version, h.at
}

// previousVersion is AWSPREVIOUS; nil: no version has it.
func (h *history) previousVersion() *Version {
	if h.previous < 0 {
		return nil
	}
	return &h.versions[h.previous]
}

func (h *history) draft(schedule Schedule) *Draft {
	return NewDraft(h.versions[h.current], h.previousVersion(), h.changed, schedule)
}

func (h *history) schedule() Schedule {
	return h.scheduleOf(10*time.Minute, time.Hour, 24*time.Hour, 30*24*time.Hour)
}

func (h *history) scheduleOf(graces ...time.Duration) Schedule {
	return Schedule{At: h.at, Handover: h.handover, Grace: rapid.SampledFrom(graces).Draw(h.T, "grace")}
}

// write publishes a draft.
func (h *history) write(d *Draft) {
	text, err := d.Encode()
	if err != nil {
		h.Fatalf("Encode: %v", err)
	}
	h.foreign = 0
	h.publish(text)
}

// wait lets time pass: a moment, a part of the handover, of a grace, or more.
func (h *history) wait() {
	spans := []time.Duration{time.Second, time.Minute, 11 * time.Minute, 30 * time.Minute, 65 * time.Minute, 3 * time.Hour, 23 * time.Hour, 26 * time.Hour, 31 * 24 * time.Hour}
	h.at = h.at.Add(rapid.SampledFrom(spans).Draw(h.T, "span") + time.Duration(rapid.IntRange(0, 9999).Draw(h.T, "milliseconds"))*time.Millisecond)
}

func (h *history) fresh() Key { return GenerateKey(h.nextID(), h.at.Truncate(time.Second)) }

// known draws a key that a rollback could name: a live one, or else the one that first
// appeared in the version of that id.
func (h *history) known(d *Draft) Key {
	v := h.versions[rapid.IntRange(0, len(h.versions)-1).Draw(h.T, "version")]
	if k, live := d.Find(v.ID); live {
		return k
	}
	for _, k := range Ring(v, nil, v.Created) {
		if k.KID == v.ID {
			return k
		}
	}
	return h.versions[0].Document.Key
}

// meddle has one of the others do something.
func (h *history) meddle() {
	h.foreign++
	h.lost = h.lost || h.foreign > 1
	created, key := h.at.Format(time.RFC3339), GenerateKey("", h.at)
	bare := fmt.Sprintf(`{"shared_secret":%q,"created_at":%q,"tenant_id":"t_abc123","version":"1.0"`, key.Secret, created)
	switch rapid.SampledFrom(h.others).Draw(h.T, "who") {
	case program:
		h.publish(bare + "}")
	case slowProgram:
		h.publish(bare + fmt.Sprintf(`,"sign_after":%q}`, h.at.Add(48*time.Hour).Format(time.RFC3339)))
	case consoleEdit:
		text, err := Edit(h.texts[h.current], Member{"shared_secret", key.Secret})
		if err != nil {
			h.Fatal(err)
		}
		h.publish(text)
	case labelMove:
		if to := rapid.IntRange(0, len(h.versions)-1).Draw(h.T, "to"); to != h.current {
			h.label(to)
		}
	}
}

// signing is the key of a ring that signs, as readers choose it.
func signing(ring []Key, at time.Time) (who Key, ok bool) {
	s := Select(boundsOfKeys(ring), at)
	i, ok := s.Signing()
	if !ok {
		return Key{}, false
	}
	return ring[i], true
}

// liveAt is what readers accept of a ring.
func liveAt(ring []Key, at time.Time) []Key {
	s := Select(boundsOfKeys(ring), at)
	var live []Key
	for _, i := range s.Live() {
		live = append(live, ring[i])
	}
	return live
}

func boundsOfKeys(ring []Key) []Bounds {
	bounds := make([]Bounds, len(ring))
	for i, k := range ring {
		bounds[i] = k.Bounds()
	}
	return bounds
}

// find looks for a key's bytes.
func find(ring []Key, key Key) (Key, bool) {
	i := slices.IndexFunc(ring, func(k Key) bool { return k.sameBytes(&key) })
	if i < 0 {
		return Key{}, false
	}
	return ring[i], true
}

// moments are the times from a time on at which something begins or ends, and those
// just before.
func moments(from time.Time, rings ...[]Key) []time.Time {
	times := []time.Time{from}
	for _, k := range slices.Concat(rings...) {
		for _, at := range []time.Time{k.SignAfter, k.NotAfter} {
			if at.After(from) {
				times = append(times, at, at.Add(-time.Millisecond))
			}
		}
	}
	return times
}
