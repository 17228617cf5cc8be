package document

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whoever signs and whoever verifies, each by a version that it may still hold: as
// long as keys are rotated, and none is revoked, every signature is accepted.
func TestEveryReaderAcceptsEverySigner(t *testing.T) {
	checkDeeply(t, func(t *rapid.T) {
		h := newHistory(t)
		for range rapid.IntRange(2, 8).Draw(t, "rotations") {
			h.wait()
			if d := h.draft(h.schedule()); d.Rotate(h.fresh()) == nil {
				h.write(d)
			}
		}
		h.checkEveryReader()
	})
}

// So it is where keys are rolled back, if no grace is shorter than the handover: the
// key that signs could be rolled back to just before it ends.
func TestEveryReaderAcceptsARollback(t *testing.T) {
	checkDeeply(t, func(t *rapid.T) {
		h := newHistory(t)
		for range rapid.IntRange(2, 8).Draw(t, "writes") {
			h.wait()
			d := h.draft(h.scheduleOf(h.handover, 24*time.Hour))
			var err error
			if rapid.Bool().Draw(t, "roll back") {
				err = d.Restore(h.known(d))
			} else {
				err = d.Rotate(h.fresh())
			}
			if err == nil {
				h.write(d)
			}
		}
		h.checkEveryReader()
	})
}

// checkEveryReader looks at all times at which something changes for somebody.
func (h *history) checkEveryReader() {
	rings := make([][]Key, len(h.versions))
	for i, v := range h.versions {
		rings[i] = Ring(v, nil, v.Created)
	}
	for _, at := range h.changes(rings) {
		held := h.held(at)
		for _, s := range held {
			signer, ok := signing(rings[s], at)
			if !ok {
				h.Fatalf("at %v nothing signs by %s", at, h.versions[s].ID)
			}
			for _, v := range held {
				if _, accepted := find(liveAt(rings[v], at), signer); !accepted {
					h.Fatalf("at %v %s signs by %s, and is refused by %s", at.Sub(t0), signer.KID, h.versions[s].ID, h.versions[v].ID)
				}
			}
		}
	}
}

func (h *history) changes(rings [][]Key) []time.Time {
	times := moments(h.began[0], rings...)
	for _, began := range h.began {
		times = append(times, began, began.Add(-time.Millisecond), began.Add(h.longest()), began.Add(h.longest()-time.Millisecond))
	}
	return slices.DeleteFunc(times, func(at time.Time) bool { return at.Before(h.began[0]) })
}

// longest is how long a reader may go on with a version that is not current any more,
// less the second by which a schedule in whole seconds may be short.
func (h *history) longest() time.Duration { return h.handover - time.Second }

// held are the versions that some reader may go by at a time.
func (h *history) held(at time.Time) []int {
	var held []int
	for i := range h.versions {
		over := i+1 < len(h.began) && !at.Before(h.began[i+1].Add(h.longest()))
		if !over && !at.Before(h.began[i]) {
			held = append(held, i)
		}
	}
	return held
}

// A key that is rolled back to shortly before its end: readers that have not seen the
// rollback refuse it from its end on.
func TestRestoreShortlyBeforeTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start []string
		want  []string
	}{
		{
			"it ends before every reader has seen that it does not",
			[]string{"B", "A until 10m"},
			[]string{"A from 1h5m", "B until 25h5m"},
		},
		{
			"it ends just before the handover",
			[]string{"B", "A until 1h4m59s"},
			[]string{"A from 1h5m", "B until 25h5m"},
		},
		{
			"it ends with the handover",
			[]string{"B", "A until 1h5m"},
			[]string{"A from 1h5m", "B until 25h5m"},
		},
		{
			"it ends after it",
			[]string{"B", "A until 1h5m1s"},
			[]string{"A", "B until 25h5m"},
		},
		{
			"only a ninth key signs, which no reader tries",
			[]string{"H from 30m", "G from 30m", "F from 30m", "E from 30m", "D from 30m", "C from 30m", "B from 30m", "A until 10m", "Z until 1h"},
			[]string{
				"A", "H from 30m until 25h5m", "G from 30m until 25h5m", "F from 30m until 25h5m", "E from 30m until 25h5m",
				"D from 30m until 25h5m", "C from 30m until 25h5m", "B from 30m until 25h5m", "Z until 1h",
			},
		},
		{
			"no other key signs",
			[]string{"B from 1h", "A until 10m"},
			[]string{"A", "B from 1h until 25h5m"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(routine, tt.start...)
			if err := d.Restore(ks.parse("A")); err != nil {
				t.Fatal(err)
			}
			ks.wantKeys(d, tt.want...)
		})
	}
}
