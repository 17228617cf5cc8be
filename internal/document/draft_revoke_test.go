package document

import (
	"slices"
	"strings"
	"testing"
)

func TestRevoke(t *testing.T) {
	for _, tt := range []struct {
		name   string
		start  []string
		revoke string
		want   []string
		fresh  int // keys that were made: F
	}{
		// The key that signs is among them.
		{
			"the only key",
			[]string{"A"},
			"A",
			[]string{"F"},
			1,
		},
		{
			"the signer, with keys in grace",
			[]string{"C", "B until 20h", "A until 10h"},
			"C",
			[]string{"F", "B until 20h", "A until 10h"},
			1,
		},
		{
			"the signer, and the next newer one signs at once",
			[]string{"B from 30m", "A until 24h30m"},
			"A",
			[]string{"B"},
			0,
		},
		{
			"the signer, and of two newer ones the next",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m"},
			"A",
			[]string{"C from 45m", "B until 24h45m"},
			0,
		},
		{
			"the signer and the next newer one",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m"},
			"A B",
			[]string{"C"},
			0,
		},
		{
			"the signer and the newest: the one between signs, and has no end any more",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m", "Z until 1h"},
			"C A",
			[]string{"B", "Z until 1h"},
			0,
		},
		{
			"the signer and every newer one",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m", "Z until 1h"},
			"C B A",
			[]string{"F", "Z until 1h"},
			1,
		},
		{
			"a signer that was rolled back to: what stands behind it is older",
			[]string{"A", "B from 30m until 25h5m"},
			"A",
			[]string{"F", "B from 30m until 25h5m"},
			1,
		},
		{
			"all",
			[]string{"C from 45m", "B until 24h45m", "A until 20h"},
			"A B C",
			[]string{"F"},
			1,
		},

		// Only newer keys are, which do not sign yet.
		{
			"the newest: a fresh one waits in its place",
			[]string{"B from 30m", "A until 24h30m"},
			"B",
			[]string{"F from 1h5m", "A until 25h5m"},
			1,
		},
		{
			"all that are newer",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m", "Z until 1h"},
			"B C",
			[]string{"F from 1h5m", "A until 25h5m", "Z until 1h"},
			1,
		},
		{
			"the newest of two: the other signs in its own time, and has no end any more",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m"},
			"C",
			[]string{"B from 30m", "A until 24h30m"},
			0,
		},
		{
			"the older of two",
			[]string{"C from 45m", "B from 30m until 24h45m", "A until 24h30m"},
			"B",
			[]string{"C from 45m", "A until 24h30m"},
			0,
		},

		// Nothing that signs or will sign is.
		{
			"a key in grace",
			[]string{"C", "B until 20h", "A until 10h"},
			"B",
			[]string{"C", "A until 10h"},
			0,
		},
		{
			"every key in grace",
			[]string{"D from 30m", "C until 24h30m", "B until 20h", "A until 10h"},
			"A B",
			[]string{"D from 30m", "C until 24h30m"},
			0,
		},
		{
			"an unknown kid",
			[]string{"B", "A until 10h"},
			"x",
			[]string{"B", "A until 10h"},
			0,
		},
		{
			"a kid of the past",
			[]string{"B", "A until -1h"},
			"A",
			[]string{"B"},
			0,
		},
		{
			"one whose time is over, which signed",
			[]string{"B until -1h"},
			"B",
			[]string{"F"},
			1,
		},
		{
			"no kid",
			[]string{"B", "A until 10h"},
			"",
			[]string{"B", "A until 10h"},
			0,
		},
		{
			"the same kid three times",
			[]string{"B", "A until 10h"},
			"B B B",
			[]string{"F", "A until 10h"},
			1,
		},

		// No key signs.
		{
			"none signs, none is left",
			[]string{"A from 30m"},
			"A",
			[]string{"F"},
			1,
		},
		{
			"none signs, the newest: a fresh one signs at once",
			[]string{"B from 30m", "A from 10m until 25h"},
			"B",
			[]string{"F", "A from 10m until 25h"},
			1,
		},
		{
			"none signs, not the newest",
			[]string{"B from 30m", "A from 10m until 25h"},
			"A",
			[]string{"B from 30m"},
			0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(routine, tt.start...)
			made := 0
			fresh := func() Key { made++; return ks.parse("F") }
			kids := strings.Fields(tt.revoke)
			for range 2 { // the second time changes nothing
				d.Revoke(kids, fresh)
				if made != tt.fresh {
					t.Fatalf("%d keys made, want %d", made, tt.fresh)
				}
				ks.wantKeys(d, tt.want...)
			}
			slices.Sort(kids)
			if got := written(t, d).Revoked; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Compact(kids)) {
				t.Errorf("revoked = %v, want each of %v once", got, kids)
			}
		})
	}
}

// The key that signs until another does goes on until then: with a short grace its end
// had been set by the key that is revoked.
func TestRevokeLeavesNoGap(t *testing.T) {
	short := routine
	short.Grace = 600e9 // 10 min
	for _, tt := range []struct {
		name   string
		start  []string
		revoke string
		want   []string
	}{
		{
			"between the signer and the newest",
			[]string{"C from 1h5m", "B from 34m until 1h15m", "A until 44m"},
			"B",
			[]string{"C from 1h5m", "A until 1h15m"},
		},
		{
			"two of them",
			[]string{"D from 1h5m", "C from 50m until 1h15m", "B from 34m until 1h", "A until 44m"},
			"B C",
			[]string{"D from 1h5m", "A until 1h15m"},
		},
		{
			"between two that wait",
			[]string{"D from 1h5m", "C from 50m until 1h15m", "B from 34m until 1h", "A until 44m"},
			"C",
			[]string{"D from 1h5m", "B from 34m until 1h15m", "A until 44m"},
		},
		{
			"the signer too",
			[]string{"D from 1h5m", "C from 50m until 1h15m", "B from 34m until 1h", "A until 44m"},
			"A C",
			[]string{"D from 1h5m", "B until 1h15m"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(short, tt.start...)
			d.Revoke(strings.Fields(tt.revoke), nil)
			ks.wantKeys(d, tt.want...)
		})
	}
}

// Of two keys that stand under one kid, one is known by its version. Under the kid that
// both had, both are revoked: in doubt a leaked key is not accepted.
func TestRevokeOfAnAmbiguousKID(t *testing.T) {
	for _, tt := range []struct {
		kid  string
		want []string
	}{
		{"v2", []string{"F", "v1 until 24h0m0s"}},
		{"v1", []string{"F"}},
	} {
		ks := &keys{t: t, letters: map[string]string{}}
		// A console edit: the document was copied and its secret alone changed.
		current, previous := stored("v2", "v0", ks.key("B", "v1")), stored("v1", "v0", ks.key("A", "v1"))
		d := NewDraft(current, &previous, t0, routine)
		d.Revoke([]string{tt.kid}, func() Key { return ks.parse("F") })
		if got := windows(d.Keys()); !slices.Equal(got, tt.want) {
			t.Errorf("%s revoked: keys = %v, want %v", tt.kid, got, tt.want)
		}
		next := Version{ID: "v3", Created: t0, Document: written(t, d)}
		if got := windows(Ring(next, &current, t0)); !slices.Equal(got, tt.want) {
			t.Errorf("%s revoked: what is written has %v, want %v", tt.kid, got, tt.want)
		}
	}
}
