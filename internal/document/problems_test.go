package document

import (
	"strings"
	"testing"
)

// One read of an error is enough to mend a document: it names every member that is wrong,
// the first problem of each.
func TestErrorsNameAllThatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		what   string
		decode func(string) error
		text   string
		want   string
	}{
		{
			"an HMAC document", errorOf(Decode),
			`{"tenant_id":7,"shared_secret":"MARKER","encoding":"rot13","created_at":"yesterday","sign_after":1,"Base":"MARKER",
			  "previous":[7,{"shared_secret":"short"},{"KID":"MARKER","shared_secret":"MARKERMARKER","not_after":"MARKER"}],
			  "revoked":["MARKER","",{}],"state":"MARKER"}`,
			"version is missing; tenant_id is not a string; encoding is none of hex, base64, base64url and whsec; " +
				"created_at is not an RFC 3339 time; sign_after is not a string; " +
				"previous[0] is not an object; previous[1].shared_secret has 5 bytes, and a key has 16 to 128; previous[1].kid is missing; " +
				"previous[2].not_after is not an RFC 3339 time; previous[2].kid is missing; " +
				`revoked[1] is not a kid; revoked[2] is not a kid; state is neither "active" nor "suspended"; base is written in another case`,
		},
		{
			"what Terraform's random_password alone stores", errorOf(Decode), `{"password":"MARKER"}`,
			"version is missing; tenant_id is missing; shared_secret is missing; created_at is missing",
		},
		{
			"an API key", errorOf(DecodeAPIKey),
			`{"tenant_id":7,"header":"X\n","scheme":["MARKER"],"previous":[{"api_key":"[redacted]","not_after":1},"MARKER"]}`,
			"tenant_id is not a string; api_key is missing; scheme is not a string; header has a control character, which no HTTP header can carry; " +
				"previous[0].api_key is the text that is printed in place of a secret; previous[0].not_after is not a string; previous[1] is not an object",
		},
		{
			"OAuth", errorOf(DecodeOAuth),
			`{"grant_type":"client_credentials","token_url":"ftp://MARKER","scopes":["MARKER",""],"refresh_expires_at":"MARKER","generation":-1}`,
			"client_id is missing; scopes has an element that is no scope; refresh_expires_at is not an RFC 3339 time; " +
				"generation is not a whole number from 0 to 2147483647; client_secret is missing, without which the grant client_credentials gets no token; " +
				"token_url is not an https URL without user and fragment",
		},
		{
			"database credentials", errorOf(DecodeDatabase),
			`{"PASSWORD":"MARKER","host":["MARKER"],"port":"MARKER","ssl":"MARKER"}`,
			"username is missing; password is written in another case; host is not a string; port is not a whole number from 1 to 65535; ssl is neither true nor false",
		},
		{
			"a keyset", errorOf(DecodeKeyset),
			`{"primary":"k9","keys":[{"kid":"k1","status":"enabled","material":"MARKER-"},{"kid":"k1","status":"MARKER"},{}]}`,
			"keys[0].material is not base64; keys[1].status is none of enabled, decrypt_only and destroyed; keys[1].kid is that of another key too; " +
				"keys[2].kid is missing; keys[2].status is missing",
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			checkSays(t, tt.decode(strings.ReplaceAll(tt.text, "MARKER", marker)), tt.want, marker)
		})
	}
}

func errorOf[T any](decode func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := decode(text)
		return err
	}
}

// A document of thousands of wrong elements does not fill a log.
func TestErrorsAreBounded(t *testing.T) {
	marker := newMarker()
	text := built(marker, "previous", "["+strings.Repeat("1,", 9999)+"1]")
	err := errorOf(Decode)(text)
	checkQuiet(t, err)
	if !strings.HasPrefix(err.Error(), "previous[0] is not an object; previous[1] is not an object; ") ||
		!strings.HasSuffix(err.Error(), "; previous[19] is not an object; and 9980 more") {
		t.Errorf("error = %q", err)
	}
}

// Terraform's jsonencode({version = 1.0}) writes the number 1.
func TestDecodeVersionAsANumber(t *testing.T) {
	for _, number := range []string{`1`, `1.0`, `1.00`, `1e0`, `10e-1`} {
		d := decode(t, built(random(t, 32), "version", number))
		if d.Version != "1.0" {
			t.Errorf("%s is version %q, want 1.0", number, d.Version)
		}
		text := encode(t, d)
		if !strings.Contains(text, `"version":"1.0"`) || !equal(withBase(decode(t, text)), withBase(d)) {
			t.Errorf("%s: a rewrite is another document", number)
		}
		draft := NewDraft(Version{ID: "v1", Document: d}, nil, t0, Schedule{At: t0})
		if err := draft.Rotate(GenerateKey("v2", t0)); err != nil {
			t.Fatal(err)
		}
		if next, err := draft.Encode(); err != nil || decode(t, next).Version != "1.0" {
			t.Errorf("%s: the next version cannot be written: %v", number, err)
		}
		accept(t, "number "+number, []string{"version", number}, "", "")
	}
	for _, number := range []string{`0`, `2`, `2.0`, `1.1`, `1.5`, `-1`, `11`, `0.9`, `1e1`, `1e999`, `1.000000001`} {
		refused(t, "number "+number, []string{"version", number}, "its format version is not 1.x; a newer release of this library may read it")
	}
	for _, value := range []string{`true`, `null`, `[1]`, `{"MARKER":1}`} {
		refused(t, value, []string{"version", value}, "version is neither a string nor the number 1")
	}
}

// withBase says that base is there, as a rewrite does.
func withBase(d *Document) *Document {
	d.Based = true
	return d
}
