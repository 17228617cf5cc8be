package document

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("there is no testdata/*.json to begin with (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, edits := range [][]string{
		{"base", `"a","base":"a"`},
		{"ſhared_secret", `1`},
		{"x", `"\ud800"`},
		{"State", `"suspended"`},
		{"encoding", `"whsec"`},
		{"version", `1`},
		{"version", `1.0`},
		{"version", `2`, "shared_secret", `7`},
		{"tenant_id", `7`, "state", `""`, "previous", `[1,{}]`},
		{"created_at", `"9999-12-31T23:59:59-01:00"`},
		inPrevious("not_after", `""`),
	} {
		f.Add(built("0123456789abcdef", edits...))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := Owner(text); err != nil {
			checkRefusal(t, err)
		}
		d, err := Decode(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkSafe(t, d)

		rewritten, err := d.Encode()
		if err != nil { // base, previous and "Z", which are always written, are too much
			checkRefusal(t, err)
			if len(text) < MaxLength/2 {
				t.Fatal("what was read cannot be written")
			}
			return
		}
		again := decode(t, rewritten)
		d.Based = true // base is always written
		if !equal(again, d) {
			t.Error("a rewrite changes the document")
		}
		if encode(t, again) != rewritten {
			t.Error("a second rewrite changes the text")
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if m := Malformed(""); !errors.As(err, &m) {
		t.Errorf("a refusal is a %T", err)
	}
	checkQuiet(t, err)
}

// checkSafe makes rings of a document in every part it can have.
func checkSafe(t *testing.T, d *Document) {
	t.Helper()
	current, previous := Version{ID: "v2", Created: t0, Document: d}, Version{ID: "v1", Created: t0, Document: d}
	edited := *d
	edited.Secret, edited.Encoding = random(t, 32), ""
	for _, ring := range [][]Key{
		Ring(current, nil, t0),
		Ring(current, &previous, t0),
		Ring(Version{ID: "v2", Created: t0, Document: &edited}, &previous, t0),
	} {
		checkRing(t, ring)
		for _, k := range ring {
			if slices.Contains(d.Revoked, k.KID) {
				t.Error("a revoked kid is in the ring")
			}
		}
	}
}
