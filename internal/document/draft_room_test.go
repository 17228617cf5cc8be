package document

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNinthKeyIsRefused(t *testing.T) {
	eight := []string{"H", "G until 7h", "F until 6h", "E until 5h", "D until 3h", "C until 4h", "B until 8h", "A until 9h"}
	for _, tt := range []struct {
		name  string
		start []string
		until time.Duration // 0: none ends
		added func(d *Draft, fresh Key) error
	}{
		{"a rotation", eight, 3 * time.Hour, (*Draft).Rotate},
		{"a dead key", eight, 3 * time.Hour, (*Draft).Restore},
		{"one that ends now has ended", slices.Concat(eight, []string{"Z until 0s"}), 3 * time.Hour, (*Draft).Rotate},
		{"none has an end", []string{"H", "G", "F", "E", "D", "C", "B", "A"}, 0, (*Draft).Rotate},
		{"more than eight", slices.Concat(eight, []string{"I until 1h"}), time.Hour, (*Draft).Rotate},
		{"the ninth, which no reader tries", slices.Concat(eight, []string{"I until 2h"}), 2 * time.Hour, func(d *Draft, _ Key) error {
			return d.Restore(d.keys[8])
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(routine, tt.start...)
			before := windows(d.Keys())
			var full *TooMany
			if err := tt.added(d, ks.parse("X")); !errors.As(err, &full) {
				t.Fatalf("error = %v, want TooMany", err)
			}
			want := time.Time{}
			if tt.until != 0 {
				want = t0.Add(tt.until)
			}
			if !full.Until.Equal(want) {
				t.Errorf("until %v, want %v", full.Until, want)
			}
			if after := windows(d.Keys()); !slices.Equal(after, before) {
				t.Errorf("keys = %q, want %q as before", after, before)
			}
		})
	}
}

// A live key is no ninth one.
func TestRestoreOfOneOfEight(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	d := ks.draft(routine, "H", "G until 7h", "F until 6h", "E until 5h", "D until 3h", "C until 4h", "B until 8h", "A until 9h")
	if err := d.Restore(ks.parse("E")); err != nil {
		t.Fatal(err)
	}
	ks.wantKeys(d, "E", "H until 25h5m", "G until 7h", "F until 6h", "D until 3h", "C until 4h", "B until 8h", "A until 9h")
}

func TestTooManySaysWhatWouldFit(t *testing.T) {
	for _, tt := range []struct {
		full TooMany
		want string
	}{
		{TooMany{Until: t0, Grace: 3 * time.Hour}, "8 keys are live, the next of them ends at 2026-01-02T03:04:05Z; rotations as often as this go on with a grace of at most 3h0m0s"},
		{TooMany{Until: t0}, "8 keys are live, the next of them ends at 2026-01-02T03:04:05Z; rotations as often as this do not go on with any grace"},
		{TooMany{Until: t0, Grace: MinGrace}, "8 keys are live, the next of them ends at 2026-01-02T03:04:05Z; rotations as often as this go on with a grace of at most 10m0s"},
		{TooMany{Until: t0, Grace: MinGrace - time.Minute}, "8 keys are live, the next of them ends at 2026-01-02T03:04:05Z; rotations as often as this do not go on with any grace"},
		{TooMany{Until: t0, Grace: -time.Minute}, "8 keys are live, the next of them ends at 2026-01-02T03:04:05Z; rotations as often as this do not go on with any grace"},
		{TooMany{}, "8 keys are live, and none of them ends: revoke one"},
	} {
		if got := tt.full.Error(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// every is rotations at equal distances, by the clock of a writer whose seconds begin
// a moment late. Keys are dated in whole seconds, as rotation does.
type every struct {
	apart, late, handover, grace time.Duration
}

// refused is what the first rotation of many that is refused says; nil: none is.
func (e every) refused(t rapid.TB, rotations int) *TooMany {
	t.Helper()
	current := stored("v0", "", GenerateKey("v0", t0))
	for n := 1; n <= rotations; n++ {
		at := t0.Add(time.Duration(n)*e.apart + e.late)
		d := NewDraft(current, nil, at, Schedule{At: at, Handover: e.handover, Grace: e.grace})
		id := strings.Repeat("v", n+1)
		var full *TooMany
		if err := d.Rotate(GenerateKey(id, at.Truncate(time.Second))); errors.As(err, &full) {
			return full
		}
		current = Version{ID: id, Created: at, Document: written(t, d)}
	}
	return nil
}

const manyRotations = 20 // from the eighth on, all fare alike

// check asks for a grace as a refused rotation gets it, and holds that answer to what
// it says: rotations go on with it, and are refused with a minute more.
func (e every) check(t rapid.TB) {
	t.Helper()
	e.grace = 365 * 24 * time.Hour
	full := e.refused(t, manyRotations)
	if full == nil {
		t.Fatal("nothing was refused")
	}
	if full.Grace > 0 {
		e.grace = full.Grace
		if again := e.refused(t, manyRotations); again != nil {
			t.Errorf("every %v and %v late, handover %v: refused with the grace of %v that was to fit", e.apart, e.late, e.handover, e.grace)
		}
	}
	e.grace = max(full.Grace, 0) + time.Minute
	if e.refused(t, manyRotations) == nil {
		t.Errorf("every %v and %v late, handover %v: a grace of %v fits, and %v was said", e.apart, e.late, e.handover, e.grace, full.Grace)
	}
}

func TestGraceThatFits(t *testing.T) {
	for _, tt := range []struct {
		apart time.Duration
		want  time.Duration // at a handover of 65 min
	}{
		{24 * time.Hour, 7*24*time.Hour - 65*time.Minute},
		{4 * time.Hour, 26*time.Hour + 55*time.Minute},
		{3*time.Hour + 35*time.Minute, 24 * time.Hour}, // 7 · 3 h 35 min = 25 h 5 min: at the default grace, the shortest
		{10 * time.Minute, 5 * time.Minute},
		{9 * time.Minute, -2 * time.Minute},
	} {
		e := every{apart: tt.apart, handover: 65 * time.Minute, grace: 365 * 24 * time.Hour}
		if full := e.refused(t, 10); full == nil || full.Grace != tt.want {
			t.Errorf("every %v: %+v, want a grace of %v", tt.apart, full, tt.want)
		}
		e.check(t)
	}
	// 7 · 2 h 30 min 17 s are 1 s short of 17 h 32 min, which nearly a second more, seven
	// times, would make up for.
	every{apart: 2*time.Hour + 30*time.Minute + 17*time.Second, late: 999 * time.Millisecond, handover: 5 * time.Minute}.check(t)
}

func TestGraceThatFitsFitsAlways(t *testing.T) {
	checkDeeply(t, func(t *rapid.T) {
		every{
			apart:    time.Duration(rapid.IntRange(60, 48*60*60).Draw(t, "seconds apart")) * time.Second,
			late:     time.Duration(rapid.IntRange(0, 999).Draw(t, "milliseconds late")) * time.Millisecond,
			handover: time.Duration(rapid.IntRange(5, 24*60).Draw(t, "minutes of handover")) * time.Minute,
		}.check(t)
	})
}
