package document

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var apiKeyKind = kindOf[APIKey]{
	least:  shape{{"api_key", `"MARKER"`}, {"tenant_id", `"MARKER"`}, note},
	decode: DecodeAPIKey,
	encode: APIKey.Encode,
}

var apiKeysAccepted = []form[APIKey]{
	{"the key alone", nil, func(m string) APIKey {
		return APIKey{Key: m, Header: "Authorization"}
	}},
	{"all members", []string{
		"header", `"X-Api-Key"`, "scheme", `"Bearer"`,
		"previous", `[{"api_key":"1MARKER","not_after":"2026-01-02T15:04:05Z"},{"api_key":"2MARKER"}]`,
	}, func(m string) APIKey {
		return APIKey{Key: m, Header: "X-Api-Key", Scheme: "Bearer", Previous: []PreviousAPIKey{
			{Key: "1" + m, NotAfter: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)}, {Key: "2" + m},
		}}
	}},
	{"empty ones", []string{"header", `""`, "scheme", `""`, "previous", `[]`}, func(m string) APIKey {
		return APIKey{Key: m, Header: "Authorization"}
	}},
	{"escapes", []string{"api_key", `"\u0041\/MARKER"`, "header", `"X\u002dKey"`}, func(m string) APIKey {
		return APIKey{Key: "A/" + m, Header: "X-Key"}
	}},
	{"a key of one character", []string{"api_key", `"k"`}, func(string) APIKey {
		return APIKey{Key: "k", Header: "Authorization"}
	}},
	{"a key with blanks", []string{"api_key", `"two words MARKER"`}, func(m string) APIKey {
		return APIKey{Key: "two words " + m, Header: "Authorization"}
	}},
	{"a time with another zone", []string{"previous", `[{"api_key":"MARKER","not_after":"2026-01-02T17:04:05.25+02:00"}]`}, func(m string) APIKey {
		return APIKey{Key: m, Header: "Authorization", Previous: []PreviousAPIKey{{m, time.Date(2026, 1, 2, 15, 4, 5, 25e7, time.UTC)}}}
	}},
	{"a time without a zone, as Python writes it", []string{"previous", `[{"api_key":"MARKER","not_after":"2026-01-02T15:04:05.123456"}]`}, func(m string) APIKey {
		return APIKey{Key: m, Header: "Authorization", Previous: []PreviousAPIKey{{m, time.Date(2026, 1, 2, 15, 4, 5, 123456e3, time.UTC)}}}
	}},
	{"members of others in an entry", []string{"previous", `[{"why":{"MARKER":1},"api_key":"MARKER"}]`}, func(m string) APIKey {
		return APIKey{Key: m, Header: "Authorization", Previous: []PreviousAPIKey{{Key: m}}}
	}},
}

const noControl = " has a control character, which no HTTP header can carry"

var apiKeysRefused = []refusal{
	{"no api_key", []string{"api_key", ``}, "api_key is missing"},
	{"an empty api_key", []string{"api_key", `""`}, "api_key is empty"},
	{"null for api_key", []string{"api_key", `null`}, "api_key is not a string"},
	{"a number for api_key", []string{"api_key", `12345678`}, "api_key is not a string"},
	{"an object for api_key", []string{"api_key", `{"MARKER":"MARKER"}`}, "api_key is not a string"},
	{"a redacted api_key", []string{"api_key", `"[redacted]"`}, "api_key is the text that is printed in place of a secret"},
	{"a redacted api_key with escapes", []string{"api_key", `"\u005bredacted]"`}, "api_key is the text that is printed in place of a secret"},
	{"API_KEY", []string{"api_key", ``, "API_KEY", `"MARKER"`}, "api_key is written in another case"},
	{"Header beside it, which a laxer reader would heed", []string{"Header", `"MARKER"`}, "header is written in another case"},
	{"a number for header", []string{"header", `1`}, "header is not a string"},
	{"null for header", []string{"header", `null`}, "header is not a string"},
	{"a list for scheme", []string{"scheme", `["MARKER"]`}, "scheme is not a string"},
	{"a line break in api_key", []string{"api_key", `"MARKER\r\nX-Evil: 1"`}, "api_key" + noControl},
	{"a NUL in api_key", []string{"api_key", `"MARKER\u0000"`}, "api_key" + noControl},
	{"DEL in header", []string{"header", `"X\u007f"`}, "header" + noControl},
	{"a C1 control in header", []string{"header", `"X\u0085"`}, "header" + noControl},
	{"a tabulator in scheme", []string{"scheme", `"Bearer\t"`}, "scheme" + noControl},
	{"an object for previous", []string{"previous", `{"api_key":"MARKER"}`}, "previous is not an array"},
	{"null for previous", []string{"previous", `null`}, "previous is not an array"},
	{"a key for an entry", []string{"previous", `["MARKER"]`}, "previous[0] is not an object"},
	{"an entry without api_key", []string{"previous", `[{"api_key":"MARKER"},{"key":"MARKER"}]`}, "previous[1].api_key is missing"},
	{"an empty entry", []string{"previous", `[{"api_key":""}]`}, "previous[0].api_key is empty"},
	{"a redacted entry", []string{"previous", `[{"api_key":"[redacted]"}]`}, "previous[0].api_key is the text that is printed in place of a secret"},
	{"a line break in an entry", []string{"previous", `[{"api_key":"MARKER\n"}]`}, "previous[0].api_key has a control character, which no HTTP header can carry"},
	{"Not_After in an entry, whose end would be ignored", []string{"previous", `[{"api_key":"MARKER","Not_After":"2026-01-02T15:04:05Z"}]`}, "previous[0].not_after is written in another case"},
	{"a date for a time", []string{"previous", `[{"api_key":"MARKER","not_after":"2026-01-02"}]`}, "previous[0].not_after is not an RFC 3339 time"},
	{"a number for a time", []string{"previous", `[{"api_key":"MARKER","not_after":1767366245}]`}, "previous[0].not_after is not a string"},
	{"an empty time", []string{"previous", `[{"api_key":"MARKER","not_after":""}]`}, "previous[0].not_after is not an RFC 3339 time"},
}

func TestDecodeAPIKey(t *testing.T) {
	t.Run("accepted", func(t *testing.T) { apiKeyKind.accepts(t, apiKeysAccepted) })
	t.Run("refused", func(t *testing.T) { apiKeyKind.refuses(t, apiKeysRefused) })
}

// What could not be read back is not written.
func TestEncodeAPIKeyRefused(t *testing.T) {
	marker := newMarker()
	for _, tt := range []struct {
		what string
		key  APIKey
		want string
	}{
		{"no key", APIKey{}, "api_key is empty"},
		{"a redacted key", APIKey{Key: Redaction}, "api_key is the text that is printed in place of a secret"},
		{"a redacted previous key", APIKey{Key: marker, Previous: []PreviousAPIKey{{Key: Redaction}}}, "previous[0].api_key is the text that is printed in place of a secret"},
		{"a line break", APIKey{Key: marker + "\n"}, "api_key" + noControl},
		{"invalid UTF-8", APIKey{Key: marker + "\xff"}, "a member to be written is not valid UTF-8"},
		{"a year of five digits", APIKey{Key: marker, Previous: []PreviousAPIKey{{marker, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}}, "previous[0].not_after is not an RFC 3339 time"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			text, err := tt.key.Encode()
			checkSays(t, err, tt.want, marker)
			if text != "" {
				t.Error("there is a text all the same")
			}
		})
	}
}

// drawPrintable draws a text that an HTTP header can carry.
func drawPrintable(t *rapid.T, label string, least int) string {
	return rapid.StringMatching(`[!-~ äß漢😀]{`+string(rune('0'+least))+`,20}`).Filter(func(s string) bool { return s != Redaction }).Draw(t, label)
}

func TestAPIKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := APIKey{Key: drawPrintable(t, "key", 1), Header: drawPrintable(t, "header", 1), Scheme: drawPrintable(t, "scheme", 0)}
		for range rapid.IntRange(0, 3).Draw(t, "previous") {
			k.Previous = append(k.Previous, PreviousAPIKey{drawPrintable(t, "old key", 1), drawTime(t, "not_after")})
		}
		apiKeyKind.checkRoundTrip(t, k)
	})
}
