package document

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// random returns a generated key in base64url: 4 characters for 3 bytes.
func random(t testing.TB, bytes int) string {
	t.Helper()
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// built returns a document in which every free text holds the marker. Edits are
// pairs of a member's name and its JSON, in which MARKER stands for the marker;
// a new name is added and "" removes the member.
func built(marker string, edits ...string) string {
	members := [][2]string{
		{"shared_secret", `"MARKER"`},
		{"created_at", `"2026-01-02T03:04:05Z"`},
		{"tenant_id", `"MARKER"`},
		{"version", `"1.0"`},
		{"kid", `"MARKER"`},
		{"x_note", `{"MARKER":["MARKER"]}`},
	}
edits:
	for i := 0; i < len(edits); i += 2 {
		for j := range members {
			if members[j][0] == edits[i] {
				members[j][1] = edits[i+1]
				continue edits
			}
		}
		members = append(members, [2]string{edits[i], edits[i+1]})
	}
	var parts []string
	for _, m := range members {
		if m[1] != "" {
			parts = append(parts, `"`+m[0]+`":`+m[1])
		}
	}
	return strings.ReplaceAll("{"+strings.Join(parts, ",")+"}", "MARKER", marker)
}

// inPrevious returns the edit that makes previous one entry, itself edited.
func inPrevious(edits ...string) []string {
	shape := []string{"created_at", "", "tenant_id", "", "version", ""}
	return []string{"previous", "[" + built("MARKER", append(shape, edits...)...) + "]"}
}

// checkMalformed wants the exact text and, in it, nothing of the document.
func checkMalformed(t *testing.T, err error, want, marker string) {
	t.Helper()
	var m Malformed
	if !errors.As(err, &m) {
		t.Fatalf("error = %v (%T), want Malformed %q", err, err, want)
	}
	if string(m) != want || err.Error() != want {
		t.Errorf("error = %q, want %q", m, want)
	}
	checkQuiet(t, err)
	for i := range len(marker) - 5 {
		if strings.Contains(err.Error(), marker[i:i+6]) {
			t.Fatal("the error quotes the document")
		}
	}
}

// vocabulary is everything that an error may say: only numbers vary.
var vocabulary = sayings(
	`it has \d+ bytes, and at most 65536 can be stored`,
	`it begins with a byte order mark \(BOM\): store it as UTF-8 without one`,
	`it is not a JSON object`,
	`it is JSON cut short`,
	`it is not valid JSON in UTF-8`,
	`something follows the JSON object`,
	`a member stands twice(, in different case)?`,
	`a member to be written is not valid UTF-8`,
	`its format version is not 1\.x; a newer release of this library may read it`,
	`state is neither "active" nor "suspended"`,
	`(previous|revoked) is not an array`,
	`previous\[\d+\] is not an object`,
	`revoked\[\d+\] is not a kid`,
	`(previous\[\d+\]\.)?[a-z_]{3,13} is (missing|empty|not a string|not an RFC 3339 time|written in another case)`,
	`(previous\[\d+\]\.)?encoding is none of hex, base64, base64url and whsec`,
	`(previous\[\d+\]\.)?shared_secret is (not in the encoding that it names|the text that is printed in place of a secret)`,
	`(previous\[\d+\]\.)?shared_secret has \d+ bytes, and a key has 16 to 128`,
	`version is neither a string nor the number 1`,
)

// sayings matches an error that says one of these, or lists several.
func sayings(patterns ...string) *regexp.Regexp {
	one := `(` + strings.Join(patterns, "|") + `)`
	return regexp.MustCompile(`^` + one + `(; ` + one + `){0,19}(; and \d+ more)?$`)
}

func checkQuiet(t *testing.T, err error) {
	t.Helper()
	if !vocabulary.MatchString(err.Error()) {
		t.Error("the error says something outside its vocabulary")
	}
}

// decode is Decode of what must decode.
func decode(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Decode(text)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return d
}

// encode is Encode of what must encode.
func encode(t testing.TB, d *Document) string {
	t.Helper()
	text, err := d.Encode()
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return text
}
