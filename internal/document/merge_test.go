package document

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	for _, tt := range []struct{ name, stored, known, next, want string }{
		{"nothing new", `{"a":"1"}`, `{"a":"1"}`, `{"a":"1"}`, `{"a":"1"}`},
		{"a member in its place", `{"a":"1","x":[ 1 ],"b":"2"}`, `{"a":"1","b":"2"}`, `{"a":{"n":3},"b":"2"}`, `{"a":{"n":3},"x":[ 1 ],"b":"2"}`},
		{"a new one behind the others", `{"a":"1","x":null}`, `{"a":"1"}`, `{"b":"2","a":"1"}`, `{"a":"1","x":null,"b":"2"}`},
		{"one that is gone", `{"a":"1","b":"2","x":null}`, `{"a":"1","b":"2"}`, `{"a":"1"}`, `{"a":"1","x":null}`},
		{"one that was gone", `{"a":"1"}`, `{"a":"1","b":"2"}`, `{"a":"1"}`, `{"a":"1"}`},
		{"one that nobody knew", `{"x":"1"}`, `{}`, `{"x":"2"}`, `{"x":"2"}`},
		{"only at the top", `{"x":{"a":"1"},"a":"1"}`, `{"a":"1"}`, `{"b":"2"}`, `{"x":{"a":"1"},"b":"2"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := Merge(tt.stored, tt.known, tt.next); err != nil || got != tt.want {
				t.Errorf("%s, error %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", MaxLength/2) + `"}`
	for _, tt := range []struct{ name, stored, known, next, want string }{
		{"what is stored", `[]`, `{}`, `{}`, "it is not a JSON object"},
		{"what was known", `{}`, `{"a":1`, `{}`, "it is JSON cut short"},
		{"what comes next", `{}`, `{}`, `{"a":1,"A":2}`, "a member stands twice, in different case"},
		{"what comes of it", `{"A":1}`, `{}`, `{"a":2}`, "a member stands twice, in different case"},
		{"too much of it", long, `{}`, strings.Replace(long, "a", "b", 1), "it has 65551 bytes, and at most 65536 can be stored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Merge(tt.stored, tt.known, tt.next)
			if got != "" {
				t.Error("there is a text beside the error")
			}
			checkMalformed(t, err, tt.want, "")
		})
	}
}

func TestHoldsRedaction(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`:                                    false,
		`{"a":"redacted"}`:                      false,
		`{"a":"` + Redaction + ` "}`:            true,
		`{"a":"db://u:` + Redaction + `@h"}`:    true,
		`{"a":"` + Redaction + `"}`:             true,
		`{"a":"\u005bredacted\u005d"}`:          true,
		`{"a":[1,{"b":["` + Redaction + `"]}]}`: true,
		`{"` + Redaction + `":1}`:               true,
		`"` + Redaction + `"`:                   true,
		Redaction:                               false,
		``:                                      false,
	} {
		if HoldsRedaction(text) != want {
			t.Errorf("%s: HoldsRedaction = %v", text, !want)
		}
	}
}

// A key is told by its bytes: it may stand under several kids, and in several encodings.
func TestNames(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	a := ks.key("A", "a")
	other := a
	other.KID, other.Secret, other.Encoding = "c", hex.EncodeToString([]byte(a.Secret)), "hex"
	unnamed := ks.key("A", "")
	for _, tt := range []struct {
		version Version
		want    []string
	}{
		{stored("v9", "", ks.key("B", "b")), nil},
		{stored("v9", "", ks.key("B", "b"), a), []string{"a"}},
		{stored("v9", "", ks.key("A", "d"), ks.key("B", "b"), a, other), []string{"d", "a", "c"}},
		{stored("v9", "", unnamed), []string{"v9"}},
	} {
		if got := tt.version.Names(a); !slices.Equal(got, tt.want) {
			t.Errorf("names = %v, want %v", got, tt.want)
		}
	}
}

func TestRevokedIsACopy(t *testing.T) {
	ks := &keys{t: t, letters: map[string]string{}}
	d := NewDraft(revoking(stored("v2", "v1", ks.key("A", "a")), "x"), nil, t0, routine)
	d.Revoke([]string{"y"}, nil)
	got := d.Revoked()
	if !slices.Equal(got, []string{"x", "y"}) {
		t.Errorf("revoked = %v", got)
	}
	got[0] = "z"
	if !d.IsRevoked("x") {
		t.Error("Revoked hands out the draft's own")
	}
}
