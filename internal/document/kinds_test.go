package document

import (
	"crypto/rand"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// kindOf is one of the kinds beside the HMAC secret, with its smallest document.
type kindOf[T any] struct {
	least  shape
	decode func(string) (T, error)
	encode func(T) (string, error)
	trim   func(*T) // makes nil of what is empty; nil: nothing can be
}

// shape is the members of a document, in which MARKER stands for a secret.
type shape [][2]string

// text writes the shape with edits: pairs of a member's name and its JSON. A new name is
// added and "" removes the member.
func (s shape) text(marker string, edits ...string) string {
	var parts []string
	for _, m := range s.edited(edits) {
		if m[1] != "" {
			parts = append(parts, quoted(m[0])+":"+m[1])
		}
	}
	return strings.ReplaceAll("{"+strings.Join(parts, ",")+"}", "MARKER", marker)
}

func (s shape) edited(edits []string) shape {
	members := append(shape{}, s...)
next:
	for i := 0; i < len(edits); i += 2 {
		for j := range members {
			if members[j][0] == edits[i] {
				members[j][1] = edits[i+1]
				continue next
			}
		}
		members = append(members, [2]string{edits[i], edits[i+1]})
	}
	return members
}

// note is what somebody else put into a document.
var note = [2]string{"x_note", `{"MARKER":["MARKER",null,{"deep":"MARKER"}]}`}

// newMarker is a secret of 24 characters, which are also the base64 of 18 bytes.
func newMarker() string { return rand.Text()[:24] }

// form is one that a document may have, and what is read of it. In want, MARKER
// stands for the secret.
type form[T any] struct {
	what  string
	edits []string
	want  func(marker string) T
}

func (k kindOf[T]) accepts(t *testing.T, table []form[T]) {
	t.Helper()
	for _, tt := range table {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			got, err := k.decode(k.least.text(marker, tt.edits...))
			if err != nil {
				t.Fatal(err)
			}
			if !k.same(got, tt.want(marker)) {
				t.Error("what is read is not what is stored")
			}
			k.checkRoundTrip(t, got)
		})
	}
}

// refusal is a form that a document may not have, and what is said of it.
type refusal struct {
	what  string
	edits []string
	want  string
}

func (k kindOf[T]) refuses(t *testing.T, table []refusal) {
	t.Helper()
	for _, tt := range table {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			_, err := k.decode(k.least.text(marker, tt.edits...))
			checkSays(t, err, tt.want, marker)
		})
	}
}

// checkSays wants a Malformed with that text, and in it no part of a secret.
func checkSays(t *testing.T, err error, want, marker string) {
	t.Helper()
	var m Malformed
	if !errors.As(err, &m) {
		t.Fatalf("error = %v (%T), want Malformed %q", err, err, want)
	}
	if err.Error() != want {
		t.Errorf("error = %q, want %q", err, want)
	}
	for i := range len(marker) - 5 {
		if strings.Contains(err.Error(), marker[i:i+6]) {
			t.Fatal("the error quotes the document")
		}
	}
}

// same tells whether two values are alike in every member.
func (k kindOf[T]) same(a, b T) bool {
	if k.trim != nil {
		k.trim(&a)
		k.trim(&b)
	}
	return reflect.DeepEqual(a, b)
}

// checkRoundTrip wants that a value is written, and read again as it was.
func (k kindOf[T]) checkRoundTrip(t rapid.TB, value T) {
	text, err := k.encode(value)
	if err != nil {
		t.Fatalf("what is read cannot be written: %v", err)
	}
	again, err := k.decode(text)
	if err != nil {
		t.Fatalf("what is written cannot be read: %v", err)
	}
	if !k.same(again, value) {
		t.Fatal("what is written is read as another value")
	}
	if second, err := k.encode(again); err != nil || second != text {
		t.Fatalf("written again it is another text (%v)", err)
	}
}

// A document of any kind is refused where two readers could take it for two things.
func TestEveryKindRefuses(t *testing.T) {
	t.Run("api_key", func(t *testing.T) { refusesAnyKind(t, apiKeyKind) })
	t.Run("oauth_token", func(t *testing.T) { refusesAnyKind(t, oauthKind) })
	t.Run("credentials", func(t *testing.T) { refusesAnyKind(t, databaseKind) })
	t.Run("encryption_key", func(t *testing.T) { refusesAnyKind(t, keysetKind) })
}

func refusesAnyKind[T any](t *testing.T, k kindOf[T]) {
	k.refuses(t, []refusal{
		{"a number for tenant_id", []string{"tenant_id", `7`}, "tenant_id is not a string"},
		{"null for tenant_id", []string{"tenant_id", `null`}, "tenant_id is not a string"},
		{"an object for base", []string{"base", `{"MARKER":1}`}, "base is not a string"},
		{"Tenant_ID", []string{"tenant_id", ``, "Tenant_ID", `"MARKER"`}, "tenant_id is written in another case"},
		{"a number for nonce", []string{"nonce", `7`}, "nonce is not a string"},
		{"BASE", []string{"BASE", `"MARKER"`}, "base is written in another case"},
		{"a member twice", []string{"y", `"MARKER","y":"MARKER"`}, "a member stands twice"},
		{"a member twice inside", []string{"y", `{"z":"MARKER","z":1}`}, "a member stands twice"},
		{"a member in two cases", []string{"y", `"MARKER","Y":"MARKER"`}, "a member stands twice, in different case"},
		{"a lone surrogate", []string{"y", `"MARKER\ud800"`}, "it is not valid JSON in UTF-8"},
		{"invalid UTF-8", []string{"y", "\"MARKER\xff\""}, "it is not valid JSON in UTF-8"},
		{"a bare word", []string{"y", `MARKER`}, "it is not valid JSON in UTF-8"},
	})
	marker := newMarker()
	whole := k.least.text(marker)
	for _, tt := range []struct{ what, text, want string }{
		{"nothing", ``, "it is not a JSON object"},
		{"a string", `"` + marker + `"`, "it is not a JSON object"},
		{"an array", `["` + marker + `"]`, "it is not a JSON object"},
		{"null", `null`, "it is not a JSON object"},
		{"the secret alone", marker, "it is not a JSON object"},
		{"cut short", whole[:len(whole)-1], "it is JSON cut short"},
		{"data behind it", whole + marker, "something follows the JSON object"},
		{"two of them", whole + whole, "something follows the JSON object"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			_, err := k.decode(tt.text)
			checkSays(t, err, tt.want, marker)
		})
	}
	t.Run("too long", func(t *testing.T) {
		room := MaxLength - len(k.least.text(marker, "y", `""`))
		if _, err := k.decode(k.least.text(marker, "y", `"`+strings.Repeat("y", room)+`"`)); err != nil {
			t.Errorf("of %d bytes: %v", MaxLength, err)
		}
		_, err := k.decode(k.least.text(marker, "y", `"`+strings.Repeat("y", room+1)+`"`))
		checkSays(t, err, "it has 65537 bytes, and at most 65536 can be stored", marker)
	})
}

// Members that a kind does not know are nothing to it.
func TestEveryKindLeavesOthersMembers(t *testing.T) {
	t.Run("api_key", func(t *testing.T) { leavesOthersMembers(t, apiKeyKind) })
	t.Run("oauth_token", func(t *testing.T) { leavesOthersMembers(t, oauthKind) })
	t.Run("credentials", func(t *testing.T) { leavesOthersMembers(t, databaseKind) })
	t.Run("encryption_key", func(t *testing.T) { leavesOthersMembers(t, keysetKind) })
}

func leavesOthersMembers[T any](t *testing.T, k kindOf[T]) {
	marker := newMarker()
	want, err := k.decode(k.least.text(marker))
	if err != nil {
		t.Fatal(err)
	}
	for _, edits := range [][]string{
		{"y", `null`},
		{"y", `"[redacted]"`},
		{"y", `[1,{"tenant_id":7}]`},
		{"base", `""`},
		{"nonce", `""`},
		{"version", `"9.0"`},
		{"tenant_id", ``},
		{"", `""`},
	} {
		got, err := k.decode(k.least.text(marker, edits...))
		if err != nil || !k.same(got, want) {
			t.Errorf("with %q: error %v, or another value", edits, err)
		}
	}
}

// vocabularyOfKinds is everything that an error of a kind may say: numbers and the names
// of members vary.
var vocabularyOfKinds = sayings(
	`it has \d+ bytes, and at most 65536 can be stored`,
	`it begins with a byte order mark \(BOM\): store it as UTF-8 without one`,
	`it is not a JSON object`,
	`it is JSON cut short`,
	`it is not valid JSON in UTF-8`,
	`something follows the JSON object`,
	`a member stands twice(, in different case)?`,
	`a member to be written is not valid UTF-8`,
	`(previous|keys) is not an array`,
	`(previous|keys)\[\d+\] is not an object`,
	`((previous|keys)\[\d+\]\.)?(`+names+`) is (missing|empty|not a string|not an RFC 3339 time|written in another case|not an array)`,
	`((previous|keys)\[\d+\]\.)?(api_key|client_secret|refresh_token|password|material) is the text that is printed in place of a secret`,
	`((previous\[\d+\]\.)?api_key|header|scheme) has a control character, which no HTTP header can carry`,
	`client_secret is missing, without which the grant client_credentials gets no token`,
	`refresh_token is missing, without which the grant refresh_token gets no token`,
	`token_url is not an https URL without user and fragment`,
	`scopes has an element that is no scope`,
	`generation is not a whole number from 0 to 2147483647`,
	`port is not a whole number from 1 to 65535`,
	`ssl is neither true nor false`,
	`keys\[\d+\]\.material is not base64`,
	`keys\[\d+\]\.material has \d+ bytes, and a key has 16 to 64`,
	`keys\[\d+\]\.status is destroyed, and its material is still there`,
	`keys\[\d+\]\.status is none of enabled, decrypt_only and destroyed`,
	`keys\[\d+\]\.kid is that of another key too`,
	`primary is the kid of (none of the keys|a key that is not enabled)`,
)

const names = `tenant_id|base|nonce|api_key|header|scheme|previous|not_after|grant_type|token_url|client_id|client_secret|scopes|` +
	`refresh_token|refresh_expires_at|generation|engine|host|username|password|dbname|port|ssl|masterarn|dbInstanceIdentifier|` +
	`primary|keys|kid|material|status|created_at`

func checkVocabulary(t testing.TB, err error) {
	t.Helper()
	if m := Malformed(""); !errors.As(err, &m) {
		t.Errorf("a refusal is a %T", err)
	}
	if !vocabularyOfKinds.MatchString(err.Error()) {
		t.Error("the error says something outside its vocabulary")
	}
}
