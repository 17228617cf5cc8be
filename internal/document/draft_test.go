package document

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// routine is the schedule of a change at t0: a new key signs after 1h5m, and the one
// that it replaces ends after 25h5m.
var routine = Schedule{At: t0, Handover: 65 * time.Minute, Grace: 24 * time.Hour}

// parse makes the key of a kid with its window as offsets from t0, as in
// "B from 1h5m until 25h5m".
func (ks *keys) parse(text string) Key {
	ks.t.Helper()
	words := strings.Fields(text)
	k := ks.key(words[0], words[0])
	for i := 1; i < len(words); i += 2 {
		offset, err := time.ParseDuration(words[i+1])
		if err != nil {
			ks.t.Fatal(err)
		}
		*map[string]*time.Time{"from": &k.SignAfter, "until": &k.NotAfter}[words[i]] = t0.Add(offset)
	}
	return k
}

func (ks *keys) parseAll(texts []string) []Key {
	ks.t.Helper()
	var parsed []Key
	for _, text := range texts {
		parsed = append(parsed, ks.parse(text))
	}
	return parsed
}

// window writes a key as parse reads it.
func window(k Key) string {
	text := k.KID
	if !k.SignAfter.IsZero() {
		text += " from " + k.SignAfter.Sub(t0).String()
	}
	if !k.NotAfter.IsZero() {
		text += " until " + k.NotAfter.Sub(t0).String()
	}
	return text
}

func windows(ring []Key) []string {
	shown := []string{}
	for _, k := range ring {
		shown = append(shown, window(k))
	}
	return shown
}

// wantKeys compares a draft with what it should hold, secrets too, and with what is
// read back of it.
func (ks *keys) wantKeys(d *Draft, want ...string) {
	ks.t.Helper()
	wanted := ks.parseAll(want)
	if got := windows(d.Keys()); !slices.Equal(got, windows(wanted)) {
		ks.t.Fatalf("keys = %q, want %q", got, windows(wanted))
	}
	if !slices.EqualFunc(d.Keys(), wanted, same) {
		ks.t.Fatal("the windows are right and the secrets are not")
	}
	if len(wanted) > 0 {
		v := Version{ID: "written", Created: t0, Document: written(ks.t, d)}
		if !slices.EqualFunc(Ring(v, nil, t0), wanted, same) {
			ks.t.Error("what is written has another ring")
		}
	}
}

// written is what is read back of a draft.
func written(t rapid.TB, d *Draft) *Document {
	t.Helper()
	text, err := d.Encode()
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	document, err := Decode(text)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return document
}

// draft starts from a version with these keys.
func (ks *keys) draft(schedule Schedule, start ...string) *Draft {
	ks.t.Helper()
	return NewDraft(stored("v2", "v1", ks.parseAll(start)...), nil, t0, schedule)
}

func TestRotate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start []string
		want  []string // F is the fresh key
	}{
		{
			"the first rotation",
			[]string{"A"},
			[]string{"F from 1h5m", "A until 25h5m"},
		},
		{
			"one before the key before signs loses nothing",
			[]string{"B from 30m", "A until 24h30m"},
			[]string{"F from 1h5m", "B from 30m until 25h5m", "A until 24h30m"},
		},
		{
			"of keys in grace the ends stay",
			[]string{"C from -2h", "B from -4h until 22h", "A until 20h"},
			[]string{"F from 1h5m", "C from -2h until 25h5m", "B from -4h until 22h", "A until 20h"},
		},
		{
			"a key that has an end keeps it, if it signs",
			[]string{"A until 2h"},
			[]string{"F from 1h5m", "A until 2h"},
		},
		{
			"keys that have ended are dropped",
			[]string{"C", "B until -1ns", "A until 0s"},
			[]string{"F from 1h5m", "C until 25h5m"},
		},
		{
			"a key that has not ended is not",
			[]string{"C", "B until 1ns", "A until -1ns"},
			[]string{"F from 1h5m", "C until 25h5m", "B until 1ns"},
		},
		{
			"no other may sign",
			[]string{"A from 1ns"},
			[]string{"F", "A from 1ns until 25h5m"},
		},
		{
			"another may sign since now",
			[]string{"A from 0s"},
			[]string{"F from 1h5m", "A from 0s until 25h5m"},
		},
		{
			"no other is left",
			[]string{"B until -1h", "A until -2h"},
			[]string{"F"},
		},
		{
			"the only other that may sign ends before the handover",
			[]string{"A until 10m"},
			[]string{"F from 10m", "A until 10m"},
		},
		{
			"it ends with the handover",
			[]string{"A until 1h5m"},
			[]string{"F from 1h5m", "A until 1h5m"},
		},
		{
			"the last other that may sign ends before the handover",
			[]string{"C until 10m", "B from 5m until 30m", "A until 20m"},
			[]string{"F from 30m", "C until 10m", "B from 5m until 30m", "A until 20m"},
		},
		{
			"another begins as the last one ends",
			[]string{"B from 10m", "A until 10m"},
			[]string{"F from 1h5m", "B from 10m until 25h5m", "A until 10m"},
		},
		{
			"another begins after the last one has ended",
			[]string{"B from 20m", "A until 10m"},
			[]string{"F from 10m", "B from 20m until 25h5m", "A until 10m"},
		},
		{
			"a key that ends before it may sign is no signer",
			[]string{"B from 40m until 30m", "A until 20m"},
			[]string{"F from 20m", "B from 40m until 30m", "A until 20m"},
		},
		{
			"the eighth key",
			[]string{"G", "E until 1h", "D until 1h", "C until 1h", "B until 1h", "A until 1h", "Z until 1h"},
			[]string{"F from 1h5m", "G until 25h5m", "E until 1h", "D until 1h", "C until 1h", "B until 1h", "A until 1h", "Z until 1h"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(routine, tt.start...)
			fresh := ks.parse("F from -1h until 1h") // its own window counts for nothing
			if err := d.Rotate(fresh); err != nil {
				t.Fatal(err)
			}
			ks.wantKeys(d, tt.want...)
		})
	}
}

// Seconds are all that a document needs, and the 5 min of slack hold more than one.
func TestScheduleIsInWholeSeconds(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	late := routine
	late.At = t0.Add(999 * time.Millisecond).In(time.FixedZone("", 3600))
	d := ks.draft(late, "A")
	if err := d.Rotate(ks.parse("F")); err != nil {
		t.Fatal(err)
	}
	ks.wantKeys(d, "F from 1h5m", "A until 25h5m")
	if text, _ := d.Encode(); !strings.Contains(text, `"sign_after":"2026-01-02T04:09:05Z"`) {
		t.Error("sign_after is not written in whole seconds of UTC")
	}
}

// The keys of somebody who wrote without us are carried, with the end that readers
// give them.
func TestDraftCarriesForeignKeys(t *testing.T) {
	for _, tt := range []struct {
		name              string
		current, previous []string
		base, previousID  string
		changed           time.Duration
		want              []string
	}{
		{
			"AWSPREVIOUS is the base",
			[]string{"B"},
			[]string{"A"},
			"v1", "v1", -time.Hour,
			[]string{"F from 1h5m", "B until 25h5m"},
		},
		{
			"AWSPREVIOUS is not the base",
			[]string{"B"},
			[]string{"A"},
			"", "v1", -time.Hour,
			[]string{"F from 1h5m", "B until 25h5m", "A until 23h"},
		},
		{
			"all of its keys",
			[]string{"D"},
			[]string{"C from -30m", "B until 1h", "A until -1h"},
			"v0", "v1", -time.Hour,
			[]string{"F from 1h5m", "D until 25h5m", "C from -30m until 23h", "B until 1h"},
		},
		{
			"their time is over",
			[]string{"B"},
			[]string{"A"},
			"", "v1", -24 * time.Hour,
			[]string{"F from 1h5m", "B until 25h5m"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			current := stored("v2", tt.base, ks.parseAll(tt.current)...)
			previous := stored(tt.previousID, "", ks.parseAll(tt.previous)...)
			d := NewDraft(current, &previous, t0.Add(tt.changed), routine)
			if err := d.Rotate(ks.parse("F")); err != nil {
				t.Fatal(err)
			}
			ks.wantKeys(d, tt.want...)
			if next := written(t, d); next.Base != "v2" {
				t.Errorf("base %q", next.Base)
			}
		})
	}
}

func TestDraftJoinsRevocations(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	current := revoking(stored("v3", "", ks.key("C", "v3")), "x", "y")
	previous := revoking(stored("v2", "v1", ks.key("B", "v2"), ks.key("A", "v1")), "y", "v1", "z")

	d := NewDraft(current, &previous, t0, routine)
	if want, got := []string{"x", "y", "v1", "z"}, written(t, d).Revoked; !slices.Equal(got, want) {
		t.Errorf("revoked = %v, want %v", got, want)
	}
	if got := windows(d.Keys()); !slices.Equal(got, []string{"v3", "v2 until 24h0m0s"}) {
		t.Errorf("keys = %v", got)
	}
	for kid, want := range map[string]bool{"x": true, "z": true, "v1": true, "v2": false, "": false} {
		if d.IsRevoked(kid) != want {
			t.Errorf("IsRevoked(%q) = %v", kid, !want)
		}
	}

	current.Document.Base = "v2" // which was read: what it revokes was weighed already
	d = NewDraft(current, &previous, t0, routine)
	if want, got := []string{"x", "y"}, written(t, d).Revoked; !slices.Equal(got, want) {
		t.Errorf("revoked = %v, want %v", got, want)
	}
}

// A document is shared and immutable: a draft of it must not write into it.
func TestDraftLeavesItsBaseAlone(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	current := revoking(stored("v2", "v0", ks.parseAll([]string{"D from 30m", "C", "B until 1h"})...), "x")
	previous := revoking(stored("v1", "v0", ks.parseAll([]string{"E", "A until 1h"})...), "y")
	current.Document.Revoked = slices.Grow(current.Document.Revoked, 8) // room to append in place
	before := []string{encode(t, current.Document), encode(t, previous.Document)}

	d := NewDraft(current, &previous, t0, routine)
	if err := d.Restore(ks.parse("B")); err != nil {
		t.Fatal(err)
	}
	if err := d.Rotate(ks.parse("F")); err != nil {
		t.Fatal(err)
	}
	d.Revoke([]string{"C", "D", "z"}, func() Key { return ks.parse("G") })
	if _, err := d.Encode(); err != nil {
		t.Fatal(err)
	}
	d.Keys()[0].KID = "changed"
	if d.Keys()[0].KID == "changed" {
		t.Error("Keys hands out the draft's own")
	}
	if after := []string{encode(t, current.Document), encode(t, previous.Document)}; !slices.Equal(after, before) {
		t.Error("the draft wrote into what it was made of")
	}
	if extended := current.Document.Revoked[:2]; extended[1] != "" {
		t.Error("the draft wrote behind the list of revocations")
	}
}

func TestFind(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	d := ks.draft(routine, "B", "A until 1h", "Z until -1h")
	for kid, want := range map[string]bool{"A": true, "B": true, "Z": false, "C": false, "": false} {
		k, ok := d.Find(kid)
		if ok != want || ok && !same(k, ks.parse(map[string]string{"A": "A until 1h", "B": "B"}[kid])) {
			t.Errorf("Find(%q) = %v, %s", kid, ok, window(k))
		}
	}
}

func TestEncodeOfNoKey(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	text, err := ks.draft(routine, "A until -1h").Encode()
	if m := Malformed(""); text != "" || !errors.As(err, &m) {
		t.Errorf("error = %v", err)
	}
}
