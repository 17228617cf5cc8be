package document

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// keys names generated keys by a letter, so that a ring can be written down.
type keys struct {
	t       *testing.T
	letters map[string]string // by secret
}

// key makes the key of a letter under a kid; edits are applied to it.
func (ks *keys) key(letter, kid string, edits ...func(*Key)) Key {
	k := Key{KID: kid, CreatedAt: t0}
	for secret, l := range ks.letters {
		if l == letter {
			k.Secret = secret
		}
	}
	if k.Secret == "" {
		k.Secret = random(ks.t, 32)
		ks.letters[k.Secret] = letter
	}
	for _, edit := range edits {
		edit(&k)
	}
	return k
}

func until(end time.Duration) func(*Key) { return func(k *Key) { k.NotAfter = t0.Add(end) } }

func inHex(k *Key) { k.Secret, k.Encoding = hex.EncodeToString([]byte(k.Secret)), "hex" }

// show writes a ring as "A v1", "B v2 until 24h0m0s", ...
func (ks *keys) show(ring []Key) []string {
	shown := []string{}
	for _, k := range ring {
		b, err := k.Bytes()
		if err != nil {
			ks.t.Fatal(err)
		}
		s := ks.letters[string(b)] + " " + k.KID
		if !k.NotAfter.IsZero() {
			s += " until " + k.NotAfter.Sub(t0).String()
		}
		shown = append(shown, s)
	}
	return shown
}

// stored returns a version of the tenant's document; the first key is the top.
func stored(id, base string, keys ...Key) Version {
	d := New("t_abc123", keys[0])
	d.Base, d.Previous = base, keys[1:]
	return Version{ID: id, Created: t0, Document: d}
}

func revoking(v Version, kids ...string) Version { v.Document.Revoked = kids; return v }

func TestRing(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	k := ks.key
	foreignTenant := stored("v1", "", k("A", "v1"))
	foreignTenant.Document.TenantID = "t_abc"

	var many []Key
	var manyShown []string
	for _, letter := range strings.Split("A B C D E F G H I J", " ") {
		many = append(many, k(letter, "v"+letter))
		manyShown = append(manyShown, letter+" v"+letter)
	}

	for _, tc := range []struct {
		name     string
		current  Version
		previous *Version
		changed  time.Time // zero: t0, unless noDate
		noDate   bool
		want     []string
	}{
		{
			name:    "first document",
			current: stored("v1", "", k("A", "v1")),
			want:    []string{"A v1"},
		},
		{
			name:    "document order",
			current: stored("v3", "v2", k("C", "v3"), k("A", "v1", until(2*time.Hour)), k("B", "v2", until(time.Hour))),
			want:    []string{"C v3", "A v1 until 2h0m0s", "B v2 until 1h0m0s"},
		},
		{
			name:    "more than eight are all in the ring",
			current: stored("v3", "v2", many...),
			want:    manyShown,
		},
		{
			name:    "ended keys are in the ring, for time decides later",
			current: stored("v2", "v1", k("B", "v2"), k("A", "v1", until(-time.Hour))),
			want:    []string{"B v2", "A v1 until -1h0m0s"},
		},
		{
			name:    "the newest key has an end too",
			current: stored("v2", "v1", k("B", "v2", until(time.Hour)), k("A", "v1", until(2*time.Hour))),
			want:    []string{"B v2 until 1h0m0s", "A v1 until 2h0m0s"},
		},

		// AWSPREVIOUS.
		{
			name:    "AWSPREVIOUS is the base",
			current: stored("v2", "v1", k("B", "v2")), previous: new(stored("v1", "", k("A", "v1"))),
			want: []string{"B v2"},
		},
		{
			name:    "AWSPREVIOUS is the base: its revoked is not read",
			current: stored("v2", "v1", k("B", "v2")), previous: new(revoking(stored("v1", "", k("A", "v1")), "v2")),
			want: []string{"B v2"},
		},
		{
			name:    "AWSPREVIOUS is the current version",
			current: stored("v2", "v1", k("B", "v2")), previous: new(stored("v2", "v1", k("A", "v1"))),
			want: []string{"B v2"},
		},
		{
			name:    "AWSPREVIOUS is not the base",
			current: stored("v3", "v1", k("C", "v3")), previous: new(stored("v2", "v1", k("B", "v2"))),
			want: []string{"C v3", "B v2 until 24h0m0s"},
		},
		{
			name:    "a writer without base",
			current: stored("v2", "", k("B", "")), previous: new(stored("v1", "", k("A", ""))),
			want: []string{"B v2", "A v1 until 24h0m0s"},
		},
		{
			name:     "its previous keys too, after all of the current document's",
			current:  stored("v4", "", k("D", "v4"), k("A", "v1", until(time.Hour))),
			previous: new(stored("v3", "v2", k("C", "v3"), k("B", "v2", until(time.Hour)))),
			want:     []string{"D v4", "A v1 until 1h0m0s", "C v3 until 24h0m0s", "B v2 until 1h0m0s"},
		},
		{
			name:    "another tenant's gives no key",
			current: stored("v2", "", k("B", "v2")), previous: &foreignTenant,
			want: []string{"B v2"},
		},
		{
			name:    "another tenant's revokes",
			current: stored("v2", "", k("B", "v2"), k("C", "v0")), previous: func() *Version {
				v := stored("v1", "", k("A", "v1"))
				v.Document.TenantID, v.Document.Revoked = "t_abc", []string{"v0"}
				return &v
			}(),
			want: []string{"B v2"},
		},

		// How long its keys live.
		{
			name:    "grace ends before not_after",
			current: stored("v2", "", k("B", "v2")), previous: new(stored("v1", "v0", k("A", "v1"), k("C", "v0", until(25*time.Hour)))),
			want: []string{"B v2", "A v1 until 24h0m0s", "C v0 until 24h0m0s"},
		},
		{
			name:    "not_after comes before the grace ends",
			current: stored("v2", "", k("B", "v2")), previous: new(stored("v1", "v0", k("A", "v1"), k("C", "v0", until(23*time.Hour)))),
			want: []string{"B v2", "A v1 until 24h0m0s", "C v0 until 23h0m0s"},
		},
		{
			name:    "not_after of its newest key comes before the grace ends",
			current: stored("v2", "", k("B", "v2")), previous: new(stored("v1", "v0", k("A", "v1", until(time.Hour)))),
			want: []string{"B v2", "A v1 until 1h0m0s"},
		},
		{
			name:    "grace counts from LastChangedDate",
			current: stored("v2", "", k("B", "v2")), previous: new(stored("v1", "", k("A", "v1"))), changed: t0.Add(time.Hour),
			want: []string{"B v2", "A v1 until 25h0m0s"},
		},
		{
			name:    "without LastChangedDate, from when the current version was created",
			current: stored("v2", "", k("B", "v2")), previous: new(stored("v1", "", k("A", "v1"))), noDate: true,
			want: []string{"B v2", "A v1 until 24h0m0s"},
		},

		// Same bytes.
		{
			name:     "same bytes in both documents: the first as it stands",
			current:  stored("v3", "", k("C", "v3"), k("B", "v2", until(time.Hour))),
			previous: new(stored("v2", "", k("B", "v2"), k("A", "v1"))),
			want:     []string{"C v3", "B v2 until 1h0m0s", "A v1 until 24h0m0s"},
		},
		{
			name:    "same bytes under another kid",
			current: stored("v2", "", k("A", "v2")), previous: new(stored("v1", "", k("A", "v1"))),
			want: []string{"A v2"},
		},
		{
			name:    "same bytes in one document",
			current: stored("v2", "v1", k("B", "v2"), k("A", "v1"), k("B", "v0")),
			want:    []string{"B v2", "A v1"},
		},
		{
			name:    "same bytes in another encoding",
			current: stored("v2", "", k("A", "v2", inHex)), previous: new(stored("v1", "", k("A", "v1"))),
			want: []string{"A v2"},
		},

		// Kids.
		{
			name:    "a key without kid has its version's id",
			current: stored("v2", "v1", k("B", ""), k("A", "v1")),
			want:    []string{"B v2", "A v1"},
		},
		{
			name:    "one kid, two keys: the other document's takes its version id",
			current: stored("v3", "", k("C", "v1")), previous: new(stored("v2", "", k("B", "v1"))),
			want: []string{"C v1", "B v2 until 24h0m0s"},
		},
		{
			name:     "one kid, two keys, among previous ones",
			current:  stored("v4", "", k("D", "v4"), k("C", "v1")),
			previous: new(stored("v3", "", k("E", "v9"), k("B", "v1"))),
			want:     []string{"D v4", "C v1", "E v9 until 24h0m0s", "B v3 until 24h0m0s"},
		},
		{
			name:    "the secret alone was changed: the kid stays with the key that it names",
			current: stored("v2", "", k("B", "v1")), previous: new(stored("v1", "", k("A", "v1"))),
			want: []string{"B v2", "A v1 until 24h0m0s"},
		},
		{
			name:     "the same after a rotation",
			current:  stored("v3", "v1", k("C", "v2"), k("A", "v1", until(time.Hour))),
			previous: new(stored("v2", "v1", k("B", "v2"), k("A", "v1", until(time.Hour)))),
			want:     []string{"C v3", "A v1 until 1h0m0s", "B v2 until 24h0m0s"},
		},
		{
			name:     "only the newest key can be the current version's",
			current:  stored("v3", "v1", k("C", "v3"), k("A", "v2")),
			previous: new(stored("v2", "v1", k("B", "v2"))),
			want:     []string{"C v3", "A v2", "B v2 until 24h0m0s"},
		},
		{
			name:    "all but the secret was changed: the kid stays",
			current: stored("v2", "", k("A", "v1")), previous: new(stored("v1", "", k("A", "v1"))),
			want: []string{"A v1"},
		},
		{
			name:     "one kid, one key: it stays",
			current:  stored("v3", "", k("C", "v3"), k("A", "v1")),
			previous: new(stored("v2", "", k("B", "v2"), k("A", "v1"))),
			want:     []string{"C v3", "A v1", "B v2 until 24h0m0s"},
		},

		// Revoked keys.
		{
			name:    "revoked in the current document",
			current: revoking(stored("v2", "v1", k("B", "v2"), k("A", "v1")), "v1"),
			want:    []string{"B v2"},
		},
		{
			name:    "the newest revoked",
			current: revoking(stored("v2", "v1", k("B", "v2"), k("A", "v1")), "v2"),
			want:    []string{"A v1"},
		},
		{
			name:    "revoked by the version's id, without kid",
			current: revoking(stored("v2", "v1", k("B", ""), k("A", "v1")), "v2"),
			want:    []string{"A v1"},
		},
		{
			name:     "revoked in the current document, a key of AWSPREVIOUS",
			current:  revoking(stored("v3", "", k("C", "v3")), "v2"),
			previous: new(stored("v2", "", k("B", "v2"), k("A", "v1"))),
			want:     []string{"C v3", "A v1 until 24h0m0s"},
		},
		{
			name:     "revoked in AWSPREVIOUS, a key of its own",
			current:  stored("v3", "", k("C", "v3")),
			previous: new(revoking(stored("v2", "", k("B", "v2"), k("A", "v1")), "v1")),
			want:     []string{"C v3", "B v2 until 24h0m0s"},
		},
		{
			name:     "revoked in AWSPREVIOUS, a key of the current document",
			current:  stored("v3", "", k("C", "v3"), k("A", "v1")),
			previous: new(revoking(stored("v2", "", k("B", "v2")), "v1")),
			want:     []string{"C v3", "B v2 until 24h0m0s"},
		},
		{
			name:     "revoked by the id of AWSPREVIOUS: a key that both documents have stays",
			current:  revoking(stored("v3", "", k("C", "v3"), k("A", "v1")), "v2"),
			previous: new(stored("v2", "v1", k("B", "v2"), k("A", "v1"))),
			want:     []string{"C v3", "A v1"},
		},
		{
			name:     "revoked by bytes: the other document knows it by another kid",
			current:  revoking(stored("v3", "", k("A", "v3"), k("C", "v0")), "v1"),
			previous: new(stored("v2", "", k("B", "v2"), k("A", "v1"))),
			want:     []string{"C v0", "B v2 until 24h0m0s"},
		},
		{
			name:    "revoked by bytes, whatever the encoding",
			current: revoking(stored("v2", "v1", k("B", "v2"), k("A", "v0", inHex), k("A", "v1")), "v0"),
			want:    []string{"B v2"},
		},
		{
			name:     "revoked by the kid that another version's id displaced",
			current:  revoking(stored("v3", "", k("C", "v3"), k("D", "v1")), "v1"),
			previous: new(stored("v2", "", k("B", "v1"), k("A", "v0"))),
			want:     []string{"C v3", "A v0 until 24h0m0s"},
		},
		{
			name:     "revoked by the version's id that displaced a kid",
			current:  revoking(stored("v3", "", k("C", "v1")), "v2"),
			previous: new(stored("v2", "", k("B", "v1"), k("A", "v0"))),
			want:     []string{"C v1", "A v0 until 24h0m0s"},
		},
		{
			name:     "revoked by the current version's id that displaced a kid",
			current:  revoking(stored("v2", "", k("B", "v1")), "v2"),
			previous: new(stored("v1", "", k("A", "v1"))),
			want:     []string{"A v1 until 24h0m0s"},
		},
		{
			name:    "all revoked",
			current: revoking(stored("v2", "v1", k("B", "v2"), k("A", "v1")), "v1", "v2", "v3"),
			want:    []string{},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := tc.changed
			if changed.IsZero() && !tc.noDate {
				changed = t0
			}
			if !tc.noDate { // a date that must not count
				tc.current.Created = t0.Add(-1000 * time.Hour)
			}
			before := encode(t, tc.current.Document)
			got := ks.show(Ring(tc.current, tc.previous, changed))
			if !slices.Equal(got, tc.want) {
				t.Errorf("ring %q\nwant %q", got, tc.want)
			}
			// Readers and writers ask alike, and the documents stay as they are.
			if again := ks.show(Ring(tc.current, tc.previous, changed)); !slices.Equal(again, got) {
				t.Errorf("asked again: %q", again)
			}
			if encode(t, tc.current.Document) != before {
				t.Error("Ring changed the document")
			}
		})
	}
}

// A console edit of the secret alone, then a rotation built from the ring, then
// a revocation of the key that leaked: the key in use stays.
func TestRingAfterConsoleEdit(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	first := stored("v1", "", ks.key("A", "v1"))
	edited := stored("v2", "", ks.key("B", "v1"))
	ring := Ring(edited, &first, t0)
	if got, want := ks.show(ring), []string{"B v2", "A v1 until 24h0m0s"}; !slices.Equal(got, want) {
		t.Fatalf("after the edit %q, want %q", got, want)
	}
	rotated := stored("v3", "v2", append([]Key{ks.key("C", "v3")}, ring...)...)
	rotated.Document = decode(t, encode(t, revoking(rotated, "v1").Document))
	if got, want := ks.show(Ring(rotated, nil, t0)), []string{"C v3", "B v2"}; !slices.Equal(got, want) {
		t.Errorf("after revoking v1 %q, want %q", got, want)
	}
}
