package document

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestDecode(t *testing.T) {
	marker := random(t, 32)
	d := decode(t, built(marker,
		"created_at", `"2026-01-02T03:04:05Z"`, "sign_after", `"2026-01-02T04:00:00Z"`,
		"previous", `[{"kid":"v1","shared_secret":"previous MARKER","created_at":"2026-01-01T00:00:00Z",
			"sign_after":"2026-01-01T01:00:00Z","not_after":"2026-01-03T00:00:00Z"}]`,
		"base", `"v1"`, "revoked", `["v0"]`, "state", `"active"`))

	if d.Secret != marker || d.TenantID != marker || d.KID != marker {
		t.Error("shared_secret, tenant_id or kid is not as written")
	}
	if d.Version != "1.0" || d.Base != "v1" || d.Suspended || d.Encoding != "" {
		t.Errorf("version %q, base %q, suspended %v, encoding %q", d.Version, d.Base, d.Suspended, d.Encoding)
	}
	if len(d.Revoked) != 1 || d.Revoked[0] != "v0" {
		t.Errorf("revoked = %q", d.Revoked)
	}
	if len(d.Previous) != 1 || d.Previous[0].KID != "v1" || d.Previous[0].Secret != "previous "+marker {
		t.Fatal("previous is not as written")
	}
	for name, pair := range map[string][2]time.Time{
		"created_at":          {d.CreatedAt, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		"sign_after":          {d.SignAfter, time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)},
		"not_after":           {d.NotAfter, time.Time{}},
		"previous created_at": {d.Previous[0].CreatedAt, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		"previous sign_after": {d.Previous[0].SignAfter, time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)},
		"previous not_after":  {d.Previous[0].NotAfter, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestDecodeRequiredMembers(t *testing.T) {
	for _, member := range []string{"shared_secret", "created_at", "tenant_id", "version"} {
		for _, tc := range []struct{ name, value, want string }{
			{"missing", ``, "is missing"},
			{"null", `null`, "is not a string"},
			{"number", `17`, "is not a string"},
			{"object", `{"MARKER":"MARKER"}`, "is not a string"},
			{"empty", `""`, "is empty"},
		} {
			want := member + " " + tc.want
			if want == "created_at is empty" {
				want = "created_at is not an RFC 3339 time"
			}
			switch {
			case member == "version" && tc.value == `17`: // of a format to come
				want = "its format version is not 1.x; a newer release of this library may read it"
			case member == "version" && tc.want == "is not a string":
				want = "version is neither a string nor the number 1"
			}
			refused(t, member+" "+tc.name, []string{member, tc.value}, want)
		}
	}
	for _, member := range []string{"shared_secret", "kid"} {
		refused(t, "previous "+member+" missing", inPrevious(member, ``), "previous[0]."+member+" is missing")
		refused(t, "previous "+member+" null", inPrevious(member, `null`), "previous[0]."+member+" is not a string")
		refused(t, "previous "+member+" number", inPrevious(member, `17`), "previous[0]."+member+" is not a string")
	}
	refused(t, "previous shared_secret empty", inPrevious("shared_secret", `""`), "previous[0].shared_secret is empty")
	refused(t, "previous kid empty", inPrevious("kid", `""`), "previous[0].kid is missing")
}

func TestDecodeOptionalMembers(t *testing.T) {
	const noString, noTime = "is not a string", "is not an RFC 3339 time"
	for _, tc := range []struct{ member, value, want string }{
		{"kid", ``, ""},
		{"kid", `"MARKER"`, ""},
		{"kid", `""`, ""},
		{"kid", `null`, noString},
		{"kid", `["MARKER"]`, noString},
		{"encoding", `null`, noString},
		{"encoding", `8`, noString},
		{"encoding", `""`, "is none of hex, base64, base64url and whsec"},
		{"encoding", `"HEX"`, "is none of hex, base64, base64url and whsec"},
		{"encoding", `"MARKER"`, "is none of hex, base64, base64url and whsec"},
		{"sign_after", `"2026-01-02T03:04:05Z"`, ""},
		{"sign_after", `""`, noTime},
		{"sign_after", `"MARKER"`, noTime},
		{"sign_after", `null`, noString},
		{"sign_after", `1767323045`, noString},
		{"base", `""`, ""},
		{"base", `"MARKER"`, ""},
		{"base", `null`, noString},
		{"base", `{"MARKER":1}`, noString},
		{"previous", `[]`, ""},
		{"previous", `null`, "is not an array"},
		{"previous", `{"MARKER":1}`, "is not an array"},
		{"previous", `"MARKER"`, "is not an array"},
		{"previous", `["MARKER"]`, "[0] is not an object"},
		{"previous", `[null]`, "[0] is not an object"},
		{"previous", `[[{"kid":"MARKER"}]]`, "[0] is not an object"},
		{"previous", `[{}]`, "[0].shared_secret is missing; previous[0].kid is missing"},
		{"revoked", `[]`, ""},
		{"revoked", `["MARKER","v2"]`, ""},
		{"revoked", `null`, "is not an array"},
		{"revoked", `"MARKER"`, "is not an array"},
		{"revoked", `["v1",""]`, "[1] is not a kid"},
		{"revoked", `["v1",["MARKER"]]`, "[1] is not a kid"},
		{"revoked", `[null]`, "[0] is not a kid"},
		{"state", `"active"`, ""},
		{"state", `"suspended"`, ""},
		{"state", `""`, `is neither "active" nor "suspended"`},
		{"state", `"Active"`, `is neither "active" nor "suspended"`},
		{"state", `"MARKER"`, `is neither "active" nor "suspended"`},
		{"state", `null`, noString},
		{"state", `true`, noString},
	} {
		accept(t, tc.member+" "+tc.value, []string{tc.member, tc.value}, tc.member, tc.want)
	}
	for _, tc := range []struct{ member, value, want string }{
		{"created_at", ``, ""},
		{"created_at", `null`, noString},
		{"created_at", `"MARKER"`, noTime},
		{"sign_after", `"2026-01-02T03:04:05Z"`, ""},
		{"sign_after", `"MARKER"`, noTime},
		{"not_after", `"2026-01-02T03:04:05Z"`, ""},
		{"not_after", `null`, noString},
		{"not_after", `""`, noTime},
		{"not_after", `"MARKER"`, noTime},
		{"encoding", `null`, noString},
		{"encoding", `"MARKER"`, "is none of hex, base64, base64url and whsec"},
		{"shared_secret", `"fifteen bytes.."`, "has 15 bytes, and a key has 16 to 128"},
	} {
		accept(t, "previous "+tc.member+" "+tc.value, inPrevious(tc.member, tc.value), "previous[0]."+tc.member, tc.want)
	}
	second := inPrevious()[1]
	second = second[:len(second)-1] + `,{"shared_secret":"MARKER"}]`
	refused(t, "the entry is named", []string{"previous", second}, "previous[1].kid is missing")
}

func TestDecodeState(t *testing.T) {
	marker := random(t, 32)
	for value, suspended := range map[string]bool{``: false, `"active"`: false, `"suspended"`: true} {
		if d := decode(t, built(marker, "state", value)); d.Suspended != suspended {
			t.Errorf("state %s: suspended = %v", value, d.Suspended)
		}
	}
}

func TestDecodeVersion(t *testing.T) {
	for _, version := range []string{"1.0", "1.7", "1.123456789"} {
		accept(t, version, []string{"version", strconv.Quote(version)}, "", "")
	}
	for _, version := range []string{
		"2.0", "1", "1.", "abc", "0.9", "10.0", "01.0", "v1.0", "1.0.0", "1.0 ", " 1.0", "1.-1", "1,0", "1.x", "1.1234567890", "MARKER",
	} {
		refused(t, version, []string{"version", strconv.Quote(version)},
			"its format version is not 1.x; a newer release of this library may read it")
	}
	refused(t, "a line feed follows", []string{"version", `"1.0\n"`},
		"its format version is not 1.x; a newer release of this library may read it")
	// What else a newer format holds is not ours to judge.
	refused(t, "first of all", []string{"version", `"2.0"`, "shared_secret", `{}`},
		"its format version is not 1.x; a newer release of this library may read it")
}

func TestDecodeDuplicates(t *testing.T) {
	const exact, folded = "a member stands twice", "a member stands twice, in different case"
	for _, tc := range []struct {
		name  string
		edits []string
		want  string
	}{
		{"exact", []string{"base", `"a","base":"a"`}, exact},
		{"exact by escape", []string{"base", `"a","b\u0061se":"a"`}, exact},
		{"other case", []string{"Shared_Secret", `"MARKER"`}, folded},
		{"capitals", []string{"SHARED_SECRET", `"MARKER"`}, folded},
		{"long s", []string{"ſhared_secret", `"MARKER"`}, folded},
		{"long s by escape", []string{`\u017fhared_secret`, `"MARKER"`}, folded},
		{"Kelvin sign", []string{"\u212Aid", `"MARKER"`}, folded},
		{"unknown", []string{"x_NOTE", `1`}, folded},
		{"exact in previous", inPrevious("not_after", `"MARKER","not_after":"MARKER"`), exact},
		{"other case in previous", inPrevious("KID", `"MARKER"`), folded},
		{"exact in unknown", []string{"x", `{"a":1,"a":1}`}, exact},
		{"other case in unknown", []string{"x", `[0,{"y":[{"a":1,"b":[],"A":1}]}]`}, folded},
		{"after a nested object", []string{"x", `{"a":{"b":1},"c":[{}],"A":1}`}, folded},
	} {
		refused(t, tc.name, tc.edits, tc.want)
	}
	// The same name in two objects, and a string as its own member's value.
	accept(t, "apart", []string{"x", `{"a":{"a":["a","a"]},"b":[{"a":"b"},{"A":"a"}]}`}, "", "")
}

// A reader as lax as encoding/json would heed these; so would ours, once it had
// written the member by its right name beside them.
func TestDecodeOtherCase(t *testing.T) {
	refused(t, "SHARED_SECRET alone", []string{"shared_secret", ``, "SHARED_SECRET", `"MARKER"`}, "shared_secret is written in another case")
	for _, name := range []string{"sign_after", "base", "previous", "revoked", "state", "encoding", "not_after"} {
		refused(t, name, []string{strings.ToUpper(name), `"MARKER"`}, name+" is written in another case")
	}
	refused(t, "not_after of a previous key", inPrevious("Not_After", `"2026-01-02T03:04:05Z"`), "previous[0].not_after is written in another case")
}

func TestDecodeText(t *testing.T) {
	const noObject, noJSON = "it is not a JSON object", "it is not valid JSON in UTF-8"
	marker := random(t, 32)
	good := built(marker)
	padded := func(length int) string {
		return good[:len(good)-1] + `,"x_pad":"` + strings.Repeat("x", length-len(good)-len(`,"x_pad":""`)) + `"}`
	}
	for _, tc := range []struct{ name, text, want string }{
		{"good", good, ""},
		{"white space around", "\r\n\t " + good + " \n", ""},
		{"65536 bytes", padded(65536), ""},
		{"65537 bytes", padded(65537), "it has 65537 bytes, and at most 65536 can be stored"},
		{"65537 bytes of no JSON", strings.Repeat(marker, 1542)[:65537], "it has 65537 bytes, and at most 65536 can be stored"},
		{"empty", "", noObject},
		{"white space", " \n", noObject},
		{"bare secret", marker, noObject},
		{"string", `"` + marker + `"`, noObject},
		{"array", "[" + good + "]", noObject},
		{"number", "17", noObject},
		{"null", "null", noObject},
		{"byte order mark", "\ufeff" + good, "it begins with a byte order mark (BOM): store it as UTF-8 without one"},
		{"byte order mark alone", "\ufeff", "it begins with a byte order mark (BOM): store it as UTF-8 without one"},
		{"byte order mark inside", good[:1] + "\ufeff" + good[1:], noJSON},
		{"binary", "\x00\xff\x1b\x80" + marker, noObject},
		{"binary object", "{\x00\xff" + marker, noJSON},
		{"single quotes", strings.ReplaceAll(good, `"`, `'`), noJSON},
		{"comment", "{/*" + marker + "*/}", noJSON},
		{"comma at the end", good[:len(good)-1] + ",}", noJSON},
		{"NaN", built(marker, "x", `NaN`), noJSON},
		{"line feed in a string", built(marker, "x", "\"\n\""), noJSON},
		{"empty object", "{}", "version is missing; tenant_id is missing; shared_secret is missing; created_at is missing"},
		{"cut short", good[:len(good)-1], "it is JSON cut short"},
		{"cut in a secret", good[:20], "it is JSON cut short"},
		{"open brace", "{", "it is JSON cut short"},
		{"second object", good + good, "something follows the JSON object"},
		{"closing brace", good + "}", "something follows the JSON object"},
		{"comma", good + ",", "something follows the JSON object"},
		{"NUL", good + "\x00", "something follows the JSON object"},
		{"invalid UTF-8", built(marker, "x", "\"MARKER\xff\""), noJSON},
		{"overlong UTF-8", built(marker, "x", "\"MARKER\xc0\x80\""), noJSON},
		{"surrogate in UTF-8", built(marker, "x", "\"MARKER\xed\xa0\x80\""), noJSON},
		{"invalid UTF-8 in a name", built(marker, "x\xff", `"MARKER"`), noJSON},
		{"invalid UTF-8 in the secret", built(marker, "shared_secret", "\"MARKER\xff\""), noJSON},
		{"lone high surrogate", built(marker, "x", `"MARKER\ud800"`), noJSON},
		{"lone low surrogate", built(marker, "x", `"MARKER\udc00"`), noJSON},
		{"surrogates reversed", built(marker, "x", `"\udc00\ud800"`), noJSON},
		{"lone surrogate in a name", built(marker, `x\ud800`, `"MARKER"`), noJSON},
		{"surrogate pair", built(marker, "x", `"\ud83d\ude00"`), ""},
		{"nested too deep", built(marker, "x", strings.Repeat("[", 10001)+strings.Repeat("]", 10001)), noJSON},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode(tc.text)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			checkMalformed(t, err, tc.want, marker)
			// Owner reads any JSON object, and by the same strict rules.
			if _, _, err := Owner(tc.text); tc.text != "{}" {
				checkMalformed(t, err, tc.want, marker)
			}
		})
	}
}

func TestOwner(t *testing.T) {
	marker := random(t, 32)
	for _, tc := range []struct {
		text, owner string
		present     bool
		want        string
	}{
		{`{"tenant_id":"t_abc123","api_key":"MARKER"}`, "t_abc123", true, ""},
		{`{"tenant_id":"","api_key":"MARKER"}`, "", true, ""},
		{`{"api_key":"MARKER"}`, "", false, ""},
		{`{"TENANT_ID":"t_abc123"}`, "", false, "tenant_id is written in another case"},
		{`{"tenant_id":null}`, "", true, "tenant_id is not a string"},
		{`{"tenant_id":["MARKER"]}`, "", true, "tenant_id is not a string"},
		{`{"tenant_id":"t_a","Tenant_ID":"t_b"}`, "", false, "a member stands twice, in different case"},
	} {
		owner, present, err := Owner(strings.ReplaceAll(tc.text, "MARKER", marker))
		if owner != tc.owner || present != tc.present {
			t.Errorf("%s: Owner = %q, %v, want %q, %v", tc.text, owner, present, tc.owner, tc.present)
		}
		if tc.want != "" {
			checkMalformed(t, err, tc.want, marker)
		} else if err != nil {
			t.Errorf("%s: %v", tc.text, err)
		}
	}
}

// What json.dumps wrote of secrets.token_urlsafe(32) and utcnow().isoformat().
func TestDecodePython(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "python.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := decode(t, string(text))
	got := fmt.Sprintf("%s of %s, %d characters, made %s", d.Version, d.TenantID, len(d.Secret), d.CreatedAt)
	if want := "1.0 of t_abc123, 43 characters, made 2026-01-02 03:04:05.678901 +0000 UTC"; got != want {
		t.Errorf("read %s\nwant %s", got, want)
	}
	if ring := Ring(Version{ID: "v1", Document: d}, nil, time.Time{}); len(ring) != 1 || ring[0].KID != "v1" {
		t.Errorf("its ring has %d keys", len(ring))
	}
}

// refused wants the edited document to be Malformed with this text.
func refused(t *testing.T, name string, edits []string, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		marker := random(t, 32)
		_, err := Decode(built(marker, edits...))
		checkMalformed(t, err, want, marker)
	})
}

// accept wants the edited document to decode and to survive a rewrite, or to be
// refused with a text about a member.
func accept(t *testing.T, name string, edits []string, member, want string) {
	t.Helper()
	switch {
	case strings.HasPrefix(want, "["):
		refused(t, name, edits, member+want)
	case want != "":
		refused(t, name, edits, member+" "+want)
	default:
		t.Run(name, func(t *testing.T) {
			t.Helper()
			text := encode(t, decode(t, built(random(t, 32), edits...)))
			if encode(t, decode(t, text)) != text {
				t.Error("a second rewrite changes the document")
			}
		})
	}
}
