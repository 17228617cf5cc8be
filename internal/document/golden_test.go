package document

import (
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write testdata anew")

// equal is on what decoding must give back, to the last unexported field.
func equal(a, b *Document) bool {
	return cmp.Equal(a, b, cmp.AllowUnexported(Document{}, Key{}, member{}), cmpopts.EquateEmpty())
}

// goldenKey is fit to stand in a public file.
func goldenKey(version, day int) Key {
	return Key{
		KID:       fmt.Sprintf("00000000-0000-4000-8000-%012d", version),
		Secret:    fmt.Sprintf("golden-file-example-key-not-a-secret-%08d", version),
		CreatedAt: time.Date(2026, 1, day, 3, 4, 5, 0, time.UTC),
	}
}

func goldenDocuments() map[string]*Document {
	first := New("t_abc123", goldenKey(1, 2))

	rotated := New("t_abc123", goldenKey(3, 12))
	rotated.SignAfter = rotated.CreatedAt.Add(65 * time.Minute)
	rotated.Previous = []Key{goldenKey(2, 7), goldenKey(1, 2)}
	rotated.Previous[0].SignAfter = rotated.Previous[0].CreatedAt.Add(65 * time.Minute)
	for i := range rotated.Previous {
		rotated.Previous[i].NotAfter = rotated.SignAfter.Add(24 * time.Hour)
	}
	rotated.Base, rotated.Revoked = goldenKey(2, 7).KID, []string{goldenKey(0, 1).KID}

	unknown := New("t_abc123", goldenKey(2, 7))
	unknown.Version, unknown.active = "1.7", true
	unknown.Previous = []Key{goldenKey(1, 2)}
	unknown.Previous[0].CreatedAt = time.Time{}
	unknown.Previous[0].unknown = []member{{"x_made_by", jsontext.Value(`"the console"`)}}
	unknown.unknown = []member{
		{"x_limits", jsontext.Value(`{ "per_second": 1.50e1, "hosts": ["a", "\u00e9", null] }`)},
		{`x "quoted" é`, jsontext.Value(`-0`)},
	}

	suspended := New("t_abc123", goldenKey(1, 2))
	suspended.Suspended = true

	documents := map[string]*Document{
		"first": first, "rotated": rotated, "unknown": unknown, "suspended": suspended,
	}
	for encoding, encode := range map[string]func([]byte) string{
		"hex": hex.EncodeToString, "base64": base64.StdEncoding.EncodeToString,
		"base64url": base64.RawURLEncoding.EncodeToString, "whsec": Whsec,
	} {
		d := New("t_abc123", goldenKey(1, 2))
		d.Secret, d.Encoding = encode([]byte(d.Secret+"~~?~")), encoding // so that the alphabets and the padding show
		documents["imported-"+encoding] = d
	}
	return documents
}

func TestGolden(t *testing.T) {
	for name, d := range goldenDocuments() {
		t.Run(name, func(t *testing.T) {
			golden(t, name, encode(t, d))
			if !equal(decode(t, read(t, name)), d) {
				t.Error("the file decodes to another document")
			}
		})
	}
}

// A document that Python wrote, as the first rewrite leaves it.
func TestGoldenPythonRewritten(t *testing.T) {
	golden(t, "python-rewritten", encode(t, decode(t, read(t, "python"))))
}

// golden holds text to the file, and the file to decoding and encoding.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := read(t, name)
	if text != want {
		t.Errorf("encoded %s\nwant    %s", text, want)
	}
	if again := encode(t, decode(t, want)); again != want {
		t.Errorf("rewritten %s\nwant      %s", again, want)
	}
}

func path(name string) string { return filepath.Join("testdata", name+".json") }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A rewrite keeps every byte of the largest document, and no larger is written.
func TestEncodeLargest(t *testing.T) {
	d := New("t_abc123", GenerateKey("v1", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
	spare := MaxLength - len(encode(t, d)) - len(`,"x_pad":""`)
	d.unknown = []member{{"x_pad", jsontext.Value(`"` + strings.Repeat("x", spare) + `"`)}}
	text := encode(t, d)
	if len(text) != MaxLength || encode(t, decode(t, text)) != text {
		t.Errorf("the largest document has %d bytes or is changed by a rewrite", len(text))
	}
	d.TenantID += "4"
	_, err := d.Encode()
	checkMalformed(t, err, "it has 65537 bytes, and at most 65536 can be stored", d.Secret)
}

// What could not be read back is not written.
func TestEncodeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(d *Document)
		want string
	}{
		{"the redaction", func(d *Document) { d.Secret = Redaction }, "shared_secret is the text that is printed in place of a secret"},
		{"a short key", func(d *Document) { d.Secret = d.Secret[:15] }, "shared_secret has 15 bytes, and a key has 16 to 128"},
		{"no key", func(d *Document) { d.Secret = "" }, "shared_secret is empty"},
		{"another encoding", func(d *Document) { d.Encoding = "hex" }, "shared_secret is not in the encoding that it names"},
		{"an unknown encoding", func(d *Document) { d.Encoding = "rot13" }, "encoding is none of hex, base64, base64url and whsec"},
		{"no tenant", func(d *Document) { d.TenantID = "" }, "tenant_id is empty"},
		{"no created_at", func(d *Document) { d.CreatedAt = time.Time{} }, "created_at is missing"},
		{"a far future", func(d *Document) { d.SignAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "sign_after is not an RFC 3339 time"},
		{"an unknown version", func(d *Document) { d.Version = "2.0" }, "its format version is not 1.x; a newer release of this library may read it"},
		{"invalid UTF-8", func(d *Document) { d.KID = "\xff" }, "a member to be written is not valid UTF-8"},
		{"an empty kid", func(d *Document) { d.Revoked = []string{""} }, "revoked[0] is not a kid"},
		{"a previous key without kid", func(d *Document) { d.Previous = []Key{{Secret: d.Secret}} }, "previous[0].kid is missing"},
		{"a short previous key", func(d *Document) { d.Previous = []Key{{KID: "v0", Secret: "fifteen bytes.."}} }, "previous[0].shared_secret has 15 bytes, and a key has 16 to 128"},
		{"a member twice", func(d *Document) { d.unknown = []member{{"Kid", jsontext.Value(`1`)}} }, "a member stands twice, in different case"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := New("t_abc123", GenerateKey("v1", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			secret := d.Secret
			tc.edit(d)
			text, err := d.Encode()
			if text != "" {
				t.Error("a refused document was written")
			}
			checkMalformed(t, err, tc.want, secret)
		})
	}
}

// Suspended is what is written, whatever was read.
func TestEncodeSuspended(t *testing.T) {
	for _, state := range []string{``, `"active"`, `"suspended"`} {
		for _, suspended := range []bool{false, true} {
			d := decode(t, built(random(t, 32), "state", state))
			d.Suspended = suspended
			text := encode(t, d)
			if decode(t, text).Suspended != suspended {
				t.Errorf("state %s, Suspended set to %v: not written", state, suspended)
			}
			if !suspended && strings.Contains(text, "active") != (state == `"active"`) {
				t.Errorf("state %s: an explicit active did not survive, or appeared", state)
			}
		}
	}
}

func TestEncodeInUTC(t *testing.T) {
	east := time.FixedZone("", 5*3600+1800)
	d := New("t_abc123", GenerateKey("v1", time.Date(2026, 1, 2, 3, 4, 5, 678, east)))
	if text := encode(t, d); !strings.Contains(text, `"created_at":"2026-01-01T21:34:05.000000678Z"`) {
		t.Error("created_at is not written in UTC")
	}
}
