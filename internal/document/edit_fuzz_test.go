package document

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"
)

func FuzzEdit(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("there is no testdata/*.json to begin with (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "base", "v2")
	}
	for _, seed := range [][3]string{
		{`{}`, "", ""},
		{`{"a":1,"A":2}`, "a", "x"},
		{`{"\u0061":{"a":[]}}`, "a", "\u2028"},
		{`{"Base":"v1"}`, "base", "v2"},
		{`{"K":1}`, "\u212a", "x"}, // the Kelvin sign folds to k
		{`{"a":"\ud800"}`, "a", "\xff"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, text, name, value string) {
		before, parseErr := parseObject(text)
		edited, err := Edit(text, Member{name, value})
		if err != nil {
			if m := Malformed(""); !errors.As(err, &m) || edited != "" {
				t.Errorf("a refusal is a %T, with %d bytes", err, len(edited))
			}
			if parseErr == nil && utf8.ValidString(name) && utf8.ValidString(value) && !tooMuch(before, text, name, value) {
				t.Error("a member was refused that fits")
			}
			return
		}
		checkEdited(t, before.members, edited, name, value)
	})
}

// tooMuch tells whether a member would make a text too long, or differ from another in
// case alone.
func tooMuch(o object, text, name, value string) bool {
	clash := slices.ContainsFunc(o.members, func(m member) bool { return m.name != name && fold(m.name) == fold(name) })
	return clash || len(text)+6*(len(name)+len(value)) > MaxLength/2
}

// checkEdited wants one member set, and all others as and where they were.
func checkEdited(t *testing.T, before []member, edited, name, value string) {
	t.Helper()
	after, err := parseObject(edited)
	if err != nil {
		t.Fatalf("what was edited cannot be read: %v", err)
	}
	at := slices.IndexFunc(before, func(m member) bool { return m.name == name })
	if at < 0 {
		at = len(before)
	}
	if got, present, err := Text(edited, name); got != value || !present || err != nil {
		t.Fatalf("the member is not what it was set to (%v, %v)", present, err)
	}
	if at >= len(after.members) || after.members[at].name != name {
		t.Fatal("the member is not where it was")
	}
	others := slices.Delete(after.members, at, at+1)
	if at < len(before) {
		before = slices.Delete(slices.Clone(before), at, at+1)
	}
	if !slices.EqualFunc(others, before, sameMember) {
		t.Fatal("another member was changed")
	}
	if again, err := Edit(edited, Member{name, value}); err != nil || again != edited {
		t.Errorf("a second time it is edited otherwise (%v)", err)
	}
}
