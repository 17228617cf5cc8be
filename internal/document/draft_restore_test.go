package document

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestRestore(t *testing.T) {
	for _, tt := range []struct {
		name         string
		start        []string
		restore      string
		want         []string
		hexadecimals bool // the key is handed over in another encoding
	}{
		{
			"a key in grace signs at once, for every reader knows it",
			[]string{"B from -1h", "A until 23h"},
			"A",
			[]string{"A", "B from -1h until 25h5m"},
			false,
		},
		{
			"a newer key that does not sign yet gets an end",
			[]string{"C from 30m", "B until 24h30m", "A until 20h"},
			"B",
			[]string{"B", "C from 30m until 25h5m", "A until 20h"},
			false,
		},
		{
			"ends that are there stay",
			[]string{"C", "B from -2h until 22h", "A until 20h"},
			"A",
			[]string{"A", "C until 25h5m", "B from -2h until 22h"},
			false,
		},
		{
			"a live key that does not sign yet keeps its time",
			[]string{"C", "B from 30m until 24h30m", "A until 20h"},
			"B",
			[]string{"B from 30m", "C until 25h5m", "A until 20h"},
			false,
		},
		{
			"the newest key stays",
			[]string{"B from 30m", "A until 24h30m"},
			"B",
			[]string{"B from 30m", "A until 24h30m"},
			false,
		},
		{
			"a dead key comes back as a new one",
			[]string{"B from -1h"},
			"A from -9h until -1h",
			[]string{"A from 1h5m", "B from -1h until 25h5m"},
			false,
		},
		{
			"so does one that ends now",
			[]string{"B", "A until 0s"},
			"A until 0s",
			[]string{"A from 1h5m", "B until 25h5m"},
			false,
		},
		{
			"a dead key where no other may sign",
			[]string{"B from 1h"},
			"A until -1h",
			[]string{"A", "B from 1h until 25h5m"},
			false,
		},
		{
			"a dead key where no other is left",
			[]string{"B until -1h"},
			"A until -1h",
			[]string{"A"},
			false,
		},
		{
			"keys are told apart by their bytes",
			[]string{"B", "A until 23h"},
			"A",
			[]string{"A", "B until 25h5m"},
			true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := ks.draft(routine, tt.start...)
			key := ks.parse(tt.restore)
			if tt.hexadecimals {
				inHex(&key)
				key.KID = "other"
			}
			if err := d.Restore(key); err != nil {
				t.Fatal(err)
			}
			ks.wantKeys(d, tt.want...)
		})
	}
}

// A foreign key that is restored stays for good, though its version is not read again.
func TestRestoreOfAForeignKey(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	current, previous := stored("v2", "", ks.parse("B")), stored("v1", "", ks.parse("A"))
	d := NewDraft(current, &previous, t0.Add(-time.Hour), routine)
	if err := d.Restore(ks.parse("A")); err != nil {
		t.Fatal(err)
	}
	ks.wantKeys(d, "A", "B until 25h5m")
}

func TestWithin(t *testing.T) {
	start := []string{"B", "A until 1h", "Z until -1h"}
	for _, tt := range []struct {
		name    string
		there   []string
		revoked []string
		change  func(*Document)
		want    bool
	}{
		{name: "the same", there: []string{"B", "A"}, revoked: []string{"x", "y"}, want: true},
		{name: "in another order, with more", there: []string{"C", "A", "D", "B"}, revoked: []string{"y", "w", "x"}, want: true},
		{name: "a key is missing", there: []string{"B"}, revoked: []string{"x", "y"}},
		{name: "the newest is missing", there: []string{"A"}, revoked: []string{"x", "y"}},
		{name: "a revocation is missing", there: []string{"B", "A"}, revoked: []string{"x"}},
		{name: "every revocation is missing", there: []string{"B", "A"}},
		{
			name: "other bytes under the kid", there: []string{"C", "A"}, revoked: []string{"x", "y"},
			change: func(d *Document) { d.KID = "B" },
		},
		{
			name: "the bytes under another kid and in another encoding", there: []string{"B", "A"}, revoked: []string{"x", "y"},
			change: func(d *Document) { d.KID, d.Secret, d.Encoding = "C", hex.EncodeToString([]byte(d.Secret)), "hex" }, want: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			d := NewDraft(revoking(stored("v2", "v1", ks.parseAll(start)...), "x", "y"), nil, t0, routine)
			other := revoking(stored("v3", "v2", ks.parseAll(tt.there)...), tt.revoked...).Document
			if tt.change != nil {
				tt.change(other)
			}
			if got := d.Within(other); got != tt.want {
				t.Errorf("Within = %v", got)
			}
		})
	}
}

// What another writer or a newer minor version has added is carried through every
// change, where it stood.
func TestDraftCarriesUnknownMembers(t *testing.T) {
	limits, origin := member{"x_limits", jsontext.Value(`{ "a": [1.50e1] }`)}, member{"x_from", jsontext.Value(`"console"`)}
	for _, tt := range []struct {
		name   string
		change func(ks *keys, d *Draft) error
		order  []string
	}{
		{"a rotation", func(ks *keys, d *Draft) error { return d.Rotate(ks.parse("F")) }, []string{"F", "C", "B", "A"}},
		{"a rollback", func(ks *keys, d *Draft) error { return d.Restore(ks.parse("B")) }, []string{"B", "C", "A"}},
		{"a revocation", func(_ *keys, d *Draft) error {
			d.Revoke([]string{"B"}, nil)
			return nil
		}, []string{"C", "A"}},
		{"a revocation with a fresh key", func(ks *keys, d *Draft) error {
			d.Revoke([]string{"C"}, func() Key { return ks.parse("F") })
			return nil
		}, []string{"F", "B", "A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			current := stored("v2", "v1", ks.parseAll([]string{"C", "B until 1h", "A until 1h"})...)
			current.Document.Version, current.Document.active = "1.7", true
			current.Document.unknown = []member{limits}
			current.Document.Previous[1].unknown = []member{origin}

			d := NewDraft(current, nil, t0, routine)
			if err := tt.change(ks, d); err != nil {
				t.Fatal(err)
			}
			written := written(t, d)
			if got := kidsOf(append([]Key{written.Key}, written.Previous...)); !slices.Equal(got, tt.order) {
				t.Errorf("kids = %v, want %v", got, tt.order)
			}
			if written.Version != "1.7" || !written.active || written.TenantID != "t_abc123" {
				t.Error("version, state or tenant_id changed")
			}
			if !slices.EqualFunc(written.unknown, []member{limits}, sameMember) {
				t.Error("the document's own were changed")
			}
			for _, k := range written.Previous {
				if want := map[string][]member{"A": {origin}}[k.KID]; !slices.EqualFunc(k.unknown, want, sameMember) {
					t.Errorf("those of %s were changed", k.KID)
				}
			}
		})
	}
}

func kidsOf(keys []Key) []string {
	var kids []string
	for _, k := range keys {
		kids = append(kids, k.KID)
	}
	return kids
}

func sameMember(a, b member) bool { return a.name == b.name && string(a.value) == string(b.value) }

// A suspended tenant's keys can be rotated and revoked, and it stays suspended.
func TestDraftOfASuspendedTenant(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	current := stored("v2", "v1", ks.parse("A"))
	current.Document.Suspended = true
	d := NewDraft(current, nil, t0, routine)
	if err := d.Rotate(ks.parse("F")); err != nil {
		t.Fatal(err)
	}
	if !written(t, d).Suspended {
		t.Error("not suspended any more")
	}
}

// An entry of previous may lack created_at and the newest key may not. One that comes
// to the top can be written all the same: a revocation must not fail for it.
func TestUndatedKeyOnTop(t *testing.T) {
	for _, tt := range []struct {
		name   string
		start  []string // the second is undated
		change func(ks *keys, d *Draft) error
	}{
		{"a rollback", []string{"B", "A until 1h"}, func(_ *keys, d *Draft) error {
			k, _ := d.Find("A")
			return d.Restore(k)
		}},
		{"a revocation", []string{"C from 1h", "A from 30m until 24h30m", "B until 24h"}, func(_ *keys, d *Draft) error {
			d.Revoke([]string{"C"}, nil)
			return nil
		}},
		{"the newest has ended", []string{"B until -1h", "A until 1h"}, func(*keys, *Draft) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ks := &keys{t: t, letters: map[string]string{}}
			current := stored("v2", "v1", ks.parseAll(tt.start)...)
			current.Document.Previous[0].CreatedAt = time.Time{}
			d := NewDraft(current, nil, t0, routine)
			if err := tt.change(ks, d); err != nil {
				t.Fatal(err)
			}
			if written := written(t, d); written.KID != "A" || written.CreatedAt.IsZero() || written.CreatedAt.After(t0) {
				t.Errorf("%s on top, created at %v", written.KID, written.CreatedAt)
			}
		})
	}
}
